//! What a connection's task does with what comes in, as `server/src/session.rs` has it: it lets the
//! client in, resumes its rooms, and answers what it asks, one thing after the other.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::{
    fault::Fault,
    model_room::Missed,
    model_server::{OWN_ROOM, PING_INTERVAL_MS, PING_TIMEOUT_MS, Server, address, event},
    model_upgrade::Upgrade,
    network::Network,
};

const EXPIRY_NOTICE_MS: u64 = 60_000;
const REMEMBERED_MS: u64 = 10 * 60 * 1_000;

/// One connection.
#[derive(Default)]
pub(crate) struct Session {
    /// When its token expires, once it is signed in.
    pub(crate) expires_at: Option<u64>,
    pub(crate) expiry_noticed: bool,
    pub(crate) admitted: bool,
    pub(crate) sign_in_by: u64,
    pub(crate) rooms: BTreeSet<String>,
    /// What its task wants to send, in order; while something waits, nothing is received.
    pub(crate) own: VecDeque<Out>,
    pub(crate) inbox: VecDeque<String>,
    pub(crate) next_ping: u64,
    pub(crate) last_heard: u64,
    pub(crate) upgrade: Option<Upgrade>,
}

pub(crate) enum Out {
    Frame(String),
    /// The rest of a room's log.
    CatchUp(String),
    Close,
}

impl Server {
    /// Lets a connection's task do one thing. Whether it did.
    pub(crate) fn work_once(&mut self, network: &mut Network, now: u64, link: u32) -> bool {
        let Some(session) = self.sessions.get_mut(&link) else { return false };
        match session.own.pop_front() {
            Some(Out::Frame(text)) => network.send_down(now, link, text),
            Some(Out::CatchUp(address)) => self.catch_up(link, address),
            Some(Out::Close) => self.end(network, now, link),
            None => match session.inbox.pop_front() {
                Some(text) => self.handle(now, link, &text),
                None => return false,
            },
        }
        true
    }

    fn catch_up(&mut self, link: u32, address: String) {
        let hides_gaps = self.fault == Some(Fault::HidesGapsFromFilters);
        let Some(room) = self.rooms.get_mut(&address) else { return };
        let missed = room.next_missed(link, hides_gaps);
        let users = room.presence.users();
        let member = room.members.get_mut(&link);
        let missed_presence =
            member.is_some_and(|member| std::mem::take(&mut member.presence_missed));
        let state = missed_presence.then(|| presence_state(&address, users));
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match missed {
            Missed::Frames(frames) => {
                session.own.push_front(Out::CatchUp(address));
                frames
                    .into_iter()
                    .rev()
                    .for_each(|frame| session.own.push_front(Out::Frame(frame)));
            }
            Missed::Unreachable => session.own.push_front(Out::Close),
            Missed::Nothing => {}
        }
        if let Some(state) = state {
            session.own.push_front(Out::Frame(state));
        }
    }

    fn handle(&mut self, now: u64, link: u32, text: &str) {
        let (Some(session), Some(kind)) = (self.sessions.get_mut(&link), text.get(..2)) else {
            return;
        };
        match kind {
            "40" if !session.admitted => self.let_in(now, link, &text[2..]),
            "41" => session.own.push_back(Out::Close),
            "42" => {
                let start = text.find('[').expect("an event's arguments");
                let ack = text[2..start].parse().ok();
                let arguments: Value = serde_json::from_str(&text[start..]).expect("JSON");
                self.serve(now, link, ack, &arguments);
            }
            _ => {}
        }
    }

    fn let_in(&mut self, now: u64, link: u32, auth: &str) {
        let auth: Value = serde_json::from_str(auth).expect("JSON");
        let expires_at = auth["token"].as_str().map(|token| token.parse::<u64>().unwrap_or(0));
        let (refusals, lasting) = &mut self.refused_connects;
        let refusal = if *refusals > 0 {
            *refusals -= 1;
            Some(if *lasting { "ACCESS_DENIED: no" } else { "UNAVAILABLE: not now" })
        } else {
            expires_at.is_some_and(|at| at <= now).then_some("TOKEN_EXPIRED: it did")
        };
        let Some(session) = self.sessions.get_mut(&link) else { return };
        if let Some(refusal) = refusal {
            let frame = format!("44{}", json!({ "message": refusal }));
            return session.own.push_back(Out::Frame(frame));
        }
        session.admitted = true;
        session.own.push_back(Out::Frame(r#"40{"sid":"x"}"#.to_owned()));
        let Some(expires_at) = expires_at else { return };
        self.sign_in(now, link, expires_at);
        let times = if std::mem::take(&mut self.resumes_twice) { 2 } else { 1 };
        for _ in 0..times {
            self.resume(now, link, auth["resume"].as_array().map_or(&[], Vec::as_slice));
        }
    }

    fn sign_in(&mut self, now: u64, link: u32, expires_at: u64) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        session.expires_at = Some(expires_at);
        session.expiry_noticed = false;
        session.own.push_back(Out::Frame(event("authenticated", &json!({ "userId": "ada" }))));
        if !session.rooms.contains(OWN_ROOM) {
            let _ = self.join(now, link, &json!({ "room": OWN_ROOM }));
        }
    }

    fn resume(&mut self, now: u64, link: u32, asked: &[Value]) {
        if asked.is_empty() {
            return;
        }
        let mut rooms = Vec::new();
        for asked in asked {
            let mut join = json!({ "room": asked["room"], "events": asked["events"] });
            join["since"] = json!({ "epoch": asked["epoch"], "offset": asked["offset"] });
            rooms.push(match self.join(now, link, &join) {
                Ok(joined) => joined,
                Err(error) => {
                    json!({ "room": asked["room"], "recovered": false, "missed": 0, "error": error })
                }
            });
        }
        if let Some(session) = self.sessions.get_mut(&link) {
            session.own.push_back(Out::Frame(event("resumed", &json!({ "rooms": rooms }))));
        }
    }

    fn join(&mut self, now: u64, link: u32, asked: &Value) -> Result<Value, Value> {
        let address = address(asked["room"].as_str().expect("a room"));
        if self.denied.contains(address.as_str()) {
            return Err(json!({ "code": "ACCESS_DENIED", "message": "no" }));
        }
        let since = &asked["since"];
        let since = since["epoch"].as_str().zip(since["offset"].as_u64());
        let text = |name: &Value| name.as_str().expect("a name").to_owned();
        let filter = asked["events"].as_array().map(|names| names.iter().map(text).collect());
        let room = self.room(&address);
        let entry = room.insert(link, since, filter, now);
        let users = room.presence.users();
        let Some(session) = self.sessions.get_mut(&link) else { return Err(Value::Null) };
        session.rooms.insert(address.clone());
        if address != OWN_ROOM {
            session.own.push_back(Out::Frame(presence_state(&address, users.clone())));
        }
        session.own.push_back(Out::CatchUp(address.clone()));
        Ok(json!({
            "room": address,
            "position": entry.position,
            "recovered": entry.recovered,
            "missed": entry.missed,
            "users": users,
        }))
    }

    fn serve(&mut self, now: u64, link: u32, ack: Option<u64>, arguments: &Value) {
        let name = arguments[0].as_str().expect("a name");
        let payload = &arguments[1];
        let signed_in = self.sessions[&link].expires_at.is_some();
        // What a join leaves to be caught up with is sent after its answer.
        let before = self.sessions[&link].own.len();
        let answer = if name == "authenticate" {
            let expires_at = payload["token"].as_str().and_then(|token| token.parse().ok());
            self.sign_in(now, link, expires_at.unwrap_or(0));
            Ok(json!({ "userId": "ada" }))
        } else if !signed_in {
            Err(json!({ "code": "UNAUTHENTICATED", "message": "sign in first" }))
        } else {
            match arguments[2]["id"].as_str() {
                Some(id) => self.once(now, link, id, name, payload),
                None => self.act(now, link, name, payload),
            }
        };
        let answer = match answer {
            Ok(data) => json!([{ "ok": true, "data": data }]),
            Err(error) => json!([{ "ok": false, "error": error }]),
        };
        if let (Some(ack), Some(session)) = (ack, self.sessions.get_mut(&link)) {
            let catches_up = matches!(session.own.back(), Some(Out::CatchUp(_)));
            let place = session.own.len() - usize::from(catches_up && session.own.len() > before);
            session.own.insert(place, Out::Frame(format!("43{ack}{answer}")));
        }
    }

    /// Acts on a named emit, unless it did.
    fn once(
        &mut self,
        now: u64,
        link: u32,
        id: &str,
        name: &str,
        payload: &Value,
    ) -> Result<Value, Value> {
        self.answers.retain(|_, (at, _)| *at + REMEMBERED_MS >= now);
        let known = self.answers.get(id).map(|(_, answer)| answer.clone());
        let answer = known.map_or_else(
            || self.act(now, link, name, payload),
            |answer| match answer.get("refused") {
                Some(error) => Err(error.clone()),
                None => Ok(answer),
            },
        );
        let remembered = match &answer {
            Ok(data) => Some(data.clone()),
            Err(error) if error["code"] == "UNAVAILABLE" => None,
            Err(error) => Some(json!({ "refused": error })),
        };
        if let Some(answer) = remembered {
            self.answers.entry(id.to_owned()).or_insert((now, answer));
        }
        answer
    }

    fn act(&mut self, now: u64, link: u32, name: &str, payload: &Value) -> Result<Value, Value> {
        let room = payload["room"].as_str().map(address).unwrap_or_default();
        let not_in_it = || json!({ "code": "NOT_FOUND", "message": "not in the room" });
        let is_in = self.sessions[&link].rooms.contains(&room);
        match name {
            "ping" => Ok(json!({ "timestamp": "now" })),
            "room:join" => self.join(now, link, payload),
            "room:leave" => {
                if let Some(session) = self.sessions.get_mut(&link) {
                    session.rooms.remove(&room);
                }
                let was_in = self.take_out(now, link, &room);
                if was_in { Ok(json!({ "room": room })) } else { Err(not_in_it()) }
            }
            "room:history" if !is_in => Err(not_in_it()),
            "room:history" => {
                let after = payload["after"].as_u64().expect("an offset");
                let epoch = payload["epoch"].as_str().expect("an epoch").to_owned();
                Ok(self.room(&room).history(&epoch, after, now))
            }
            _ => {
                let (refusals, lasting) = &mut self.refused_emits;
                if *refusals > 0 {
                    *refusals -= 1;
                    let code = if *lasting { "CONFLICT" } else { "UNAVAILABLE" };
                    return Err(json!({ "code": code, "message": "no" }));
                }
                let number = payload["number"].as_u64().expect("a number");
                if name == "presence:update" {
                    let status = payload["status"].as_u64().unwrap_or(0) as usize;
                    let presence = &mut self.room(&room).presence;
                    if !is_in || !presence.set("ada", &link.to_string(), status, number, now) {
                        return Err(not_in_it());
                    }
                }
                self.truth.acts.entry(number).or_default().push(self.life);
                Ok(json!({ "number": number }))
            }
        }
    }
}

impl Session {
    /// When the server takes it for gone, unless it hears of it.
    pub(crate) fn silent_at(&self) -> u64 {
        self.last_heard + PING_INTERVAL_MS + PING_TIMEOUT_MS
    }

    pub(crate) fn sign_in_deadline(&self) -> u64 {
        match self.expires_at {
            None if self.admitted => self.sign_in_by,
            None => u64::MAX,
            Some(at) if self.expiry_noticed => at,
            Some(at) => at.saturating_sub(EXPIRY_NOTICE_MS),
        }
    }

    /// Says what there is to be said of a sign-in that is missing or about to expire.
    pub(crate) fn meet_deadline(&mut self, now: u64) {
        let code = match self.expires_at {
            Some(_) if !self.expiry_noticed => {
                self.expiry_noticed = true;
                let told = json!({ "expiresAt": "soon" });
                return self.own.push_back(Out::Frame(event("token_expiring", &told)));
            }
            Some(_) => "TOKEN_EXPIRED",
            None => "AUTH_TIMEOUT",
        };
        let told = json!({ "message": "…", "code": code });
        self.own.push_back(Out::Frame(event("auth_error", &told)));
        self.own.push_back(Out::Frame("41".to_owned()));
        self.own.push_back(Out::Close);
        // Said once.
        self.expires_at = Some(u64::MAX);
        self.expiry_noticed = true;
        self.last_heard = now;
    }
}

fn presence_state(address: &str, users: Vec<Value>) -> String {
    event("presence:state", &json!({ "room": address, "users": users }))
}
