//! Who is in a room: a fold over what the server tells (wire.md, section 6).

use std::collections::BTreeMap;

use crate::Payload;

/// The users of one room by their ids. A user is kept as the value that came.
#[derive(Debug)]
pub(crate) struct Presence<P> {
    users: BTreeMap<String, P>,
}

impl<P: Payload> Presence<P> {
    pub(crate) fn new() -> Self {
        Self { users: BTreeMap::new() }
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &P> {
        self.users.values()
    }

    /// Everybody who is there, from `presence:state` or the answer to a join.
    pub(crate) fn replace(&mut self, users: &P) {
        self.users = identified(users).collect();
    }

    /// Who came, changed or left, from `presence:update`.
    pub(crate) fn update(&mut self, change: &P) {
        for name in ["joined", "updated"] {
            self.users.extend(change.field(name).iter().flat_map(identified));
        }
        for user in change.field("left").iter().flat_map(items) {
            if let Some(id) = user.text() {
                self.users.remove(&id);
            }
        }
    }
}

fn identified<P: Payload>(users: &P) -> impl Iterator<Item = (String, P)> {
    items(users).filter_map(|user| Some((user.field("userId")?.text()?, user)))
}

/// The items of an array; nothing of what is none.
pub(crate) fn items<P: Payload>(array: &P) -> impl Iterator<Item = P> {
    (0..).map_while(|index| array.item(index))
}
