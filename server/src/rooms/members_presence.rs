//! Members of a room are told who else is in it, and what they do there (wire.md, sections 6 and 11).

use std::time::Duration;

use samewire_protocol::{
    Event, RoomAddress,
    id::ConnectionId,
    presence::{PresenceChanged, PresenceState, Status, User},
    room::USER,
};
use serde_json::Value;

use super::{Change, Cursor, Member, Room, Rooms};
use crate::{
    activities::{Activities, Announcement},
    clock,
    connection::SendError,
    error::Result,
    metrics, socketio,
};

/// Rooms are looked at for changes of presence no more often than this.
const STIR_PAUSE: Duration = Duration::from_millis(5);

impl Rooms {
    /// A member says how its user is.
    pub(crate) fn update_presence(
        &self,
        address: &RoomAddress,
        id: &ConnectionId,
        status: Option<Status>,
        state: Option<Value>,
    ) -> Option<User> {
        let user = self.peek(address, |room| {
            let member = room.members.get_mut(id)?;
            if state.is_some() {
                member.state.clone_from(&state);
            }
            let user = member.identity.user_id.clone();
            let told = room.presence.update(id, &user, status, state, clock::unix_ms());
            let member = room.members.get(id)?;
            self.tell_present(address, room, member);
            told
        })??;
        self.stir(address);
        Some(user)
    }

    /// A member's user is at something, and has to say so again within so many milliseconds. Says
    /// whether it is a member.
    pub(crate) fn begin_activity(
        &self,
        address: &RoomAddress,
        id: &ConnectionId,
        announcement: &Announcement,
        lasts_ms: u64,
    ) -> bool {
        let is_member = self.peek(address, |room| {
            let user = room.members.get(id)?.identity.user_id.clone();
            let until_ms = clock::unix_ms().saturating_add(lasts_ms);
            let change = || Change::Began {
                user: user.clone(),
                announcement: announcement.clone(),
                lasts_ms,
            };
            if self.outgoing.is_some() {
                self.tell(address, id, change());
            }
            if room.activities.begin(user.clone(), id, announcement.clone(), until_ms) {
                room.tell_activities(address);
            }
            Some(())
        });
        self.stir(address);
        is_member.flatten().is_some()
    }

    /// A member's user isn't at it any more.
    pub(crate) fn end_activity(
        &self,
        address: &RoomAddress,
        id: &ConnectionId,
        event: &'static str,
    ) -> bool {
        let is_member = self.peek(address, |room| {
            let user = room.members.get(id)?.identity.user_id.clone();
            let change = Change::Ended { user: user.clone(), event: event.to_owned() };
            self.tell(address, id, change);
            if room.activities.end(event, &user, id) {
                room.tell_activities(address);
            }
            Some(())
        });
        is_member.flatten().is_some()
    }

    /// Sends a member who is in the room, where it missed a change of that, and what users do there.
    /// Gives `Full` where its buffer has no room for it yet.
    ///
    /// Under the room's lock, so that no later change overtakes it.
    pub(crate) fn send_missed_presence(
        &self,
        address: &RoomAddress,
        id: &ConnectionId,
    ) -> Result<Option<SendError>> {
        self.peek(address, |room| {
            let Some(member) = room.members.get_mut(id) else { return Ok(None) };
            member.activities_missed = !member.tell_activities(&room.activities);
            if member.activities_missed {
                return Ok(Some(SendError::Full));
            }
            if !member.presence_missed {
                return Ok(None);
            }
            let users = room.presence.shown();
            let state = PresenceState { room: address.to_string(), users };
            let frame = socketio::event(PresenceState::NAME, &state)?;
            let refused = member.connection.try_send(&frame).err();
            member.presence_missed = refused.is_some();
            Ok(refused)
        })
        .unwrap_or(Ok(None))
    }

    /// Notes that somebody came, changed or left, or is at something.
    pub(super) fn stir(&self, address: &RoomAddress) {
        // A user's own room holds nobody to be told of.
        if address.kind() == USER {
            return;
        }
        self.stirred.lock().insert(address.clone());
        self.stir.notify_one();
    }

    /// Tells members who came, changed or left, when it is due. Runs until it is dropped.
    pub(crate) async fn tell_presence(&self) {
        loop {
            let now_ms = clock::unix_ms();
            let stirred: Vec<_> = self.stirred.lock().iter().cloned().collect();
            let mut next_ms = u64::MAX;
            for address in stirred {
                let due_ms = self.peek(&address, |room| {
                    if let Err(error) = room.tell_presence(&address, now_ms) {
                        tracing::error!(%error, "presence can't be told");
                    }
                    if room.activities.expire(now_ms) {
                        room.tell_activities(&address);
                    }
                    let due_ms = [room.presence.due_at_ms(), room.activities.due_at_ms()];
                    let due_ms = due_ms.into_iter().flatten().min();
                    if due_ms.is_none() {
                        // Under the room's lock, so that no new change is overlooked.
                        self.stirred.lock().remove(&address);
                    }
                    due_ms
                });
                match due_ms {
                    Some(due_ms) => next_ms = next_ms.min(due_ms.unwrap_or(u64::MAX)),
                    None => drop(self.stirred.lock().remove(&address)),
                }
            }
            let wait = Duration::from_millis(next_ms.saturating_sub(now_ms).min(60_000));
            let _ = tokio::time::timeout(wait, self.stir.notified()).await;
            // Many who come at once are looked at once.
            tokio::time::sleep(STIR_PAUSE).await;
        }
    }
}

impl Room {
    /// Tells the members who came, changed or left.
    fn tell_presence(&mut self, address: &RoomAddress, now_ms: u64) -> Result<()> {
        let Some(changes) = self.presence.changes(address.as_str(), now_ms) else { return Ok(()) };
        let frame = socketio::event(PresenceChanged::NAME, &changes)?;
        for member in self.members.values_mut() {
            if !member.filter.wants(PresenceChanged::NAME) {
                continue;
            }
            metrics::published(PresenceChanged::NAME);
            let told = member.cursor == Cursor::Live && member.connection.try_send(&frame).is_ok();
            if !told && !member.presence_missed {
                member.presence_missed = true;
                member.connection.fell_behind(address);
            }
        }
        Ok(())
    }

    /// Tells the members what users do, where that changed.
    pub(super) fn tell_activities(&mut self, address: &RoomAddress) {
        for member in self.members.values_mut() {
            let told = member.cursor == Cursor::Live && member.tell_activities(&self.activities);
            if !told && !member.activities_missed {
                member.activities_missed = true;
                member.connection.fell_behind(address);
            }
        }
    }
}

impl Member {
    /// Tells it what users do, as far as it doesn't know. Says no where its buffer has no room.
    fn tell_activities(&mut self, activities: &Activities) -> bool {
        while let Some(change) = activities.next_for(&self.connection.id, &self.shown) {
            if self.filter.wants(&change.event) {
                if self.connection.try_send(&change.frame) == Err(SendError::Full) {
                    return false;
                }
                metrics::published(&change.event);
            }
            self.shown.apply(change);
        }
        true
    }
}
