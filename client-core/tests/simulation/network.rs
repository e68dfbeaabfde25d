//! What lies between client and server: frames take their time, arrive in order, and those that are
//! under way when a connection breaks may be lost in either direction.
//!
//! A websocket never delivers a part of a message, so a break within a frame's bytes is a break
//! before that frame.

use std::collections::BTreeMap;

use samewire_client_core::Transport;

use crate::link::{Coming, Going, Link};

/// Frames that the server may write to a client that doesn't read.
const BUFFER: usize = 6;

/// Milliseconds on the way, when all is well.
pub(crate) const USUAL_LATENCY_MS: u64 = 5;

/// What reaches the client.
pub(crate) enum Down {
    Frame(String),
    /// The socket is gone.
    Lost,
    /// A websocket that may take over is open, or polling has come to rest.
    Ready,
}

/// What reaches the server.
pub(crate) enum Up {
    Opened,
    Frame(String),
    Gone,
}

/// What stands in the way of websockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Websockets {
    Work,
    /// None can be opened.
    Blocked,
    /// Something in between opens them itself, and passes nothing on.
    Mute,
    /// The server sees them opened, and after that nothing passes.
    Severed,
}

pub(crate) struct Network {
    /// By the numbers that the client gave its sockets. A session has the number of its first.
    links: BTreeMap<u32, Link>,
    /// The sessions that websockets take over, or have taken over.
    sessions: BTreeMap<u32, u32>,
    /// The websockets that sessions go by now.
    taken_over_by: BTreeMap<u32, u32>,
    pub(crate) latency_ms: u64,
    /// How much longer what goes by the websocket of an upgrade takes.
    pub(crate) upgrade_lag_ms: u64,
    pub(crate) websockets: Websockets,
    /// Nothing can be opened.
    pub(crate) is_down: bool,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            links: BTreeMap::new(),
            sessions: BTreeMap::new(),
            taken_over_by: BTreeMap::new(),
            latency_ms: USUAL_LATENCY_MS,
            upgrade_lag_ms: 0,
            websockets: Websockets::Work,
            is_down: false,
        }
    }

    /// The client opens a socket, for a session or to take one over. Where the server isn't there,
    /// it is told so.
    pub(crate) fn open(
        &mut self,
        now: u64,
        id: u32,
        transport: Transport,
        session: Option<u32>,
        server_is_up: bool,
    ) {
        let mut link = Link::new(transport);
        if let Some(session) = session {
            self.sessions.insert(id, session);
            link.lag_ms = self.upgrade_lag_ms;
        }
        let hindrance = match transport {
            Transport::Websocket => self.websockets,
            Transport::Polling => Websockets::Work,
        };
        let at = now + self.latency_ms;
        if !server_is_up || self.is_down || hindrance == Websockets::Blocked {
            link.come(at, Coming::Down(Down::Lost));
            link.broken = true;
        } else if hindrance == Websockets::Mute {
            link.come(at, Coming::Down(Down::Ready));
            link.broken = true;
        } else {
            link.open(at);
            link.severed = hindrance == Websockets::Severed;
        }
        self.links.insert(id, link);
    }

    /// The client closes its socket: what it sent before still arrives.
    pub(crate) fn abandon(&mut self, now: u64, id: u32) {
        let at = now + self.latency_ms;
        if let Some(link) = self.links.get_mut(&id) {
            link.abandon(at);
        }
    }

    /// The client lets polling come to rest.
    pub(crate) fn pause(&mut self, now: u64, id: u32) {
        if let Some(link) = self.links.get_mut(&id) {
            link.pause(now);
        }
    }

    pub(crate) fn send_up(&mut self, now: u64, id: u32, text: String) {
        let at = now + self.latency_ms;
        if let Some(link) = self.links.get_mut(&id) {
            link.send(at, text);
        }
    }

    /// Whether the server may write another frame. To a broken link it may: nobody minds.
    pub(crate) fn has_room(&self, session: u32) -> bool {
        let link = self.links.get(&self.carrier(session));
        link.is_none_or(|link| link.broken || link.buffer.len() < BUFFER)
    }

    /// The server writes a frame.
    pub(crate) fn send_down(&mut self, now: u64, session: u32, text: String) {
        let carrier = self.carrier(session);
        self.send_on(now, carrier, text);
    }

    /// The server writes a frame to a websocket that hasn't taken over.
    pub(crate) fn send_on(&mut self, now: u64, id: u32, text: String) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.broken) {
            link.buffer.push_back(text);
        }
        self.flush(now);
    }

    /// The server closes a session, or a websocket that hasn't taken over: what it wrote before
    /// still arrives, if anybody asks for it.
    pub(crate) fn close_down(&mut self, now: u64, id: u32) {
        if let Some(link) = self.links.get_mut(&self.carrier(id)) {
            link.closing = true;
        }
        self.flush(now);
    }

    /// What a session that goes by a link may be taken over by.
    pub(crate) fn upgrades(&self, id: u32) -> &'static [&'static str] {
        let polls = self.links.get(&id).is_some_and(Link::polls);
        if polls { &["websocket"] } else { &[] }
    }

    /// The session that a websocket may take over, but hasn't yet.
    pub(crate) fn may_take_over(&self, id: u32) -> Option<u32> {
        self.sessions.get(&id).copied().filter(|session| self.carrier(*session) != id)
    }

    /// The server lets a websocket try to take over: until then, each request that waits for frames
    /// is sent away.
    pub(crate) fn begin_upgrade(&mut self, now: u64, id: u32, session: u32) {
        let at = now + self.latency_ms;
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.broken) {
            link.come(at, Coming::Down(Down::Ready));
            link.broken = link.severed;
        }
        if let Some(link) = self.links.get_mut(&session) {
            link.sends_away = true;
        }
        self.flush(now);
    }

    /// Everything goes by the websocket from now on, beginning with what nobody fetched.
    pub(crate) fn take_over(&mut self, now: u64, id: u32, session: u32, loses_buffer: bool) {
        self.taken_over_by.insert(session, id);
        let Some(polling) = self.links.get_mut(&session) else { return };
        let buffer = std::mem::take(&mut polling.buffer);
        polling.broken = true;
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.broken && !loses_buffer) {
            link.buffer.extend(buffer);
        }
        self.flush(now);
    }

    /// Whether nothing that is sent by a socket arrives, and nothing comes by it any more.
    pub(crate) fn is_dead(&self, id: u32) -> bool {
        self.links.get(&id).is_some_and(|link| link.broken && link.down.is_empty())
    }

    /// The client reads nothing for some time.
    pub(crate) fn stall(&mut self, until: u64) {
        if let Some(link) = self.links.values_mut().next_back() {
            link.stalled_until = until;
        }
    }

    /// All is well from now on, for all that isn't broken.
    pub(crate) fn recover(&mut self) {
        self.latency_ms = USUAL_LATENCY_MS;
        self.websockets = Websockets::Work;
        self.is_down = false;
        self.links.values_mut().for_each(|link| link.stalled_until = 0);
    }

    /// The newest connection breaks, or all of them. Of what is under way the first few frames still
    /// arrive.
    pub(crate) fn cut(&mut self, now: u64, all: bool, down: usize, up: usize, tells: (bool, bool)) {
        let at = now + self.latency_ms;
        let whole = self.links.values_mut().rev().filter(|link| !link.broken);
        for link in whole.take(if all { usize::MAX } else { 1 }) {
            link.cut(at, down, up, tells);
        }
    }

    /// The server is gone, and with it every connection.
    pub(crate) fn cut_all(&mut self, now: u64) {
        let at = now + self.latency_ms;
        for link in self.links.values_mut().filter(|link| !link.broken) {
            link.cut(at, usize::MAX, 0, (true, false));
        }
    }

    /// What the server wrote goes on its way, where the client reads; and what the client sent.
    pub(crate) fn flush(&mut self, now: u64) {
        let at = now + self.latency_ms;
        self.links.values_mut().for_each(|link| link.flush(now, at));
    }

    /// When something arrives next, or a client reads again.
    pub(crate) fn next_due(&self, now: u64, client_listens: bool) -> Option<u64> {
        self.links.values().filter_map(|link| link.next_due(now, client_listens)).min()
    }

    /// What has reached the client, by the number of its socket.
    pub(crate) fn take_down(&mut self, now: u64) -> Option<(u32, Down)> {
        loop {
            let due = |link: &Link| link.down.front().is_some_and(|(at, _)| *at <= now);
            let (id, link) = self.links.iter_mut().find(|(_, link)| due(link))?;
            if let Some(down) = link.take_down(now, now + self.latency_ms) {
                return Some((*id, down));
            }
        }
    }

    /// What has reached the server, by the number of its session, or of a websocket that hasn't
    /// taken over.
    pub(crate) fn take_up(&mut self, now: u64) -> Option<(u32, Up)> {
        loop {
            let due = |link: &Link| link.up.front().is_some_and(|(at, _)| *at <= now);
            let (id, link) = self.links.iter_mut().find(|(_, link)| due(link))?;
            let id = *id;
            match link.up.pop_front() {
                Some((_, Going::Up(up))) => {
                    let session = self.sessions.get(&id).copied();
                    let session = session.filter(|session| self.carrier(*session) == id);
                    return Some((session.unwrap_or(id), up));
                }
                Some((_, Going::Request(request))) => {
                    link.reached(request, now, now + self.latency_ms);
                }
                None => {}
            }
        }
    }

    /// What a session goes by.
    fn carrier(&self, session: u32) -> u32 {
        self.taken_over_by.get(&session).copied().unwrap_or(session)
    }
}
