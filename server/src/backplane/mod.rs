//! What servers share (operations.md, "Backplane"). A room's log is what its members are fed from; the
//! backplane says what comes into it, and in which order.
//!
//! - [`redis`]: there are several servers. One alone has nothing to share: its rooms are all there is.
//! - `mirror`: what a server decides that follows a log which is kept elsewhere. `once`: what is published
//!   again is published once. `locks`: what is stored first is told first.

pub(crate) mod locks;
pub(crate) mod mirror;
pub(crate) mod once;
pub mod redis;

use std::sync::Arc;

use locks::{Lock, Locks};
pub(crate) use redis::Held;
use redis::{HeldLock, Redis, Shared};
use samewire_protocol::{Position, RoomAddress};
use serde_json::value::RawValue;

use crate::{
    error::Result,
    log::LogBounds,
    rooms::{Dismissal, Publishing, RoomState, Rooms},
};

/// What servers share.
#[derive(Debug)]
pub(crate) enum Backplane {
    /// Nothing: there is one. What is published has its place in the room's log, and is sent, in one step
    /// under the room's lock.
    Memory(Arc<Rooms>, Arc<Locks<()>>),
    /// Rooms, by Redis.
    Redis(Arc<Shared>),
}

/// Kept from storing to publishing, so that a room hears of things in the order they were stored, whichever
/// server stores them. It is given back when it is dropped.
///
/// Who has one takes no other: two who wait for each other's wait for long.
#[derive(Debug)]
#[must_use = "it is given back when it is dropped"]
pub struct RoomLock(#[expect(dead_code, reason = "it is only kept")] Kept);

#[derive(Debug)]
#[expect(dead_code, reason = "it is only kept")]
enum Kept {
    Memory(Lock<()>),
    Redis(Lock<Option<HeldLock>>),
}

impl Backplane {
    /// The rooms of a server, and what it shares of them: by Redis, where there may be several.
    pub(crate) fn open(redis: Option<&Redis>, bounds: LogBounds) -> (Arc<Rooms>, Self) {
        match redis {
            None => {
                let rooms = Arc::new(Rooms::new(bounds));
                (rooms.clone(), Self::Memory(rooms, Arc::default()))
            }
            Some(Redis { connection, servers, .. }) => {
                let (rooms, outgoing) = Rooms::of_server(servers.id(), bounds);
                let (rooms, connection) = (Arc::new(rooms), connection.clone());
                let shared =
                    Shared::new(rooms.clone(), outgoing, connection, servers.clone(), bounds);
                (rooms, Self::Redis(Arc::new(shared)))
            }
        }
    }

    /// Does what is to be done all the time. Runs until it is dropped.
    pub(crate) async fn run(&self) {
        match self {
            Self::Memory(..) => {}
            Self::Redis(shared) => shared.run().await,
        }
    }

    /// Resolves once what is shared can be reached.
    ///
    /// # Errors
    /// When Redis is away, and has been for a while.
    pub(crate) async fn reachable(&self) -> Result<()> {
        match self {
            Self::Memory(..) => Ok(()),
            Self::Redis(shared) => shared.reachable().await,
        }
    }

    /// Keeps others from storing and publishing in a room.
    ///
    /// # Errors
    /// When Redis is away, or others keep it for long.
    pub(crate) async fn lock(&self, room: &RoomAddress) -> Result<RoomLock> {
        match self {
            Self::Memory(_, locks) => Ok(RoomLock(Kept::Memory(locks.lock(room).await))),
            Self::Redis(shared) => Ok(RoomLock(Kept::Redis(shared.lock(room).await?))),
        }
    }

    /// Gives an event the next place in its room's log, and sends it to all members.
    ///
    /// # Errors
    /// When Redis is away, or the event can't be written as JSON.
    pub(crate) async fn publish(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        match self {
            Self::Memory(rooms, _) => rooms.publish(room, event, payload, publishing),
            Self::Redis(shared) => shared.publish(room, event, payload, publishing).await,
        }
    }

    /// Sees to it that a room's log is here, up to where somebody saw it who comes back, while what is
    /// given is kept.
    ///
    /// # Errors
    /// When Redis is away.
    pub(crate) async fn hold(
        &self,
        room: &RoomAddress,
        since: Option<&Position>,
    ) -> Result<Option<Held>> {
        match self {
            Self::Memory(..) => Ok(None),
            Self::Redis(shared) => shared.hold(room, since).await.map(Some),
        }
    }

    /// Takes members out of a room.
    ///
    /// # Errors
    /// When Redis is away, or the reason can't be written as JSON.
    pub(crate) async fn dismiss(&self, room: &RoomAddress, dismissal: Dismissal) -> Result<()> {
        match self {
            Self::Memory(rooms, _) => rooms.dismiss(room, &dismissal),
            Self::Redis(shared) => shared.dismiss(room, dismissal).await,
        }
    }

    /// Who is in a room, or nothing where the room isn't known.
    ///
    /// # Errors
    /// When Redis is away.
    pub(crate) async fn state(&self, room: &RoomAddress) -> Result<Option<RoomState>> {
        match self {
            Self::Memory(rooms, _) => Ok(rooms.state(room)),
            Self::Redis(shared) => shared.state(room).await,
        }
    }

    /// These rooms were forgotten here, as nobody is in them.
    pub(crate) async fn forget(&self, rooms: Vec<RoomAddress>) {
        match self {
            Self::Memory(..) => {}
            Self::Redis(shared) => shared.forget(rooms).await,
        }
    }
}
