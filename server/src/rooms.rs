//! Rooms: who is in them, their logs, and the one way an event gets to all of them
//! (wire.md, sections 3, 4 and 6).

mod changes;
mod feeding;
mod filter;
mod members_presence;
mod membership;
mod mirrored;
mod past;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::AtomicU64},
};

pub(crate) use changes::{Change, Outgoing, Tab, ToTell, Told, present};
pub(crate) use feeding::Publishing;
pub(crate) use filter::Filter;
pub use membership::Whom;
pub(crate) use membership::{Dismissal, Parting};
use mirrored::Mirrored;
pub(crate) use mirrored::{Loaded, Record};
use parking_lot::Mutex;
use samewire_protocol::{
    Epoch, Position, RoomAddress, RoomKind, id::ConnectionId, presence::User, room::USER,
};
use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use crate::{
    activities::{Activities, Shown},
    auth::Identity,
    clock,
    connection::Connection,
    log::{LogBounds, RoomLog},
    presence::Presence,
    retained::Retained,
    socketio::Frame,
};

/// All rooms of this server.
#[derive(Debug)]
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<RoomAddress, Arc<Mutex<Room>>>>,
    bounds: LogBounds,
    /// Rooms in which somebody came, changed or left.
    stirred: Mutex<HashSet<RoomAddress>>,
    /// Wakes whoever tells the members.
    stir: Notify,
    /// Names this server among others, which are told what becomes of its members.
    server: String,
    outgoing: Option<mpsc::UnboundedSender<ToTell>>,
    /// How often access was taken back: a join that overlaps with it is checked again.
    revocations: AtomicU64,
}

/// One room.
#[derive(Debug)]
struct Room {
    log: RoomLog,
    members: HashMap<ConnectionId, Member>,
    presence: Presence,
    retained: Retained,
    activities: Activities,
    /// Where the log is kept elsewhere.
    mirrored: Option<Box<Mirrored>>,
    /// Since when nobody is in it and nothing was sent to it, in Unix milliseconds.
    idle_since_ms: u64,
    /// Taken off the map: whoever still holds it looks the room up again.
    forgotten: bool,
}

#[derive(Debug)]
struct Member {
    connection: Arc<Connection>,
    identity: Identity,
    filter: Filter,
    /// What its user said last on it, for other servers.
    state: Option<Value>,
    cursor: Cursor,
    /// What it is sent of how things stand, before anything that comes after its join.
    welcome: Vec<Frame>,
    /// It was cut off when presence changed, and is told the whole of it once it has caught up.
    presence_missed: bool,
    /// What it was told that users do.
    shown: Shown,
    /// It was cut off when that changed.
    activities_missed: bool,
}

/// How far a member was sent the room's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// To its end: new events are sent as they come.
    Live,
    /// Up to this offset: the connection's task sends the rest from the log.
    Behind(u64),
    /// Of a log that is lost: the connection ends, and is sent nothing of the log that follows, which would
    /// pass for the next of what it saw.
    Lost,
}

/// Who is in a room.
#[derive(Debug)]
pub struct RoomState {
    /// The users present.
    pub users: Vec<User>,
    /// Connections in the room.
    pub connections: usize,
    /// Where its log stands.
    pub position: Position,
}

impl Room {
    fn new(bounds: LogBounds, now_ms: u64) -> Self {
        Self {
            log: RoomLog::new(Epoch(uuid::Uuid::new_v4().simple().to_string()), bounds),
            members: HashMap::new(),
            presence: Presence::default(),
            retained: Retained::default(),
            activities: Activities::default(),
            mirrored: None,
            idle_since_ms: now_ms,
            forgotten: false,
        }
    }
}

impl Rooms {
    pub(crate) fn new(bounds: LogBounds) -> Self {
        Self {
            rooms: Mutex::default(),
            bounds,
            stirred: Mutex::default(),
            stir: Notify::new(),
            server: String::new(),
            outgoing: None,
            revocations: AtomicU64::new(0),
        }
    }

    /// As [`Rooms::new`], for one of several servers: what becomes of members goes to the others.
    pub(crate) fn of_server(
        server: &str,
        bounds: LogBounds,
    ) -> (Self, mpsc::UnboundedReceiver<ToTell>) {
        let (outgoing, to_tell) = mpsc::unbounded_channel();
        let (server, outgoing) = (server.to_owned(), Some(outgoing));
        (Self { server, outgoing, ..Self::new(bounds) }, to_tell)
    }

    /// Runs `act` on a room, which is made where there is none.
    fn enter<T>(&self, address: &RoomAddress, mut act: impl FnMut(&mut Room) -> T) -> T {
        loop {
            let room = {
                let mut rooms = self.rooms.lock();
                rooms
                    .entry(address.clone())
                    .or_insert_with(|| {
                        Arc::new(Mutex::new(Room::new(self.bounds, clock::unix_ms())))
                    })
                    .clone()
            };
            let mut room = room.lock();
            if !room.forgotten {
                return act(&mut room);
            }
        }
    }

    /// Runs `act` on a room, where there is one.
    fn peek<T>(&self, address: &RoomAddress, act: impl FnOnce(&mut Room) -> T) -> Option<T> {
        let room = self.rooms.lock().get(address).cloned()?;
        let mut room = room.lock();
        Some(act(&mut room))
    }

    /// Who is in a room.
    pub(crate) fn state(&self, address: &RoomAddress) -> Option<RoomState> {
        self.peek(address, |room| RoomState {
            users: room.presence.users(),
            connections: room.members.len(),
            position: room.log.position(),
        })
    }

    /// The connections in rooms of these kinds, each once, by the rooms' ids.
    pub(crate) fn connections(&self, kinds: &[RoomKind]) -> BTreeMap<String, usize> {
        let rooms: Vec<_> = self
            .rooms
            .lock()
            .iter()
            .filter(|(address, _)| kinds.contains(&address.kind()))
            .map(|(address, room)| (address.id().to_owned(), room.clone()))
            .collect();
        let mut connections: BTreeMap<String, HashSet<ConnectionId>> = BTreeMap::new();
        for (id, room) in rooms {
            let members = room.lock().members.keys().cloned().collect::<Vec<_>>();
            if !members.is_empty() {
                connections.entry(id).or_default().extend(members);
            }
        }
        connections.into_iter().map(|(id, connections)| (id, connections.len())).collect()
    }

    /// Trims all logs, and forgets rooms that nobody is in: once their log has expired, or once their
    /// mirror wasn't needed for a while. Gives the latter.
    pub(crate) fn sweep(&self) -> Vec<RoomAddress> {
        let now_ms = clock::unix_ms();
        let mut unused = Vec::new();
        self.rooms.lock().retain(|address, room| {
            let mut room = room.lock();
            room.log.trim(now_ms);
            if address.kind() == USER {
                room.presence.settle(now_ms);
            }
            let is_over = match &room.mirrored {
                Some(mirrored) => mirrored.is_unused(room.idle_since_ms, now_ms),
                None => {
                    let expired = room.idle_since_ms.saturating_add(self.bounds.age_ms) < now_ms;
                    room.presence.is_settled_and_empty() && room.log.is_empty() && expired
                }
            };
            room.forgotten = room.members.is_empty() && is_over;
            if room.forgotten && room.mirrored.is_some() {
                unused.push(address.clone());
            }
            !room.forgotten
        });
        unused
    }

    /// The texts of what a room keeps for whoever joins.
    #[cfg(test)]
    pub(crate) fn retained(&self, address: &RoomAddress) -> Vec<String> {
        let texts = |room: &mut Room| {
            let frames = room.retained.frames(|_| true);
            frames.iter().map(|frame| frame.text().to_string()).collect()
        };
        self.peek(address, texts).unwrap_or_default()
    }
}
