//! The engine: connections, rooms and limits, and what an application may do with them.

mod connections;
mod members;
mod own_rooms;
mod publishing;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use samewire_protocol::{ErrorCode, RoomAddress, id::UserId};
use tokio::sync::Notify;

use crate::{
    auth::{AuthMode, Identity, Verifier},
    backplane::Backplane,
    clock,
    emits::Emits,
    error::{Error, Result},
    limits::{ConnectionLimits, Limits, RateLimits},
    metrics,
    registry::Registry,
    rooms::Rooms,
};

use connections::Connections;
use own_rooms::OwnRooms;

pub use connections::Stats;
pub use samewire_protocol::limits::MAX_ROOMS;

/// How often logs are trimmed, and empty rooms and old answers forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// All that connections share. Knows no domain.
#[derive(Debug)]
pub struct Engine {
    verifier: Verifier,
    auth_mode: AuthMode,
    limits: Limits,
    rates: RateLimits,
    connection_limits: ConnectionLimits,
    emits: Emits,
    registry: Registry,
    rooms: Arc<Rooms>,
    backplane: Backplane,
    connections: Mutex<Connections>,
    stopping: AtomicBool,
    stop: Notify,
}

impl Engine {
    /// An engine with these domains' registry. The engine's own kinds of rooms are added to it.
    pub fn new(
        verifier: Verifier,
        auth_mode: AuthMode,
        limits: Limits,
        registry: Registry,
    ) -> Self {
        let rooms = Arc::new(Rooms::new(limits.log));
        Self {
            rates: RateLimits::new(&limits),
            connection_limits: ConnectionLimits::new(&limits),
            emits: Emits::default(),
            backplane: Backplane::memory(rooms.clone()),
            rooms,
            registry: registry.with(OwnRooms),
            connections: Mutex::default(),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
            verifier,
            auth_mode,
            limits,
        }
    }

    /// Verifies a token.
    ///
    /// # Errors
    /// When it is invalid or expired, or the keys can't be fetched.
    pub async fn verify(&self, token: &str) -> Result<Identity> {
        self.verifier.verify(token).await
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn auth_mode(&self) -> AuthMode {
        self.auth_mode
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// The answers to emits that were named.
    pub(crate) fn emits(&self) -> &Emits {
        &self.emits
    }

    /// Counts an event of a user.
    pub(crate) fn count(&self, user: &UserId) -> Result<()> {
        self.rates.count(user)
    }

    /// Counts a connection that an address opens.
    pub(crate) fn count_connection(&self, address: IpAddr) -> Result<()> {
        self.connection_limits.count(address)
    }

    /// Reads a room's address.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPayload`] when the text can be none.
    pub fn address(&self, text: &str) -> Result<RoomAddress> {
        RoomAddress::parse(text, self.registry.known_kinds())
            .map_err(|error| Error::field("room", error.to_string()))
    }

    /// Tells the members of rooms who comes and goes, trims logs, forgets what nobody needs any
    /// longer, and keeps the keys of tokens up to date. Runs until it is dropped.
    pub(crate) async fn upkeep(self: Arc<Self>) {
        let sweep = async {
            let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                ticks.tick().await;
                self.rooms.sweep();
                self.emits.sweep(clock::unix_ms());
                self.rates.sweep();
                self.connection_limits.sweep();
                metrics::upkeep();
            }
        };
        tokio::join!(self.rooms.tell_presence(), sweep, self.verifier.keep_fresh());
    }

    /// Tells every connection's task to finish what is queued and end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.notify_waiters();
    }

    /// Whether the server is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Resolves once the server is stopping.
    pub async fn stopped(&self) {
        let notified = self.stop.notified();
        if !self.is_stopping() {
            notified.await;
        }
    }
}

fn not_in(room: &RoomAddress) -> Error {
    Error::refused(ErrorCode::NotFound, format!("not in the room {room}"))
}
