//! A connection: what others may know of it and send to it. Its task is in `session`.

use std::{
    collections::HashSet,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::{Mutex, RwLock};
use samewire_protocol::{
    RoomAddress, ServerEvent, Timestamp, id::ConnectionId, limits::MAX_ROOMS, room::USER,
};
use tokio::sync::Notify;

use crate::{
    auth::Identity,
    clock,
    error::Result,
    metrics,
    socketio::{self, Frame, Socket},
};

/// A client's connection.
pub struct Connection {
    /// Names it publicly. The Engine.IO session id is a credential and stays inside.
    pub id: ConnectionId,
    socket: Socket,
    identity: RwLock<Option<Identity>>,
    rooms: Mutex<HashSet<RoomAddress>>,
    /// Rooms whose log holds events that this connection wasn't sent yet.
    behind: Mutex<Vec<RoomAddress>>,
    /// Wakes the connection's task when a room was added to `behind`.
    wake: Notify,
    last_active_ms: AtomicU64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What became of an event that was sent to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is on its way, or the connection has ended.
    Sent,
    /// The client doesn't read fast enough: it was not sent.
    Full,
}

/// Why a frame was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// The client doesn't read fast enough: its buffer is full.
    #[error("the buffer is full")]
    Full,
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            id: ConnectionId(uuid::Uuid::new_v4().to_string()),
            socket,
            identity: RwLock::default(),
            rooms: Mutex::default(),
            behind: Mutex::default(),
            wake: Notify::new(),
            last_active_ms: AtomicU64::new(clock::unix_ms()),
        }
    }

    /// Who is signed in on it.
    pub fn identity(&self) -> Option<Identity> {
        self.identity.read().clone()
    }

    /// The rooms it is in.
    pub fn rooms(&self) -> Vec<RoomAddress> {
        self.rooms.lock().iter().cloned().collect()
    }

    /// Whether it is in a room.
    pub fn is_in(&self, room: &RoomAddress) -> bool {
        self.rooms.lock().contains(room)
    }

    /// When the client last sent an event.
    pub fn last_active_at(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.last_active_ms.load(Ordering::Relaxed))
    }

    /// Sends an event to this connection alone, where its buffer has space.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn tell<E: ServerEvent>(&self, event: &E) -> Result<Told> {
        metrics::published(E::NAME);
        Ok(match self.try_send(&socketio::event(E::NAME, event)?) {
            // That a connection has ended is noticed by its task.
            Ok(()) | Err(SendError::Closed) => Told::Sent,
            Err(SendError::Full) => Told::Full,
        })
    }

    /// Ends the connection in a way that official clients don't come back from by themselves.
    pub fn disconnect(&self) {
        let _ = self.try_send(&socketio::disconnect());
        self.close();
    }

    pub(crate) fn set_identity(&self, identity: Identity) {
        *self.identity.write() = Some(identity);
    }

    pub(crate) fn active(&self) {
        self.last_active_ms.store(clock::unix_ms(), Ordering::Relaxed);
    }

    pub(crate) fn has_place_for(&self, room: &RoomAddress) -> bool {
        let rooms = self.rooms.lock();
        // The user's own room is not of the client's choosing.
        let chosen = rooms.iter().filter(|room| room.kind() != USER).count();
        chosen < MAX_ROOMS || rooms.contains(room)
    }

    /// Notes that it is in a room; the task will send what the room's log holds for it.
    pub(crate) fn joined(&self, room: &RoomAddress) {
        self.rooms.lock().insert(room.clone());
        self.fell_behind(room);
    }

    pub(crate) fn left(&self, room: &RoomAddress) {
        self.rooms.lock().remove(room);
    }

    pub(crate) fn fell_behind(&self, room: &RoomAddress) {
        self.behind.lock().push(room.clone());
        self.wake.notify_one();
    }

    /// Waits until there are rooms to catch up with, and takes them.
    pub(crate) async fn behind(&self) -> Vec<RoomAddress> {
        loop {
            let rooms = std::mem::take(&mut *self.behind.lock());
            if !rooms.is_empty() {
                return rooms;
            }
            self.wake.notified().await;
        }
    }

    /// Sends a frame if the buffer has space.
    pub(crate) fn try_send(&self, frame: &Frame) -> std::result::Result<(), SendError> {
        self.socket.emit(frame.clone())
    }

    /// Sends a frame, waiting for space in the buffer; for the session's task alone. Gives
    /// up when the connection has ended.
    pub(crate) async fn send_frame(&self, frame: &Frame) {
        while self.try_send(frame) == Err(SendError::Full) {
            self.wait_for_space().await;
        }
    }

    /// Waits until its buffer may have space again; for the session's task alone.
    pub(crate) async fn wait_for_space(&self) {
        self.socket.wait_for_space().await;
    }

    /// Sends an event, waiting for space in the buffer; for the session's task alone.
    pub(crate) async fn send<E: ServerEvent>(&self, event: &E) -> Result<()> {
        metrics::published(E::NAME);
        self.send_frame(&socketio::event(E::NAME, event)?).await;
        Ok(())
    }

    /// Ends the transport.
    pub(crate) fn close(&self) {
        self.socket.close();
    }

    pub(crate) async fn wait_for_end(&self) {
        self.socket.wait_for_end().await;
    }
}
