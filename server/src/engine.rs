//! The engine: connections, rooms and limits, and what an application may do with them.

mod connections;
mod own_rooms;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use samewire_protocol::{
    ErrorBody, ErrorCode, Position, RoomAddress, ServerEvent,
    connection::ErrorEvent,
    id::UserId,
    limits::MAX_SENT_ATTACHMENTS,
    presence::PresenceState,
    room,
    rooms::{Joined, Left},
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Notify;

use crate::{
    activities::Announcement,
    attachments::Attachments,
    auth::{AuthMode, Identity, Verifier},
    clock,
    connection::{Connection, Told},
    emits::Emits,
    error::{Error, Result},
    limits::{ConnectionLimits, Limits, RateLimits},
    metrics,
    registry::{Context, Registry},
    retained::Retain,
    rooms::{Filter, Parting, Publishing, RoomState, Rooms},
    socketio,
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
    rooms: Rooms,
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
        Self {
            rates: RateLimits::new(&limits),
            connection_limits: ConnectionLimits::new(&limits),
            emits: Emits::default(),
            rooms: Rooms::new(limits.log),
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

    /// Puts a connection into a room: the one way in. Whether it may is asked of the room's kind.
    ///
    /// # Errors
    /// What the kind's access check says, [`ErrorCode::TooManyRooms`], or
    /// [`ErrorCode::NotFound`] for a kind that nobody serves.
    pub async fn join(
        &self,
        context: &Context,
        address: &RoomAddress,
        since: Option<Position>,
        events: Option<Vec<String>>,
    ) -> Result<Joined> {
        let Context { connection, identity, .. } = context;
        let filter = Filter::of(events)?;
        if !connection.has_place_for(address) {
            let message = format!("a connection may be in {MAX_ROOMS} rooms");
            return Err(Error::refused(ErrorCode::TooManyRooms, message));
        }
        let entry = loop {
            let revocations = self.rooms.revocations();
            self.check_access(identity, address).await?;
            let entry = self.rooms.insert(
                address,
                connection,
                identity,
                since.as_ref(),
                &filter,
                revocations,
            );
            if let Some(entry) = entry {
                break entry;
            }
        };
        connection.joined(address);
        tracing::info!(connection = %connection.id, user = %identity.user_id, room = %address, "joined");
        metrics::joined(address.kind());
        metrics::replayed(entry.missed);
        if !entry.recovered {
            metrics::gap();
        }
        // A user's own room holds nobody to be told of.
        if address.kind() != room::USER {
            let state = PresenceState { room: address.to_string(), users: entry.users.clone() };
            connection.send(&state).await?;
        }
        Ok(Joined {
            room: address.to_string(),
            position: entry.position,
            recovered: entry.recovered,
            missed: entry.missed,
            users: entry.users,
        })
    }

    /// Asks a room's kind whether somebody may be in it.
    async fn check_access(&self, identity: &Identity, address: &RoomAddress) -> Result<()> {
        match self.registry.access_check(address.kind()) {
            Some(check) => check(identity.clone(), address.id().to_owned()).await,
            None => {
                let message = format!("rooms of the kind {} are not served", address.kind().0);
                Err(Error::refused(ErrorCode::NotFound, message))
            }
        }
    }

    /// Takes a connection out of a room.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when it isn't in it, [`ErrorCode::AccessDenied`] for a user's own
    /// room.
    pub fn leave(&self, connection: &Connection, address: &RoomAddress) -> Result<Left> {
        if address.kind() == room::USER {
            let message = "a user's own room can't be left";
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        }
        connection.left(address);
        if !self.rooms.remove(address, &connection.id, Parting::Left) {
            return Err(not_in(address));
        }
        tracing::info!(connection = %connection.id, room = %address, "left");
        Ok(Left { room: address.to_string() })
    }

    /// Sends an event to everybody in a room and keeps it in the room's log. What it tells must be
    /// stored by then.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn publish<E: ServerEvent>(&self, room: &RoomAddress, event: &E) -> Result<Position> {
        self.publish_raw(room, E::NAME, &to_raw_value(event)?)
    }

    /// As [`Engine::publish`], to all but the connection that caused it, which has an answer of its
    /// own. The event stands in the log all the same.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn publish_to_others<E: ServerEvent>(
        &self,
        cause: &Connection,
        room: &RoomAddress,
        event: &E,
    ) -> Result<Position> {
        let publishing = Publishing { except: Some(&cause.id), ..Publishing::default() };
        self.publish_as(room, E::NAME, &to_raw_value(event)?, publishing)
    }

    /// As [`Engine::publish`], for what goes on for a while: whoever joins later is sent what
    /// `retain` sets, as how things stand, before anything that follows.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn publish_retaining<E: ServerEvent>(
        &self,
        room: &RoomAddress,
        event: &E,
        retain: impl Into<Vec<Retain>>,
    ) -> Result<Position> {
        let publishing = Publishing { retain: retain.into(), ..Publishing::default() };
        self.publish_as(room, E::NAME, &to_raw_value(event)?, publishing)
    }

    /// As [`Engine::publish`], to the connections of a user, each of which is asked to acknowledge it.
    /// The first that does is told to what [`Registry::on_acknowledged`] registered. A client that
    /// doesn't is none the worse for it.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn publish_asking<E: ServerEvent>(&self, user: &UserId, event: &E) -> Result<Position> {
        let publishing = Publishing { ask: true, ..Publishing::default() };
        let room = RoomAddress::user(user);
        self.publish_as(&room, E::NAME, &to_raw_value(event)?, publishing)
    }

    /// Sends an event of the application's own, which the protocol doesn't declare.
    ///
    /// # Errors
    /// When the name or the payload can't be written as JSON.
    pub fn publish_value<T: Serialize + ?Sized>(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &T,
    ) -> Result<Position> {
        self.publish_raw(room, event, &to_raw_value(payload)?)
    }

    /// Sends an event whose payload is JSON already.
    ///
    /// # Errors
    /// When the event's name can't be written as JSON.
    pub fn publish_raw(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
    ) -> Result<Position> {
        self.publish_as(room, event, payload, Publishing::default())
    }

    /// Sends an event with binary values, which placeholders in the payload stand for: those of an
    /// event that came, or [`Attachments::placeholder`]s.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPayload`] where there are more than [`MAX_SENT_ATTACHMENTS`]; or when the
    /// name or the payload can't be written as JSON.
    pub fn publish_attached<T: Serialize + ?Sized>(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &T,
        attachments: Attachments,
    ) -> Result<Position> {
        if attachments.len() > MAX_SENT_ATTACHMENTS {
            let problem = format!("expected at most {MAX_SENT_ATTACHMENTS} binary values");
            return Err(Error::field("payload", problem));
        }
        let publishing = Publishing { attachments, ..Publishing::default() };
        self.publish_as(room, event, &to_raw_value(payload)?, publishing)
    }

    fn publish_as(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        metrics::published(event);
        let began = Instant::now();
        let position = self.rooms.publish(room, event, payload, publishing)?;
        metrics::delivered(began.elapsed());
        Ok(position)
    }

    /// Hands on that a connection acknowledged an event of its user.
    pub(crate) async fn acknowledged(&self, context: Context, number: u64) -> Result<()> {
        let room = RoomAddress::user(&context.identity.user_id);
        let Some(logged) = self.rooms.acknowledged(&room, number) else { return Ok(()) };
        match self.registry.acknowledged(&logged.event) {
            Some(handler) => handler(context, serde_json::from_str(logged.frame.payload())?).await,
            None => Ok(()),
        }
    }

    /// Says that a member of a room is at something for a while, such as typing: the others are told
    /// `begun`, once, and `ended` when it leaves, when [`Engine::end_activity`] says so, or when `lasts`
    /// has passed and it wasn't said again. Whoever joins meanwhile is told that it goes on. It is no
    /// part of the room's log.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the connection isn't in the room, or when the payload can't be
    /// written as JSON.
    pub fn begin_activity<B: ServerEvent, E: ServerEvent>(
        &self,
        connection: &Connection,
        room: &RoomAddress,
        lasts: Duration,
        begun: &B,
        ended: &E,
    ) -> Result<()> {
        let announcement = Announcement {
            begun: (B::NAME, socketio::event(B::NAME, begun)?),
            ended: (E::NAME, socketio::event(E::NAME, ended)?),
        };
        let lasts_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        let until_ms = clock::unix_ms().saturating_add(lasts_ms);
        if self.rooms.begin_activity(room, &connection.id, &announcement, until_ms) {
            Ok(())
        } else {
            Err(not_in(room))
        }
    }

    /// Says that a member is no longer at what `B` told the beginning of.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the connection isn't in the room.
    pub fn end_activity<B: ServerEvent>(
        &self,
        connection: &Connection,
        room: &RoomAddress,
    ) -> Result<()> {
        if self.rooms.end_activity(room, &connection.id, B::NAME) {
            Ok(())
        } else {
            Err(not_in(room))
        }
    }

    /// Takes everybody out of a room that `whom` holds for, and tells them why.
    ///
    /// # Errors
    /// When the reason can't be written as JSON.
    pub fn revoke(
        &self,
        room: &RoomAddress,
        whom: impl Fn(&Identity) -> bool,
        reason: ErrorBody,
    ) -> Result<()> {
        for connection in self.rooms.revoke(room, whom) {
            connection.left(room);
            let told = ErrorEvent::new(reason.clone(), None, Some(room), clock::timestamp());
            // Whoever can't be told comes back, and is told that the room is not to be resumed.
            if connection.tell(&told)? == Told::Full {
                connection.close();
            }
        }
        Ok(())
    }

    /// Takes everybody out of a room that is no more. They are told by the event that ended it.
    pub fn close_room(&self, room: &RoomAddress) {
        for connection in self.rooms.revoke(room, |_| true) {
            connection.left(room);
        }
        self.rooms.forget_retained(room);
    }

    /// Who is in a room, or nothing where the room isn't known.
    pub fn room(&self, room: &RoomAddress) -> Option<RoomState> {
        self.rooms.state(room)
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
