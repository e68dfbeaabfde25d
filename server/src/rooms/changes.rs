//! What becomes of members, as the servers that share a room tell each other (wire.md, sections 6 and 11).
//! What a server's own members do it notes at once and tells the others; what they tell is noted here.

use std::collections::{HashMap, HashSet};

use samewire_protocol::{
    RoomAddress, Timestamp,
    id::{ConnectionId, UserId},
    presence::Status,
};
use serde::{Deserialize, Serialize};
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
    #[serde(default)]
    pub(crate) status: Option<Status>,
    /// What its user said last on it.
    #[serde(default)]
    pub(crate) state: Option<Value>,
    pub(crate) joined_at: Timestamp,
    /// When it said something of this last.
    pub(crate) at: Timestamp,
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
    /// Their users and servers.
    connections: HashMap<ConnectionId, (UserId, String)>,
    /// Those that something was told of since a load began: newer than what it brings.
    touched: HashSet<ConnectionId>,
}

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
                    elsewhere.connections.insert(id.clone(), (tab.user, tab.server));
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

    /// A server is gone, and all who were connected to it. Gives their connections, by room.
    pub(crate) fn server_gone(&self, server: &str) -> Vec<(RoomAddress, Vec<ConnectionId>)> {
        let mut gone = Vec::new();
        for address in self.addresses() {
            let lost = self.peek(&address, |room| {
                let Some(mirrored) = &mut room.mirrored else { return Vec::new() };
                let connections = &mut mirrored.elsewhere.connections;
                let lost: Vec<_> = connections.extract_if(|_, of| of.1 == server).collect();
                for (id, (user, _)) in &lost {
                    room.presence.lose(id, user, clock::unix_ms());
                    room.leave_activities(&address, id);
                }
                lost.into_iter().map(|(id, _)| id).collect()
            });
            if let Some(lost) = lost.filter(|lost| !lost.is_empty()) {
                self.stir(&address);
                gone.push((address, lost));
            }
        }
        gone
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
    pub(super) fn tell(&self, room: &RoomAddress, connection: &ConnectionId, change: Change) {
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
                elsewhere.connections.insert(id, (tab.user, tab.server));
            }
        }
        let touched = &elsewhere.touched;
        let missing = elsewhere
            .connections
            .extract_if(|id, _| !known.contains(id) && !touched.contains(id))
            .collect::<Vec<_>>();
        for (id, (user, _)) in missing {
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
