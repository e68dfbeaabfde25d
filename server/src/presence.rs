//! Who is in a room, over all tabs and devices (wire.md, section 6). Pure: `now` comes in.
//!
//! What members were told last is kept beside what is true now; the difference is what they are
//! told next, so that whatever came and went in between is not worth a word.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use samewire_protocol::{
    Timestamp,
    id::{ConnectionId, UserId},
    presence::{PresenceChanged, Status, User},
};
use serde_json::Value;

use crate::auth::Identity;

/// Changes within so many milliseconds are told in one event.
pub(crate) const GATHER_MS: u64 = 50;

/// A connection that was lost is missed only after so many milliseconds: a reload is not.
pub(crate) const GRACE_MS: u64 = 2000;

/// Who is in one room.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    users: BTreeMap<UserId, Present>,
    /// What the members were told last.
    told: BTreeMap<UserId, User>,
    /// Users who may differ from what was told.
    changed: BTreeSet<UserId>,
    /// Those of them whom a newcomer was shown as they were in between: told in any case.
    shown: BTreeSet<UserId>,
    /// When the first of them changed.
    changed_at_ms: Option<u64>,
}

/// A user with at least one connection, or one that was lost a moment ago.
#[derive(Debug)]
struct Present {
    name: Option<String>,
    connections: HashMap<ConnectionId, Tab>,
    state: Option<Value>,
    /// When that was said.
    state_at_ms: u64,
    joined_at: Timestamp,
    last_active_at: Timestamp,
}

/// One connection of a user.
#[derive(Debug)]
struct Tab {
    status: Status,
    /// When it was lost.
    lost_at_ms: Option<u64>,
}

impl Present {
    fn user(&self, id: &UserId) -> User {
        User {
            user_id: id.clone(),
            name: self.name.clone(),
            // The most present of them: the least in the order of the declaration.
            status: self.connections.values().map(|tab| tab.status).min().unwrap_or(Status::Away),
            state: self.state.clone(),
            connections: u32::try_from(self.connections.len()).unwrap_or(u32::MAX),
            joined_at: self.joined_at,
            last_active_at: self.last_active_at,
        }
    }
}

impl Presence {
    /// Everybody who is present.
    pub(crate) fn users(&self) -> Vec<User> {
        self.users.iter().map(|(id, present)| present.user(id)).collect()
    }

    /// Everybody who is present, for a newcomer, who knows nothing of what the others were told.
    pub(crate) fn shown(&mut self) -> Vec<User> {
        self.shown.extend(self.changed.iter().cloned());
        self.users()
    }

    /// Whether nobody is present or about to be missed, and everybody knows.
    pub(crate) fn is_settled_and_empty(&self) -> bool {
        self.users.is_empty() && self.changed.is_empty()
    }

    /// A connection came. It takes the place of one that the user lost a moment ago.
    pub(crate) fn join(&mut self, id: &ConnectionId, identity: &Identity, now_ms: u64) {
        let joined_at = Timestamp::from_unix_ms(now_ms);
        self.enter(id, &identity.user_id, identity.name.as_deref(), joined_at, now_ms);
    }

    /// As [`Presence::join`], of one that came a while ago.
    pub(crate) fn enter(
        &mut self,
        id: &ConnectionId,
        user: &UserId,
        name: Option<&str>,
        joined_at: Timestamp,
        now_ms: u64,
    ) {
        let now = Timestamp::from_unix_ms(now_ms);
        let present = self.users.entry(user.clone()).or_insert_with(|| Present {
            name: name.map(str::to_owned),
            connections: HashMap::new(),
            state: None,
            state_at_ms: 0,
            joined_at,
            last_active_at: now,
        });
        present.joined_at = present.joined_at.min(joined_at);
        present.last_active_at = now;
        if present.connections.get(id).is_some_and(|tab| tab.lost_at_ms.is_none()) {
            return;
        }
        let lost = present
            .connections
            .iter()
            .filter_map(|(id, tab)| tab.lost_at_ms.map(|lost_at_ms| (lost_at_ms, id.clone())))
            .min();
        let connections = &mut present.connections;
        let replaced = connections.remove(id).or_else(|| connections.remove(&lost?.1));
        let reloaded = replaced.is_some();
        let status = replaced.map_or(Status::Online, |tab| tab.status);
        present.connections.insert(id.clone(), Tab { status, lost_at_ms: None });
        if !reloaded {
            self.note(user.clone(), now_ms);
        }
    }

    /// A connection left by its own will.
    pub(crate) fn leave(&mut self, id: &ConnectionId, user: &UserId, now_ms: u64) {
        if let Some(present) = self.users.get_mut(user) {
            present.connections.remove(id);
            if present.connections.is_empty() {
                self.users.remove(user);
            }
            self.note(user.clone(), now_ms);
        }
    }

    /// A connection was lost; it is missed only if it doesn't come back soon.
    pub(crate) fn lose(&mut self, id: &ConnectionId, user: &UserId, now_ms: u64) {
        let tab = self.users.get_mut(user).and_then(|present| present.connections.get_mut(id));
        if let Some(tab) = tab {
            tab.lost_at_ms.get_or_insert(now_ms);
        }
    }

    /// A connection says how its user is. Gives the user as they are now, where they are present.
    pub(crate) fn update(
        &mut self,
        id: &ConnectionId,
        user: &UserId,
        status: Option<Status>,
        state: Option<Value>,
        now_ms: u64,
    ) -> Option<User> {
        let present = self.users.get_mut(user)?;
        present.last_active_at = Timestamp::from_unix_ms(now_ms);
        let tab = present.connections.get_mut(id)?;
        if let Some(status) = status {
            tab.status = status;
        }
        if state.is_some() && now_ms >= present.state_at_ms {
            present.state = state;
            present.state_at_ms = now_ms;
        }
        let told = present.user(user);
        self.note(user.clone(), now_ms);
        Some(told)
    }

    /// A connection's status, and since when its user is present.
    pub(crate) fn tab(&self, id: &ConnectionId, user: &UserId) -> Option<(Status, Timestamp)> {
        let present = self.users.get(user)?;
        let tab = present.connections.get(id).filter(|tab| tab.lost_at_ms.is_none())?;
        Some((tab.status, present.joined_at))
    }

    /// When there is something to be told next.
    pub(crate) fn due_at_ms(&self) -> Option<u64> {
        let gathered = self.changed_at_ms.map(|at_ms| at_ms + GATHER_MS);
        let missed = self
            .users
            .values()
            .flat_map(|present| present.connections.values())
            .filter_map(|tab| tab.lost_at_ms)
            .map(|at_ms| at_ms + GRACE_MS);
        gathered.into_iter().chain(missed).min()
    }

    /// What the members are to be told by now.
    pub(crate) fn changes(&mut self, room: &str, now_ms: u64) -> Option<PresenceChanged> {
        self.miss(now_ms);
        if self.changed_at_ms.is_none_or(|at_ms| at_ms + GATHER_MS > now_ms) {
            return None;
        }
        self.changed_at_ms = None;
        let mut told = PresenceChanged {
            room: room.to_owned(),
            joined: Vec::new(),
            updated: Vec::new(),
            left: Vec::new(),
        };
        let shown = std::mem::take(&mut self.shown);
        for id in std::mem::take(&mut self.changed) {
            let before = self.told.remove(&id);
            let Some(present) = self.users.get(&id) else {
                if before.is_some() || shown.contains(&id) {
                    told.left.push(id);
                }
                continue;
            };
            let user = present.user(&id);
            match before {
                None => told.joined.push(user.clone()),
                Some(before) if !same(&before, &user) || shown.contains(&id) => {
                    told.updated.push(user.clone());
                }
                Some(_) => {}
            }
            self.told.insert(id, user);
        }
        let quiet = told.joined.is_empty() && told.updated.is_empty() && told.left.is_empty();
        (!quiet).then_some(told)
    }

    /// Brings what is true up to date where there is nobody to be told.
    pub(crate) fn settle(&mut self, now_ms: u64) {
        self.miss(now_ms);
        self.changed.clear();
        self.shown.clear();
        self.changed_at_ms = None;
    }

    /// Gives up connections that were lost too long ago.
    fn miss(&mut self, now_ms: u64) {
        let mut missed = Vec::new();
        self.users.retain(|user, present| {
            let before = present.connections.len();
            present
                .connections
                .retain(|_, tab| tab.lost_at_ms.is_none_or(|at_ms| at_ms + GRACE_MS > now_ms));
            if present.connections.len() != before {
                missed.push(user.clone());
            }
            !present.connections.is_empty()
        });
        for user in missed {
            // They have been waited for long enough already.
            self.note(user, now_ms.saturating_sub(GATHER_MS));
        }
    }

    fn note(&mut self, user: UserId, now_ms: u64) {
        self.changed.insert(user);
        self.changed_at_ms = Some(self.changed_at_ms.map_or(now_ms, |at_ms| at_ms.min(now_ms)));
    }
}

/// Whether two states of a user are the same to whoever looks on: that somebody did something is
/// not worth an event.
fn same(one: &User, other: &User) -> bool {
    User { last_active_at: other.last_active_at, ..one.clone() } == *other
}
