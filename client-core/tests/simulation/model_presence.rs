//! Who is in a room, as `server/src/presence.rs` has it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Changes within so many milliseconds are told in one event.
const GATHER_MS: u64 = 50;

/// A connection that was lost is missed only after so many milliseconds.
const GRACE_MS: u64 = 2_000;

#[derive(Default)]
pub(crate) struct Presence {
    users: BTreeMap<String, Present>,
    /// What the members were told last.
    told: BTreeMap<String, Value>,
    changed: BTreeSet<String>,
    changed_at: Option<u64>,
}

#[derive(Default)]
struct Present {
    /// By connection: the status, an index of the statuses from the most present on, and since when
    /// it is lost.
    tabs: BTreeMap<String, (usize, Option<u64>)>,
    state: Option<u64>,
}

impl Present {
    fn value(&self, id: &str) -> Value {
        let status = self.tabs.values().map(|(status, _)| *status).min().unwrap_or_default();
        json!({
            "userId": id,
            "status": crate::schedule::STATUSES[status],
            "state": self.state,
            "connections": self.tabs.len(),
        })
    }
}

impl Presence {
    pub(crate) fn users(&self) -> Vec<Value> {
        self.users.iter().map(|(id, present)| present.value(id)).collect()
    }

    pub(crate) fn join(&mut self, user: &str, connection: &str, now: u64) {
        let tabs = &mut self.users.entry(user.to_owned()).or_default().tabs;
        if tabs.get(connection).is_some_and(|(_, lost)| lost.is_none()) {
            return;
        }
        let lost = tabs.iter().filter(|(_, (_, lost))| lost.is_some());
        let lost = lost.min_by_key(|(_, (_, lost))| *lost).map(|(id, _)| id.clone());
        let status = lost.and_then(|id| tabs.remove(&id)).map_or(0, |(status, _)| status);
        tabs.insert(connection.to_owned(), (status, None));
        self.note(user, now);
    }

    pub(crate) fn leave(&mut self, user: &str, connection: &str, now: u64) {
        if let Some(present) = self.users.get_mut(user) {
            present.tabs.remove(connection);
            if present.tabs.is_empty() {
                self.users.remove(user);
            }
            self.note(user, now);
        }
    }

    pub(crate) fn lose(&mut self, user: &str, connection: &str, now: u64) {
        let tab = self.users.get_mut(user).and_then(|present| present.tabs.get_mut(connection));
        if let Some((_, lost)) = tab {
            lost.get_or_insert(now);
        }
    }

    /// Says whether the user is in the room by that connection.
    pub(crate) fn set(
        &mut self,
        user: &str,
        connection: &str,
        status: usize,
        state: u64,
        now: u64,
    ) -> bool {
        let Some(present) = self.users.get_mut(user) else { return false };
        let Some((known, _)) = present.tabs.get_mut(connection) else { return false };
        *known = status;
        present.state = Some(state);
        self.note(user, now);
        true
    }

    pub(crate) fn due(&self) -> Option<u64> {
        let gathered = self.changed_at.map(|at| at + GATHER_MS);
        let tabs = self.users.values().flat_map(|present| present.tabs.values());
        let missed = tabs.filter_map(|(_, lost)| *lost).map(|at| at + GRACE_MS);
        gathered.into_iter().chain(missed).min()
    }

    /// What the members are to be told by now. `forgets_newcomers`: nobody is told that somebody
    /// left, or is again as before, of whom all members were not told; but whoever joined in between
    /// was.
    pub(crate) fn changes(&mut self, now: u64, forgets_newcomers: bool) -> Option<Value> {
        self.miss(now);
        if self.changed_at.is_none_or(|at| at + GATHER_MS > now) {
            return None;
        }
        self.changed_at = None;
        let (mut joined, mut updated, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.changed) {
            let before = self.told.remove(&id);
            match (self.users.get(&id), before) {
                (None, None) if forgets_newcomers => {}
                (None, _) => left.push(id),
                (Some(present), before) => {
                    let user = present.value(&id);
                    match before {
                        None => joined.push(user.clone()),
                        Some(before) if forgets_newcomers && before == user => {}
                        Some(_) => updated.push(user.clone()),
                    }
                    self.told.insert(id, user);
                }
            }
        }
        let quiet = joined.is_empty() && updated.is_empty() && left.is_empty();
        (!quiet).then(|| json!({ "joined": joined, "updated": updated, "left": left }))
    }

    fn miss(&mut self, now: u64) {
        let mut missed = Vec::new();
        self.users.retain(|id, present| {
            let before = present.tabs.len();
            present.tabs.retain(|_, (_, lost)| lost.is_none_or(|at| at + GRACE_MS > now));
            if present.tabs.len() != before {
                missed.push(id.clone());
            }
            !present.tabs.is_empty()
        });
        for id in missed {
            self.note(&id, now.saturating_sub(GATHER_MS));
        }
    }

    fn note(&mut self, user: &str, now: u64) {
        self.changed.insert(user.to_owned());
        self.changed_at = Some(self.changed_at.map_or(now, |at| at.min(now)));
    }
}
