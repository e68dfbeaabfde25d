//! Who comes into a room, is brought up to date there, and goes (wire.md, sections 3 and 4).

use std::sync::{Arc, atomic::Ordering};

use samewire_protocol::{
    ErrorBody, Position, RoomAddress,
    connection::ErrorEvent,
    id::{ConnectionId, UserId},
    presence::User,
};
use serde::{Deserialize, Serialize};

use super::{Change, Cursor, Filter, Member, Rooms};
use crate::{
    activities::Shown,
    auth::Identity,
    clock,
    connection::{Connection, Told},
    error::Result,
    retained::Retained,
    socketio::Frame,
};

/// How a connection ceases to be in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It left.
    Left,
    /// It was lost, and may come back.
    Lost,
}

/// What a join found.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) recovered: bool,
    pub(crate) missed: u32,
    pub(crate) users: Vec<User>,
}

/// Which members of a room are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Whom {
    /// All of them.
    All,
    /// Those of one user.
    User(UserId),
}

/// Why members are taken out of a room, not of their own will.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Dismissal {
    /// Their access was taken back: they are told why.
    Revoked {
        /// Who they are.
        whom: Whom,
        /// What they are told.
        reason: ErrorBody,
    },
    /// The room is no more: the event that ended it tells them.
    Closed,
    /// The user whose own room it is was logged out: their connections end.
    Disconnected,
}

impl Whom {
    fn includes(&self, identity: &Identity) -> bool {
        match self {
            Self::All => true,
            Self::User(user) => identity.user_id == *user,
        }
    }
}

impl Rooms {
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
            let known_state = known.as_ref().and_then(|known| known.state.clone());
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
                state: known_state,
                presence_missed: false,
                cursor,
                welcome,
                shown,
                activities_missed: false,
            };
            let missed =
                room.log.after(from).filter(|logged| member.filter.wants(&logged.event)).count();
            self.tell_present(address, room, &member);
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
            let change = match parting {
                Parting::Left => {
                    room.presence.leave(id, user, now_ms);
                    Change::Left { user: user.clone() }
                }
                Parting::Lost => {
                    room.presence.lose(id, user, now_ms);
                    Change::Lost { user: user.clone() }
                }
            };
            self.tell(address, id, change);
            if room.activities.leave(id) {
                room.tell_activities(address);
            }
            self.stir(address);
            true
        })
        .unwrap_or(false)
    }

    /// Takes members out of a room.
    ///
    /// # Errors
    /// When the reason can't be written as JSON.
    pub(crate) fn dismiss(&self, address: &RoomAddress, dismissal: &Dismissal) -> Result<()> {
        match dismissal {
            Dismissal::Revoked { whom, reason } => {
                for connection in self.revoke(address, whom) {
                    connection.left(address);
                    let at = clock::timestamp();
                    let told = ErrorEvent::new(reason.clone(), None, Some(address), at);
                    // Whoever can't be told comes back, and is told that the room is not to be resumed.
                    if connection.tell(&told)? == Told::Full {
                        connection.close();
                    }
                }
            }
            Dismissal::Closed => {
                for connection in self.revoke(address, &Whom::All) {
                    connection.left(address);
                }
                self.peek(address, |room| room.retained = Retained::default());
            }
            Dismissal::Disconnected => {
                let members = self.peek(address, |room| {
                    room.members.values().map(|member| member.connection.clone()).collect()
                });
                let members: Vec<Arc<Connection>> = members.unwrap_or_default();
                members.iter().for_each(|connection| connection.disconnect());
            }
        }
        Ok(())
    }

    /// Takes out members whose access was taken back. A join that overlaps with it is checked again.
    fn revoke(&self, address: &RoomAddress, whom: &Whom) -> Vec<Arc<Connection>> {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.peek(address, |room| {
            let now_ms = clock::unix_ms();
            room.idle_since_ms = now_ms;
            let revoked: Vec<_> =
                room.members.extract_if(|_, member| whom.includes(&member.identity)).collect();
            for (id, member) in &revoked {
                room.presence.leave(id, &member.identity.user_id, now_ms);
                room.activities.leave(id);
                self.tell(address, id, Change::Left { user: member.identity.user_id.clone() });
            }
            room.tell_activities(address);
            self.stir(address);
            revoked.into_iter().map(|(_, member)| member.connection).collect()
        })
        .unwrap_or_default()
    }
}
