//! The engine: connections, rooms and limits, and what an application may do with them.

mod connections;
mod members;
mod own_rooms;
mod publishing;
mod sole;

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
    answer::Outcome,
    auth::{AuthMode, Identity, Verifier},
    backplane::{Backplane, redis::Redis},
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
pub use sole::Lease;

/// How often logs are trimmed, and empty rooms and old answers forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// All that connections share. Knows no domain.
#[derive(Debug)]
pub struct Engine {
    verifier: Verifier,
    auth_mode: AuthMode,
    limits: Limits,
    redis: Option<Redis>,
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
    pub(crate) fn new(
        verifier: Verifier,
        auth_mode: AuthMode,
        limits: Limits,
        redis: Option<Redis>,
        registry: Registry,
    ) -> Self {
        let (rooms, backplane) = Backplane::open(redis.as_ref(), limits.log);
        Self {
            redis,
            rates: RateLimits::new(&limits),
            connection_limits: ConnectionLimits::new(&limits),
            emits: Emits::default(),
            backplane,
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

    /// Resolves once a client can be let in: it joins its own room at once.
    pub(crate) async fn reachable(&self) -> Result<()> {
        self.backplane.reachable().await
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn auth_mode(&self) -> AuthMode {
        self.auth_mode
    }

    /// What is shared with other servers, where there may be some.
    pub(crate) fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Acts on a user's emit, unless it has been acted on: then gives its answer. `counted`: what is
    /// acted on counts in the user's window.
    pub(crate) async fn once(
        &self,
        user: &UserId,
        id: &str,
        counted: bool,
        act: impl Future<Output = Outcome>,
    ) -> Outcome {
        let act = async {
            let here = if counted { self.rates.count(user) } else { Ok(()) };
            match &self.redis {
                None => {
                    here?;
                    act.await
                }
                // On the heap: a connection's task keeps what its largest moment needs.
                Some(redis) => Box::pin(redis.emits.once(user, id, counted, act)).await,
            }
        };
        self.emits.once(user, id, clock::unix_ms(), act).await
    }

    /// Counts an event of a user, over all of their connections.
    pub(crate) async fn count(&self, user: &UserId) -> Result<()> {
        // Counted here in any case, to know whose events come here.
        let here = self.rates.count(user);
        match &self.redis {
            None => here,
            Some(redis) => Box::pin(redis.emits.count(user)).await,
        }
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

    /// Tells the members of rooms who comes and goes and other servers what this one has, trims logs,
    /// forgets what nobody needs any longer, and keeps the keys of tokens up to date. Runs until it is dropped.
    pub(crate) async fn upkeep(self: Arc<Self>) {
        let sweep = async {
            let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                ticks.tick().await;
                self.backplane.forget(self.rooms.sweep()).await;
                self.emits.sweep(clock::unix_ms());
                self.rates.sweep();
                self.connection_limits.sweep();
                metrics::upkeep();
            }
        };
        let beat = async {
            if let Some(redis) = &self.redis {
                redis.servers.beat(|| self.figures()).await;
            }
        };
        let keys = self.verifier.keep_fresh();
        tokio::join!(self.backplane.run(), self.rooms.tell_presence(), sweep, beat, keys);
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
