//! What a server is to all of its connections, as `server/src/engine.rs` and `rooms.rs` have it, and
//! the truth of what it published and acted on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::{
    fault::Fault,
    model_room::{Cursor, Room},
    model_session::{Out, Session},
    network::{Network, Up},
    schedule::{NAMES, OTHERS, ROOMS},
};

pub(crate) const PING_INTERVAL_MS: u64 = 25_000;
pub(crate) const PING_TIMEOUT_MS: u64 = 20_000;
const SIGN_IN_MS: u64 = 10_000;

/// The own room of the client's user.
pub(crate) const OWN_ROOM: &str = "user:ada";

/// What really happened, whatever a client was told of it.
#[derive(Default)]
pub(crate) struct Truth {
    /// The names of all events of a log's life, by its epoch.
    pub(crate) logs: HashMap<String, Vec<&'static str>>,
    /// In which life of its memory the server acted on an emit.
    pub(crate) acts: HashMap<u64, Vec<u32>>,
}

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) truth: Truth,
    pub(crate) rooms: BTreeMap<String, Room>,
    pub(crate) sessions: BTreeMap<u32, Session>,
    /// Answers to named emits, with the time of each.
    pub(crate) answers: HashMap<String, (u64, Value)>,
    /// Counts how often the memory was lost.
    pub(crate) life: u32,
    epochs: u32,
    down_until: Option<u64>,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) refused_emits: (u64, bool),
    pub(crate) refused_connects: (u64, bool),
    pub(crate) resumes_twice: bool,
    pub(crate) fault: Option<Fault>,
}

/// The address of what an application calls a room.
pub(crate) fn address(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { format!("room:{name}") }
}

impl Server {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { fault, ..Self::default() }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.down_until.is_none()
    }

    /// The rooms that the newest connection is in, once there is but one.
    pub(crate) fn only_session(&self) -> Option<&BTreeSet<String>> {
        let mut sessions = self.sessions.values();
        sessions.next().filter(|_| self.sessions.len() == 1).map(|session| &session.rooms)
    }

    pub(crate) fn room(&mut self, address: &str) -> &mut Room {
        if !self.rooms.contains_key(address) {
            let epoch = self.next_epoch();
            self.rooms.insert(address.to_owned(), Room::new(address, epoch));
        }
        self.rooms.get_mut(address).expect("it was just made")
    }

    fn next_epoch(&mut self) -> String {
        self.epochs += 1;
        let epoch = format!("e{}", self.epochs);
        self.truth.logs.insert(epoch.clone(), Vec::new());
        epoch
    }

    /// The server goes away.
    pub(crate) fn stop(&mut self, network: &mut Network, now: u64, down_ms: u64, keeps: bool) {
        self.sessions.clear();
        network.cut_all(now);
        self.down_until = Some(now + down_ms);
        if !keeps {
            self.life += 1;
            self.answers.clear();
        }
        let addresses: Vec<String> = self.rooms.keys().cloned().collect();
        for address in addresses {
            let epoch = (!keeps).then(|| self.next_epoch());
            self.room(&address).restarted(epoch);
        }
    }

    /// It says that it will.
    pub(crate) fn announce_stop(&mut self, network: &mut Network, now: u64) {
        let told = event("server_shutdown", &json!({ "reason": "…", "reconnectAfterMs": 700 }));
        for (link, session) in &self.sessions {
            if session.admitted && network.has_room(*link) {
                network.send_down(now, *link, told.clone());
            }
        }
    }

    pub(crate) fn publish(&mut self, network: &mut Network, now: u64, address: &str, name: usize) {
        let name = NAMES[name];
        let room = self.room(address);
        let (frame, members) = room.append(name, now);
        let epoch = room.epoch.clone();
        self.truth.logs.entry(epoch).or_default().push(name);
        for link in members {
            if self.may_send(network, link) {
                network.send_down(now, link, frame.clone());
            } else {
                self.room(address).fell_behind(link);
                self.catch_up_later(link, address);
            }
        }
    }

    /// Whether a frame from outside may be written: nothing overtakes what waits.
    fn may_send(&self, network: &Network, link: u32) -> bool {
        let waits = self.sessions.get(&link).is_some_and(|session| !session.own.is_empty());
        !waits && network.has_room(link)
    }

    fn catch_up_later(&mut self, link: u32, address: &str) {
        if let Some(session) = self.sessions.get_mut(&link) {
            session.own.push_back(Out::CatchUp(address.to_owned()));
        }
    }

    /// Takes everybody out of a room.
    pub(crate) fn revoke(&mut self, now: u64, address: &str) {
        let told = json!({ "code": "ACCESS_DENIED", "message": "", "error": "", "room": address });
        let links: Vec<u32> = self.room(address).members.keys().copied().collect();
        for link in links {
            self.take_out(now, link, address);
            if let Some(session) = self.sessions.get_mut(&link) {
                session.rooms.remove(address);
                session.own.push_back(Out::Frame(event("error", &told)));
            }
        }
    }

    pub(crate) fn take_out(&mut self, now: u64, link: u32, address: &str) -> bool {
        let room = self.room(address);
        let was_in = room.members.remove(&link).is_some();
        if was_in {
            room.presence.leave("ada", &link.to_string(), now);
        }
        was_in
    }

    pub(crate) fn other_joins(&mut self, now: u64, address: &str, user: usize) {
        self.room(address).presence.join(OTHERS[user], OTHERS[user], now);
    }

    /// What reaches the server.
    pub(crate) fn receive(&mut self, network: &mut Network, now: u64, link: u32, up: Up) {
        if let Some(session) = network.may_take_over(link) {
            self.receive_of_upgrade(network, now, link, session, up);
            return self.work(network, now);
        }
        match up {
            Up::Opened if self.is_up() => {
                let session = Session {
                    sign_in_by: now + SIGN_IN_MS,
                    next_ping: now + PING_INTERVAL_MS,
                    last_heard: now,
                    ..Session::default()
                };
                self.sessions.insert(link, session);
                let open = json!({
                    "sid": link.to_string(),
                    "upgrades": network.upgrades(link),
                    "pingInterval": PING_INTERVAL_MS,
                    "pingTimeout": PING_TIMEOUT_MS,
                });
                network.send_down(now, link, format!("0{open}"));
            }
            Up::Opened => network.close_down(now, link),
            Up::Frame(text) => {
                if let Some(session) = self.sessions.get_mut(&link) {
                    session.last_heard = now;
                    session.inbox.push_back(text);
                }
            }
            Up::Gone => self.end(network, now, link),
        }
        self.work(network, now);
    }

    pub(crate) fn end(&mut self, network: &mut Network, now: u64, link: u32) {
        network.close_down(now, link);
        let Some(session) = self.sessions.remove(&link) else { return };
        for address in session.rooms {
            let room = self.room(&address);
            if room.members.remove(&link).is_some() {
                room.presence.lose("ada", &link.to_string(), now);
            }
        }
    }

    /// When time alone makes something happen next.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let presence = self.rooms.values().filter_map(|room| room.presence.due());
        let sessions = self.sessions.values().map(|session| {
            let upgrade = session.upgrade.as_ref().map_or(u64::MAX, |upgrade| upgrade.until);
            session.next_ping.min(session.silent_at()).min(upgrade).min(session.sign_in_deadline())
        });
        presence.chain(sessions).chain(self.down_until).min()
    }

    /// Does what is due by now.
    pub(crate) fn pass_time(&mut self, network: &mut Network, now: u64) {
        if self.down_until.is_some_and(|until| until <= now) {
            self.down_until = None;
        }
        let links: Vec<u32> = self.sessions.keys().copied().collect();
        for link in links {
            let Some(session) = self.sessions.get_mut(&link) else { continue };
            let upgrade_is_over =
                session.upgrade.as_ref().is_some_and(|upgrade| upgrade.until <= now);
            if upgrade_is_over || session.silent_at() <= now {
                self.end(network, now, link);
                continue;
            }
            if session.next_ping <= now {
                session.next_ping = now + PING_INTERVAL_MS;
                if session.upgrade.is_none() {
                    network.send_down(now, link, "2".to_owned());
                }
            }
            if session.sign_in_deadline() <= now {
                session.meet_deadline(now);
            }
        }
        self.tell_presence(network, now);
        self.work(network, now);
    }

    fn tell_presence(&mut self, network: &mut Network, now: u64) {
        let forgets_newcomers = self.fault == Some(Fault::ForgetsNewcomers);
        let mut missed = Vec::new();
        for room in self.rooms.values_mut() {
            let Some(mut told) = room.presence.changes(now, forgets_newcomers) else { continue };
            if room.address == OWN_ROOM {
                continue;
            }
            told["room"] = json!(room.address);
            let frame = event("presence:update", &told);
            for (link, member) in &mut room.members {
                if !member.wants("presence:update") {
                    continue;
                }
                let waits = self.sessions.get(link).is_some_and(|session| !session.own.is_empty());
                if member.cursor == Cursor::Live && !waits && network.has_room(*link) {
                    network.send_down(now, *link, frame.clone());
                } else if !member.presence_missed {
                    member.presence_missed = true;
                    missed.push((*link, room.address.clone()));
                }
            }
        }
        for (link, address) in missed {
            self.catch_up_later(link, &address);
        }
    }

    /// Lets every connection's task go on as far as it can.
    pub(crate) fn work(&mut self, network: &mut Network, now: u64) {
        let links: Vec<u32> = self.sessions.keys().copied().collect();
        for link in links {
            while network.has_room(link) && self.work_once(network, now, link) {}
        }
    }

    /// All is well from now on.
    pub(crate) fn recover(&mut self) {
        self.refused_emits.0 = 0;
        self.refused_connects.0 = 0;
        for name in ROOMS {
            self.room(&address(name)).loses_next = false;
        }
    }
}

/// The frame of an event.
pub(crate) fn event(name: &str, payload: &Value) -> String {
    format!(r#"42["{name}",{payload}]"#)
}
