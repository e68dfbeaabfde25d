//! What lies between client and server: frames take their time, arrive in order, and those that are
//! under way when a connection breaks may be lost in either direction.
//!
//! A websocket never delivers a part of a message, so a break within a frame's bytes is a break
//! before that frame.

use std::collections::{BTreeMap, VecDeque};

/// Frames that the server may write to a client that doesn't read.
const BUFFER: usize = 6;

/// Milliseconds on the way, when all is well.
pub(crate) const USUAL_LATENCY_MS: u64 = 5;

/// What reaches the client.
pub(crate) enum Down {
    Frame(String),
    /// The socket is gone.
    Lost,
}

/// What reaches the server.
pub(crate) enum Up {
    Opened,
    Frame(String),
    Gone,
}

/// One socket, by the number that the client gave it.
#[derive(Default)]
struct Link {
    down: VecDeque<(u64, Down)>,
    up: VecDeque<(u64, Up)>,
    /// What the server wrote and the client didn't take yet.
    buffer: VecDeque<String>,
    /// The server wants it closed once the buffer is empty.
    closing: bool,
    stalled_until: u64,
    /// Nothing that is sent from now on arrives.
    broken: bool,
    /// The client wants to hear no more of it.
    abandoned: bool,
}

pub(crate) struct Network {
    links: BTreeMap<u32, Link>,
    pub(crate) latency_ms: u64,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self { links: BTreeMap::new(), latency_ms: USUAL_LATENCY_MS }
    }

    /// The client opens a socket. Where the server isn't there, it is told so.
    pub(crate) fn open(&mut self, now: u64, id: u32, server_is_up: bool) {
        let mut link = Link::default();
        if server_is_up {
            link.up.push_back((now + self.latency_ms, Up::Opened));
        } else {
            link.down.push_back((now + self.latency_ms, Down::Lost));
            link.broken = true;
        }
        self.links.insert(id, link);
    }

    /// The client closes its socket: what it sent before still arrives.
    pub(crate) fn abandon(&mut self, now: u64, id: u32) {
        let latency = self.latency_ms;
        if let Some(link) = self.links.get_mut(&id) {
            link.abandoned = true;
            link.down.clear();
            link.buffer.clear();
            if !link.broken {
                link.send_up(now + latency, Up::Gone);
                link.broken = true;
            }
        }
    }

    pub(crate) fn send_up(&mut self, now: u64, id: u32, text: String) {
        let at = now + self.latency_ms;
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.broken) {
            link.send_up(at, Up::Frame(text));
        }
    }

    /// Whether the server may write another frame. To a broken link it may: nobody minds.
    pub(crate) fn has_room(&self, id: u32) -> bool {
        self.links.get(&id).is_none_or(|link| link.broken || link.buffer.len() < BUFFER)
    }

    /// The server writes a frame.
    pub(crate) fn send_down(&mut self, now: u64, id: u32, text: String) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.broken) {
            link.buffer.push_back(text);
        }
        self.flush(now);
    }

    /// The server closes a socket: what it wrote before still arrives.
    pub(crate) fn close_down(&mut self, now: u64, id: u32) {
        if let Some(link) = self.links.get_mut(&id) {
            link.closing = true;
        }
        self.flush(now);
    }

    /// The client reads nothing for some time.
    pub(crate) fn stall(&mut self, until: u64) {
        if let Some(link) = self.links.values_mut().next_back() {
            link.stalled_until = until;
        }
    }

    pub(crate) fn unstall(&mut self) {
        self.links.values_mut().for_each(|link| link.stalled_until = 0);
    }

    /// The newest connection breaks. Of what is under way the first few frames still arrive.
    pub(crate) fn cut(&mut self, now: u64, down: usize, up: usize, tells: (bool, bool)) {
        let latency = self.latency_ms;
        let Some(link) = self.links.values_mut().next_back().filter(|link| !link.broken) else {
            return;
        };
        link.buffer.clear();
        link.down.truncate(down);
        link.up.truncate(up);
        link.broken = true;
        let (tells_client, tells_server) = tells;
        if tells_client {
            link.send_down(now + latency, Down::Lost);
        }
        if tells_server {
            link.send_up(now + latency, Up::Gone);
        }
    }

    /// The server is gone, and with it every connection.
    pub(crate) fn cut_all(&mut self, now: u64) {
        let latency = self.latency_ms;
        for link in self.links.values_mut().filter(|link| !link.broken) {
            link.broken = true;
            link.buffer.clear();
            link.up.clear();
            link.send_down(now + latency, Down::Lost);
        }
    }

    /// What the server wrote goes on its way, where the client reads.
    pub(crate) fn flush(&mut self, now: u64) {
        let at = now + self.latency_ms;
        for link in self.links.values_mut().filter(|link| link.stalled_until <= now) {
            while let Some(text) = link.buffer.pop_front() {
                link.send_down(at, Down::Frame(text));
            }
            if std::mem::take(&mut link.closing) && !link.broken {
                link.send_down(at, Down::Lost);
                link.broken = true;
            }
        }
    }

    /// When something arrives next, or a client reads again.
    pub(crate) fn next_due(&self, now: u64, client_listens: bool) -> Option<u64> {
        let due = |link: &Link| {
            let down = link.down.front().filter(|_| client_listens).map(|(at, _)| *at);
            let up = link.up.front().map(|(at, _)| *at);
            let reads = Some(link.stalled_until).filter(|until| *until > now);
            [down, up, reads].into_iter().flatten().min()
        };
        self.links.values().filter_map(due).min()
    }

    pub(crate) fn take_down(&mut self, now: u64) -> Option<(u32, Down)> {
        let due = |link: &Link| link.down.front().is_some_and(|(at, _)| *at <= now);
        let (id, link) = self.links.iter_mut().find(|(_, link)| due(link))?;
        link.down.pop_front().map(|(_, down)| (*id, down))
    }

    pub(crate) fn take_up(&mut self, now: u64) -> Option<(u32, Up)> {
        let due = |link: &Link| link.up.front().is_some_and(|(at, _)| *at <= now);
        let (id, link) = self.links.iter_mut().find(|(_, link)| due(link))?;
        link.up.pop_front().map(|(_, up)| (*id, up))
    }
}

impl Link {
    fn send_up(&mut self, at: u64, up: Up) {
        let at = self.up.back().map_or(at, |(last, _)| at.max(*last));
        self.up.push_back((at, up));
    }

    fn send_down(&mut self, at: u64, down: Down) {
        if self.abandoned {
            return;
        }
        let at = self.down.back().map_or(at, |(last, _)| at.max(*last));
        self.down.push_back((at, down));
    }
}
