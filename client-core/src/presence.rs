//! Who is in a room: a fold over what the server tells (wire.md, section 6).

use crate::{Holdings, Payload, sorted::SortedMap};

/// The users of one room by their ids. A user is kept as the value that came.
#[derive(Debug)]
pub(crate) struct Presence<P: Payload> {
    users: SortedMap<P::Text, P>,
}

impl<P: Payload> Presence<P> {
    pub(crate) fn new() -> Self {
        Self { users: SortedMap::new() }
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &P> {
        self.users.values()
    }

    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        for (id, user) in self.users.iter() {
            holdings.text(id);
            holdings.value(user);
        }
    }

    /// Everybody who is there, from `presence:state` or the answer to a join.
    pub(crate) fn replace(&mut self, users: &P) {
        self.users = SortedMap::new();
        self.add(users);
    }

    /// Who came, changed or left, from `presence:update`.
    pub(crate) fn update(&mut self, change: &P) {
        for name in &["joined", "updated"] {
            if let Some(users) = change.field(name) {
                self.add(&users);
            }
        }
        if let Some(users) = change.field("left") {
            for user in users.items() {
                if let Some(id) = user.text() {
                    self.users.remove(&id);
                }
            }
        }
    }

    fn add(&mut self, users: &P) {
        for user in users.items() {
            if let Some(id) = user.text_of("userId") {
                self.users.insert(id, user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    fn user(id: u8, status: u8) -> Value {
        json!({ "userId": id.to_string(), "status": status })
    }

    fn shown(presence: &Presence<Value>) -> Vec<Value> {
        presence.users().cloned().collect()
    }

    proptest! {
        #[test]
        fn the_fold_agrees_with_a_map(
            first in vec((0..9_u8, 0..3_u8), 0..6),
            changes in vec((vec((0..9_u8, 0..3_u8), 0..4), vec(0..9_u8, 0..4)), 0..20),
        ) {
            let mut presence = Presence::new();
            let mut model: BTreeMap<String, Value> = BTreeMap::new();
            let users = |users: &[(u8, u8)]| users.iter().map(|&(id, status)| user(id, status)).collect::<Vec<_>>();
            let modelled = |users: &[(u8, u8)]| users.iter().map(|&(id, status)| (id.to_string(), user(id, status))).collect::<Vec<_>>();
            presence.replace(&json!(users(&first)));
            model.extend(modelled(&first));
            for (came, left) in &changes {
                let left: Vec<String> = left.iter().map(u8::to_string).collect();
                presence.update(&json!({ "joined": users(came), "updated": [], "left": left }));
                model.extend(modelled(came));
                model.retain(|id, _| !left.contains(id));
            }
            prop_assert_eq!(shown(&presence), model.into_values().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let mut presence = Presence::new();
        presence.replace(&json!([user(1, 0)]));
        presence.update(&json!({ "joined": 5, "left": [7, null] }));
        presence.update(&json!("nonsense"));
        assert_eq!(shown(&presence), [user(1, 0)]);
    }
}
