//! Who is in a room, over all tabs and devices (wire.md, section 6). Pure: `now` comes in.
//!
//! What members were told last is kept beside what is true now; the difference is what they are
//! told next, so that whatever came and went in between is not worth a word.

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(user: &str) -> Identity {
        Identity {
            user_id: user.into(),
            email: None,
            name: None,
            expires_at: Timestamp::from_unix_ms(u64::MAX),
        }
    }

    fn told(presence: &mut Presence, now_ms: u64) -> (Vec<String>, Vec<String>, Vec<String>) {
        let ids = |users: Vec<User>| users.into_iter().map(|user| user.user_id.0).collect();
        presence.changes("room:x", now_ms).map_or_else(Default::default, |told| {
            let left = told.left.into_iter().map(|id| id.0).collect();
            (ids(told.joined), ids(told.updated), left)
        })
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn changes_of_fifty_milliseconds_are_told_at_once() {
        let mut presence = Presence::default();
        presence.join(&"1".into(), &identity("ada"), 0);
        presence.join(&"2".into(), &identity("grace"), 40);
        assert_eq!(presence.due_at_ms(), Some(50));
        assert_eq!(told(&mut presence, 49), Default::default());
        assert_eq!(told(&mut presence, 50), (names(&["ada", "grace"]), vec![], vec![]));
        assert_eq!(presence.due_at_ms(), None);
    }

    #[test]
    fn a_reload_is_never_told() {
        let mut presence = Presence::default();
        presence.join(&"1".into(), &identity("ada"), 0);
        told(&mut presence, 50);
        presence.lose(&"1".into(), &"ada".into(), 1000);
        assert_eq!(told(&mut presence, 2999), Default::default());
        presence.join(&"2".into(), &identity("ada"), 2999);
        assert_eq!(told(&mut presence, 10_000), Default::default());
        assert_eq!(presence.users().len(), 1);
        assert_eq!(presence.users()[0].connections, 1);
    }

    #[test]
    fn whoever_does_not_come_back_is_missed_after_the_grace() {
        let mut presence = Presence::default();
        presence.join(&"1".into(), &identity("ada"), 0);
        told(&mut presence, 50);
        presence.lose(&"1".into(), &"ada".into(), 1000);
        assert_eq!(presence.due_at_ms(), Some(3000));
        assert_eq!(told(&mut presence, 3000), (vec![], vec![], names(&["ada"])));
        assert!(presence.is_settled_and_empty());
    }

    #[test]
    fn the_most_present_of_a_users_tabs_counts() {
        let mut presence = Presence::default();
        let ada = UserId::from("ada");
        presence.join(&"1".into(), &identity("ada"), 0);
        presence.join(&"2".into(), &identity("ada"), 0);
        presence.update(&"1".into(), &ada, Some(Status::Away), None, 0);
        assert_eq!(presence.users()[0].status, Status::Online);
        presence.update(&"2".into(), &ada, Some(Status::Busy), Some(Value::from(7)), 0);
        assert_eq!(presence.users()[0].status, Status::Busy);
        presence.leave(&"2".into(), &ada, 0);
        assert_eq!(presence.users()[0].status, Status::Away);
        assert_eq!(presence.users()[0].state, Some(Value::from(7)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Join(u8, u8),
        Leave(u8, u8),
        Lose(u8, u8),
        Update(u8, u8, Status),
        Wait(u64),
        /// Somebody new is shown who is there, and listens from then on.
        Look,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let tab = || (0_u8..3, 0_u8..3);
        let status = prop_oneof![Just(Status::Online), Just(Status::Busy), Just(Status::Away)];
        prop::collection::vec(
            prop_oneof![
                tab().prop_map(|(user, tab)| Step::Join(user, tab)),
                tab().prop_map(|(user, tab)| Step::Leave(user, tab)),
                tab().prop_map(|(user, tab)| Step::Lose(user, tab)),
                (tab(), status).prop_map(|((user, tab), status)| Step::Update(user, tab, status)),
                (1_u64..3000).prop_map(Step::Wait),
                (1_u64..40).prop_map(Step::Wait),
                Just(Step::Look),
            ],
            0..80,
        )
    }

    proptest! {
        /// Whatever happens, folding what is told onto what was shown gives what is true once it
        /// is quiet, whenever somebody began to listen.
        #[test]
        fn the_fold_of_what_is_told_is_the_truth(steps in steps()) {
            let mut presence = Presence::default();
            let mut folds: Vec<BTreeMap<UserId, User>> = vec![BTreeMap::new()];
            let mut now_ms = 0;
            let told_to = |folds: &mut Vec<BTreeMap<UserId, User>>, presence: &mut Presence, now_ms: u64| {
                let Some(told) = presence.changes("room:x", now_ms) else { return };
                for fold in folds {
                    for user in told.joined.iter().chain(&told.updated) {
                        fold.insert(user.user_id.clone(), user.clone());
                    }
                    fold.retain(|id, _| !told.left.contains(id));
                }
            };
            let ids = |user: u8, tab: u8| {
                (UserId(format!("u{user}")), ConnectionId(format!("c{user}{tab}")))
            };
            for step in steps {
                match step {
                    Step::Join(user, tab) => {
                        let (user, id) = ids(user, tab);
                        presence.join(&id, &identity(user.as_str()), now_ms);
                    }
                    Step::Leave(user, tab) => {
                        let (user, id) = ids(user, tab);
                        presence.leave(&id, &user, now_ms);
                    }
                    Step::Lose(user, tab) => {
                        let (user, id) = ids(user, tab);
                        presence.lose(&id, &user, now_ms);
                    }
                    Step::Update(user, tab, status) => {
                        let (user, id) = ids(user, tab);
                        presence.update(&id, &user, Some(status), None, now_ms);
                    }
                    Step::Wait(wait_ms) => {
                        let until_ms = now_ms + wait_ms;
                        while let Some(due_ms) = presence.due_at_ms().filter(|due| *due <= until_ms) {
                            now_ms = now_ms.max(due_ms);
                            told_to(&mut folds, &mut presence, now_ms);
                        }
                        now_ms = until_ms;
                    }
                    Step::Look => {
                        let shown = presence.shown();
                        folds.push(shown.into_iter().map(|user| (user.user_id.clone(), user)).collect());
                    }
                }
            }
            while let Some(due_ms) = presence.due_at_ms() {
                now_ms = now_ms.max(due_ms);
                told_to(&mut folds, &mut presence, now_ms);
            }
            let truth: Vec<User> = presence.users();
            for fold in folds {
                let heard: Vec<User> = fold.into_values().collect();
                prop_assert_eq!(truth.len(), heard.len());
                prop_assert!(truth.iter().zip(&heard).all(|(truth, heard)| same(truth, heard)));
            }
        }
    }
}
