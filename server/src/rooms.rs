//! Rooms: who is in them, their logs, and the one way an event gets to all of them
//! (wire.md, sections 3, 4 and 6).

mod filter;
mod members_presence;
mod past;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use filter::Filter;
use parking_lot::Mutex;
use samewire_protocol::{
    Epoch, Position, RoomAddress, RoomKind, id::ConnectionId, presence::User, room::USER,
};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::{
    activities::{Activities, Shown},
    attachments::Attachments,
    auth::Identity,
    clock,
    connection::{Connection, SendError},
    error::Result,
    log::{LogBounds, Logged, RoomLog},
    metrics,
    presence::Presence,
    retained::{Retain, Retained},
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
}

/// How a connection ceases to be in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It left.
    Left,
    /// It was lost, and may come back.
    Lost,
}

/// How an event is published, where it isn't simply sent to all.
#[derive(Debug, Default)]
pub(crate) struct Publishing<'a> {
    /// Who caused it and isn't sent it now. It stands in the log all the same.
    pub(crate) except: Option<&'a ConnectionId>,
    /// What the room keeps from now on for whoever joins.
    pub(crate) retain: Vec<Retain>,
    /// Whether whoever is sent it is asked to acknowledge it.
    pub(crate) ask: bool,
    /// Binary values of the payload.
    pub(crate) attachments: Attachments,
}

/// What a join found.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) recovered: bool,
    pub(crate) missed: u32,
    pub(crate) users: Vec<User>,
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
            revocations: AtomicU64::new(0),
        }
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

    /// Counts how often access was taken back: to be read before an access check, and handed to
    /// [`Rooms::insert`] after it.
    pub(crate) fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// Puts a connection into a room; it is sent what comes after the entry's position, or after
    /// `since` where the log reaches back to it, by [`Rooms::next_missed`] first.
    ///
    /// Gives nothing where access was taken back since `revocations` was read: check again.
    pub(crate) fn insert(
        &self,
        address: &RoomAddress,
        connection: &Arc<Connection>,
        identity: &Identity,
        since: Option<&Position>,
        filter: &Filter,
        revocations: u64,
    ) -> Option<Entry> {
        self.enter(address, |room| {
            // Whoever takes access back counts first and looks for members under this lock after.
            if self.revocations() != revocations {
                return None;
            }
            room.log.trim(clock::unix_ms());
            let position = room.log.position();
            let recovered = since.is_none_or(|since| room.log.reaches(since));
            let from = match since {
                Some(since) if recovered => since.offset.get(),
                _ => room.log.offset(),
            };
            let known = room.members.remove(&connection.id);
            room.presence.join(&connection.id, identity, clock::unix_ms());
            self.stir(address);
            let behind = Cursor::Behind(from);
            let (cursor, welcome, shown) = match (known, since) {
                // Joining twice is joining once: nothing is sent again, nothing is left out.
                (Some(known), None) => (known.cursor, known.welcome, known.shown),
                // The log tells how things stand.
                (_, Some(_)) if recovered => (behind, Vec::new(), Shown::default()),
                _ => {
                    let retained = room.retained.frames(|event| filter.wants(event));
                    (behind, retained, Shown::default())
                }
            };
            let member = Member {
                connection: connection.clone(),
                identity: identity.clone(),
                filter: filter.clone(),
                presence_missed: false,
                cursor,
                welcome,
                shown,
                activities_missed: false,
            };
            let missed =
                room.log.after(from).filter(|logged| member.filter.wants(&logged.event)).count();
            room.members.insert(connection.id.clone(), member);
            let missed =
                if since.is_some() { u32::try_from(missed).unwrap_or(u32::MAX) } else { 0 };
            Some(Entry { position, recovered, missed, users: room.presence.shown() })
        })
    }

    /// The next frames of a room that a connection hasn't been sent yet, some at a time. Where
    /// there are none, it is live from now on.
    pub(crate) fn next_missed(&self, address: &RoomAddress, id: &ConnectionId) -> Vec<Frame> {
        const AT_A_TIME: usize = 64;
        self.peek(address, |room| {
            let Some(member) = room.members.get_mut(id) else { return Vec::new() };
            let Cursor::Behind(mut offset) = member.cursor else { return Vec::new() };
            if !member.welcome.is_empty() {
                return std::mem::take(&mut member.welcome);
            }
            // Jumping offsets mean nothing to a filtered member: it is told by the resume that
            // follows the loss of its connection.
            if !member.filter.wants_all() && !room.log.reaches_offset(offset) {
                member.connection.close();
                return Vec::new();
            }
            let mut frames = Vec::new();
            for logged in room.log.after(offset) {
                offset = logged.offset;
                if member.filter.wants(&logged.event) {
                    frames.push(logged.frame.frame().clone());
                    if frames.len() == AT_A_TIME {
                        break;
                    }
                }
            }
            // Nothing wanted to the end of the log, or nothing left of it.
            member.cursor = if frames.is_empty() { Cursor::Live } else { Cursor::Behind(offset) };
            frames
        })
        .unwrap_or_default()
    }

    /// Appends an event to a room's log and sends it to all members that keep up. A member whose
    /// buffer is full is cut off from the stream; its connection's task catches up from the log.
    ///
    /// # Errors
    /// When the event can't be written as JSON.
    pub(crate) fn publish(
        &self,
        address: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        let Publishing { except, mut retain, ask, attachments } = publishing;
        self.enter(address, |room| {
            let now_ms = clock::unix_ms();
            let attachments = attachments.clone();
            let logged = room.log.append(address, event, payload, attachments, now_ms, ask)?;
            room.idle_since_ms = now_ms;
            retain.drain(..).for_each(|change| room.retained.apply(change));
            for (id, member) in &mut room.members {
                let wanted = member.filter.wants(event) && except != Some(id);
                if member.cursor != Cursor::Live || !wanted {
                    continue;
                }
                match member.connection.try_send(logged.frame.frame()) {
                    // A closed connection is taken out by its task.
                    Ok(()) | Err(SendError::Closed) => {}
                    Err(SendError::Full) => {
                        metrics::fell_behind();
                        member.cursor = Cursor::Behind(logged.offset - 1);
                        member.connection.fell_behind(address);
                    }
                }
            }
            Ok(room.log.position())
        })
    }

    /// The event that is acknowledged by a number, the first time.
    pub(crate) fn acknowledged(&self, address: &RoomAddress, number: u64) -> Option<Logged> {
        self.peek(address, |room| room.log.acknowledged(number)).flatten()
    }

    /// Takes a connection out of a room, for good or because it was lost. Says whether it was in it.
    pub(crate) fn remove(
        &self,
        address: &RoomAddress,
        id: &ConnectionId,
        parting: Parting,
    ) -> bool {
        self.peek(address, |room| {
            let now_ms = clock::unix_ms();
            room.idle_since_ms = now_ms;
            let Some(member) = room.members.remove(id) else { return false };
            let user = &member.identity.user_id;
            match parting {
                Parting::Left => room.presence.leave(id, user, now_ms),
                Parting::Lost => room.presence.lose(id, user, now_ms),
            }
            if room.activities.leave(id) {
                room.tell_activities(address);
            }
            self.stir(address);
            true
        })
        .unwrap_or(false)
    }

    /// Takes out all members that `whom` holds for, whose access was taken back. A join that
    /// overlaps with it is checked again.
    pub(crate) fn revoke(
        &self,
        address: &RoomAddress,
        whom: impl Fn(&Identity) -> bool,
    ) -> Vec<Arc<Connection>> {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.peek(address, |room| {
            let now_ms = clock::unix_ms();
            room.idle_since_ms = now_ms;
            let revoked: Vec<_> =
                room.members.extract_if(|_, member| whom(&member.identity)).collect();
            for (id, member) in &revoked {
                room.presence.leave(id, &member.identity.user_id, now_ms);
                room.activities.leave(id);
            }
            room.tell_activities(address);
            self.stir(address);
            revoked.into_iter().map(|(_, member)| member.connection).collect()
        })
        .unwrap_or_default()
    }

    /// Drops what a room keeps for whoever joins.
    pub(crate) fn forget_retained(&self, address: &RoomAddress) {
        self.peek(address, |room| room.retained = Retained::default());
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

    /// Trims all logs, and forgets rooms that nobody is in, once their log has expired.
    pub(crate) fn sweep(&self) {
        let now_ms = clock::unix_ms();
        self.rooms.lock().retain(|address, room| {
            let mut room = room.lock();
            room.log.trim(now_ms);
            if address.kind() == USER {
                room.presence.settle(now_ms);
            }
            let expired = room.idle_since_ms.saturating_add(self.bounds.age_ms) < now_ms;
            room.forgotten = room.members.is_empty()
                && room.presence.is_settled_and_empty()
                && room.log.is_empty()
                && expired;
            !room.forgotten
        });
    }
}
