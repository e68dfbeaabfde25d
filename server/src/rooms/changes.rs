//! What becomes of members, as the servers that share a room tell each other (wire.md, sections 6 and 11).
//! What a server's own members do it notes at once and tells the others; what they tell is noted here.

use std::collections::{HashMap, HashSet};

use samewire_protocol::{
    RoomAddress, Timestamp,
    id::{ConnectionId, UserId},
    presence::Status,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Member, Room, Rooms};
use crate::{activities::Announcement, clock, presence::Presence};

/// A connection that is in a room, as other servers know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tab {
    /// The server that it is connected to.
    pub(crate) server: String,
    pub(crate) user: UserId,
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Nothing, too, where a newer server has one that this doesn't know.
    #[serde(default, deserialize_with = "known")]
    pub(crate) status: Option<Status>,
    /// What its user said last on it.
    #[serde(default)]
    pub(crate) state: Option<Value>,
    pub(crate) joined_at: Timestamp,
    /// When it said something of this last.
    pub(crate) at: Timestamp,
}

fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Status>, D::Error> {
    Value::deserialize(deserializer).map(|status| serde_json::from_value(status).ok())
}

/// What becomes of a connection in a room.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Change {
    /// It is in it, and is so.
    Present(Tab),
    /// It left.
    Left { user: UserId },
    /// It was lost.
    Lost { user: UserId },
    /// It is at something for so many milliseconds.
    Began { user: UserId, announcement: Announcement, lasts_ms: u64 },
    /// It no longer is.
    Ended { user: UserId, event: String },
}

/// Something to be told to the others that share a room.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) room: RoomAddress,
    pub(crate) connection: ConnectionId,
    pub(crate) change: Change,
}

/// What whoever tells the others is handed.
#[derive(Debug)]
pub(crate) enum ToTell {
    /// A change.
    Change(Box<Outgoing>),
    /// Word is wanted once all before it has been told.
    Flush(oneshot::Sender<()>),
}

/// Who is in a room by way of other servers.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    connections: HashMap<ConnectionId, Connected>,
    /// Those that something was told of since a load began: newer than what it brings.
    touched: HashSet<ConnectionId>,
}

/// Whose a connection to another server is.
#[derive(Debug)]
struct Connected {
    user: UserId,
    server: String,
    /// When its server said so last, by its own clock.
    told_at: Timestamp,
}

impl From<Tab> for Connected {
    fn from(Tab { user, server, at, .. }: Tab) -> Self {
        Self { user, server, told_at: at }
    }
}

/// What a server had told of its connections in a room: of each, when it said so last.
pub(crate) type Told = (RoomAddress, Vec<(ConnectionId, Timestamp)>);

impl Elsewhere {
    /// A load begins, and what is told from now on is newer; or it has ended.
    pub(super) fn forget_touched(&mut self) {
        self.touched = HashSet::new();
    }
}

impl Rooms {
    /// What was told by another server.
    pub(crate) fn changed_elsewhere(
        &self,
        address: &RoomAddress,
        id: &ConnectionId,
        change: Change,
    ) {
        self.peek(address, |room| {
            let now_ms = clock::unix_ms();
            let Some(mirrored) = &mut room.mirrored else { return };
            let is_loading = mirrored.is_loading();
            let elsewhere = &mut mirrored.elsewhere;
            if is_loading {
                elsewhere.touched.insert(id.clone());
            }
            match change {
                Change::Present(tab) => {
                    present(&mut room.presence, id, &tab, now_ms);
                    elsewhere.connections.insert(id.clone(), tab.into());
                }
                Change::Left { user } => {
                    elsewhere.connections.remove(id);
                    room.presence.leave(id, &user, now_ms);
                    room.leave_activities(address, id);
                }
                Change::Lost { user } => {
                    elsewhere.connections.remove(id);
                    room.presence.lose(id, &user, now_ms);
                    room.leave_activities(address, id);
                }
                Change::Began { user, announcement, lasts_ms } => {
                    let until_ms = now_ms.saturating_add(lasts_ms);
                    if room.activities.begin(user, id, announcement, until_ms) {
                        room.tell_activities(address);
                    }
                }
                Change::Ended { user, event } => {
                    if room.activities.end(&event, &user, id) {
                        room.tell_activities(address);
                    }
                }
            }
        });
        self.stir(address);
    }

    /// What a server has told of its connections, by room.
    pub(crate) fn told_by(&self, server: &str) -> Vec<Told> {
        let told = self.addresses().into_iter().filter_map(|address| {
            let told = self.peek(&address, |room| {
                let connections = &room.mirrored.as_ref()?.elsewhere.connections;
                let its = connections.iter().filter(|(_, connected)| connected.server == server);
                Some(its.map(|(id, its)| (id.clone(), its.told_at)).collect::<Vec<_>>())
            });
            Some((address, told??)).filter(|(_, told)| !told.is_empty())
        });
        told.collect()
    }

    /// A server is gone: of all that it had told by then the connections are lost. What it told since it told
    /// after it came back.
    pub(crate) fn server_gone(&self, told: &[Told]) {
        for (address, told) in told {
            self.peek(address, |room| {
                let Some(mirrored) = &mut room.mirrored else { return };
                let connections = &mut mirrored.elsewhere.connections;
                let mut lost = Vec::with_capacity(told.len());
                for (id, told_at) in told {
                    let is_gone = connections.get(id).is_some_and(|its| its.told_at == *told_at);
                    lost.extend(is_gone.then(|| connections.remove_entry(id)).flatten());
                }
                for (id, Connected { user, .. }) in lost {
                    room.presence.lose(&id, &user, clock::unix_ms());
                    room.leave_activities(address, &id);
                }
            });
            self.stir(address);
        }
    }

    /// Tells the others all of this server's members anew: it may have been taken for gone.
    pub(crate) fn tell_all(&self) {
        for address in self.addresses() {
            self.peek(&address, |room| {
                for member in room.members.values() {
                    self.tell_present(&address, room, member);
                }
            });
        }
    }

    /// Tells the others of a change.
    pub(crate) fn tell(&self, room: &RoomAddress, connection: &ConnectionId, change: Change) {
        if let Some(outgoing) = &self.outgoing {
            let (room, connection) = (room.clone(), connection.clone());
            // Whoever tells it is gone where the server is.
            let _ = outgoing.send(ToTell::Change(Box::new(Outgoing { room, connection, change })));
        }
    }

    /// Resolves once the others were told of all changes so far, or can't be.
    pub(crate) async fn told(&self) {
        if let Some(outgoing) = &self.outgoing {
            let (told, word) = oneshot::channel();
            let _ = outgoing.send(ToTell::Flush(told));
            let _ = word.await;
        }
    }

    /// Tells the others that a member is there, and how.
    pub(super) fn tell_present(&self, address: &RoomAddress, room: &Room, member: &Member) {
        if self.outgoing.is_some() {
            let id = &member.connection.id;
            if let Some(tab) = self.tab(room, member) {
                self.tell(address, id, Change::Present(tab));
            }
        }
    }

    fn tab(&self, room: &Room, member: &Member) -> Option<Tab> {
        let user = &member.identity.user_id;
        let (status, present) = room.presence.tab(&member.connection.id, user)?;
        Some(Tab {
            server: self.server.clone(),
            user: user.clone(),
            name: member.identity.name.clone(),
            status: Some(status),
            state: member.state.clone(),
            joined_at: present,
            at: clock::timestamp(),
        })
    }

    /// Who is present was loaded. Notes who came and went elsewhere unheard, and tells what the others
    /// lack or have too much of.
    pub(super) fn reconcile(
        &self,
        address: &RoomAddress,
        room: &mut Room,
        elsewhere: &mut Elsewhere,
        tabs: Vec<(ConnectionId, Tab)>,
    ) {
        let now_ms = clock::unix_ms();
        let mut known: HashSet<ConnectionId> = HashSet::new();
        let mut tabs = tabs;
        // The last writer wins.
        tabs.sort_by_key(|(_, tab)| tab.at.unix_ms());
        for (id, tab) in tabs {
            known.insert(id.clone());
            if tab.server == self.server {
                if !room.members.contains_key(&id) {
                    self.tell(address, &id, Change::Left { user: tab.user });
                }
            } else if !elsewhere.touched.contains(&id) {
                present(&mut room.presence, &id, &tab, now_ms);
                elsewhere.connections.insert(id, tab.into());
            }
        }
        let touched = &elsewhere.touched;
        let missing = elsewhere
            .connections
            .extract_if(|id, _| !known.contains(id) && !touched.contains(id))
            .collect::<Vec<_>>();
        for (id, Connected { user, .. }) in missing {
            room.presence.lose(&id, &user, now_ms);
            room.leave_activities(address, &id);
        }
        for member in room.members.values().filter(|member| !known.contains(&member.connection.id))
        {
            self.tell_present(address, room, member);
        }
        self.stir(address);
    }

    fn addresses(&self) -> Vec<RoomAddress> {
        self.rooms.lock().keys().cloned().collect()
    }
}

impl Room {
    fn leave_activities(&mut self, address: &RoomAddress, id: &ConnectionId) {
        if self.activities.leave(id) {
            self.tell_activities(address);
        }
    }
}

/// Notes that a connection to another server is in a room.
pub(crate) fn present(presence: &mut Presence, id: &ConnectionId, tab: &Tab, now_ms: u64) {
    presence.enter(id, &tab.user, tab.name.as_deref(), tab.joined_at, now_ms);
    let (status, state) = (tab.status, tab.state.clone());
    if status != presence.tab(id, &tab.user).map(|tab| tab.0) || state.is_some() {
        presence.update(id, &tab.user, status, state, now_ms);
    }
}
