//! One socket of the client: a websocket, or the requests of HTTP that stand for one.

use std::collections::VecDeque;

use samewire_client_core::Transport;

use crate::network::{Down, Up};

/// Whatever a network is, a request takes some time.
const LEAST_POLL_MS: u64 = 10;

pub(crate) struct Link {
    pub(crate) down: VecDeque<(u64, Coming)>,
    pub(crate) up: VecDeque<(u64, Going)>,
    /// What the server wrote and the client didn't take yet.
    pub(crate) buffer: VecDeque<String>,
    /// The server wants it closed once the buffer is empty.
    pub(crate) closing: bool,
    pub(crate) stalled_until: u64,
    /// Nothing that is sent from now on arrives.
    pub(crate) broken: bool,
    /// It breaks as soon as the server has seen it.
    pub(crate) severed: bool,
    /// How much longer everything takes.
    pub(crate) lag_ms: u64,
    /// The server answers what waits for frames with none: a websocket is taking over.
    pub(crate) sends_away: bool,
    /// The client wants to hear no more of it.
    abandoned: bool,
    polling: Option<Polling>,
}

/// On its way to the client.
pub(crate) enum Coming {
    Down(Down),
    /// The end of an answer.
    Answer(Request),
}

/// On its way to the server.
pub(crate) enum Going {
    Up(Up),
    /// All of a request is there.
    Request(Request),
}

#[derive(Clone, Copy)]
pub(crate) enum Request {
    /// One that waits for frames. There is one at most.
    Poll,
    /// One that brings frames. There is one at most.
    Post,
}

/// What a polling socket is at, as `npm/src/pollingSocket.ts` has it.
#[derive(Default)]
struct Polling {
    /// What the client wants to send.
    queue: Vec<String>,
    posts: bool,
    polls: bool,
    /// A poll has reached the server.
    waits: bool,
    /// No poll is begun any more.
    pausing: bool,
    /// The server has said how the session is called.
    is_open: bool,
}

impl Polling {
    fn rests(&self) -> bool {
        self.pausing && !self.polls && !self.posts && self.queue.is_empty()
    }
}

impl Link {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            down: VecDeque::new(),
            up: VecDeque::new(),
            buffer: VecDeque::new(),
            closing: false,
            stalled_until: 0,
            broken: false,
            severed: false,
            lag_ms: 0,
            sends_away: false,
            abandoned: false,
            polling: (transport == Transport::Polling).then(Polling::default),
        }
    }

    pub(crate) fn polls(&self) -> bool {
        self.polling.is_some()
    }

    pub(crate) fn open(&mut self, at: u64) {
        self.go(at, Going::Up(Up::Opened));
        if let Some(polling) = &mut self.polling {
            polling.polls = true;
            self.go(at, Going::Request(Request::Poll));
        }
    }

    /// The client sends a frame.
    pub(crate) fn send(&mut self, at: u64, text: String) {
        match &mut self.polling {
            Some(polling) => polling.queue.push(text),
            None => self.go(at, Going::Up(Up::Frame(text))),
        }
    }

    /// The client closes it. A polling socket ends its session too, unless it rests or has none.
    pub(crate) fn abandon(&mut self, at: u64) {
        self.abandoned = true;
        self.down.clear();
        if let Some(polling) = &mut self.polling {
            if polling.rests() {
                return;
            }
            let queue = std::mem::take(&mut polling.queue);
            if !polling.is_open {
                self.broken = true;
            }
            queue.into_iter().for_each(|text| self.go(at, Going::Up(Up::Frame(text))));
        }
        self.buffer.clear();
        self.go(at, Going::Up(Up::Gone));
        self.broken = true;
    }

    pub(crate) fn pause(&mut self, now: u64) {
        if let Some(polling) = &mut self.polling {
            polling.pausing = true;
        }
        self.rest(now);
    }

    /// It breaks. Of what is under way the first few still arrive; either side learns of it or
    /// doesn't. Requests have no end that a server could learn of.
    pub(crate) fn cut(&mut self, at: u64, down: usize, up: usize, tells: (bool, bool)) {
        let (tells_client, tells_server) = tells;
        self.buffer.clear();
        self.down.truncate(down);
        self.up.truncate(up);
        if tells_client {
            self.come(at, Coming::Down(Down::Lost));
        }
        if tells_server && self.polling.is_none() {
            self.go(at, Going::Up(Up::Gone));
        }
        self.broken = true;
    }

    /// What was written goes on its way, in either direction.
    pub(crate) fn flush(&mut self, now: u64, at: u64) {
        self.post(at);
        if self.stalled_until > now || self.broken {
            return;
        }
        if let Some(polling) = &mut self.polling {
            let answers = self.closing || self.sends_away || !self.buffer.is_empty();
            if !polling.waits || !answers {
                return;
            }
            polling.waits = false;
            polling.is_open |= !self.buffer.is_empty();
            if self.sends_away && !self.closing {
                self.come(at, Coming::Down(Down::Frame("6".to_owned())));
                return self.come(at, Coming::Answer(Request::Poll));
            }
        }
        while let Some(text) = self.buffer.pop_front() {
            self.come(at, Coming::Down(Down::Frame(text)));
        }
        if std::mem::take(&mut self.closing) {
            self.come(at, Coming::Down(Down::Lost));
            self.broken = true;
        } else if self.polling.is_some() {
            self.come(at, Coming::Answer(Request::Poll));
        }
    }

    /// A request has reached the server.
    pub(crate) fn reached(&mut self, request: Request, now: u64, at: u64) {
        match request {
            Request::Post if self.broken => {}
            Request::Post => self.come(at, Coming::Answer(request)),
            Request::Poll => {
                if let Some(polling) = &mut self.polling {
                    polling.waits = true;
                }
                self.flush(now, at);
            }
        }
    }

    /// The next that has reached the client, where it is more than the end of an answer.
    pub(crate) fn take_down(&mut self, now: u64, at: u64) -> Option<Down> {
        let (_, coming) = self.down.pop_front()?;
        let polling = match (coming, &mut self.polling) {
            (Coming::Down(down), _) => return Some(down),
            (Coming::Answer(_), None) => return None,
            (Coming::Answer(Request::Post), Some(polling)) => {
                polling.posts = false;
                self.post(at);
                self.rest(now);
                return None;
            }
            (Coming::Answer(Request::Poll), Some(polling)) => polling,
        };
        polling.polls = !polling.pausing;
        if polling.polls {
            // A server that sends polls away for a while is asked again and again.
            self.go(at.max(now + LEAST_POLL_MS), Going::Request(Request::Poll));
        } else {
            self.rest(now);
        }
        None
    }

    pub(crate) fn next_due(&self, now: u64, client_listens: bool) -> Option<u64> {
        let down = self.down.front().filter(|_| client_listens).map(|(at, _)| *at);
        let up = self.up.front().map(|(at, _)| *at);
        let reads = Some(self.stalled_until).filter(|until| *until > now);
        [down, up, reads].into_iter().flatten().min()
    }

    /// Something sets out for the client.
    pub(crate) fn come(&mut self, at: u64, coming: Coming) {
        if !self.abandoned {
            let at = at + self.lag_ms;
            let at = self.down.back().map_or(at, |(last, _)| at.max(*last));
            self.down.push_back((at, coming));
        }
    }

    /// Something sets out for the server.
    fn go(&mut self, at: u64, going: Going) {
        if !self.broken {
            let at = at + self.lag_ms;
            let at = self.up.back().map_or(at, |(last, _)| at.max(*last));
            self.up.push_back((at, going));
        }
    }

    /// Begins a request with all that is to be sent, unless one is under way.
    fn post(&mut self, at: u64) {
        if let Some(polling) = &mut self.polling
            && !polling.posts
            && !polling.queue.is_empty()
        {
            polling.posts = true;
            let queue = std::mem::take(&mut polling.queue);
            queue.into_iter().for_each(|text| self.go(at, Going::Up(Up::Frame(text))));
            self.go(at, Going::Request(Request::Post));
        }
    }

    /// Says when a polling socket has come to rest.
    fn rest(&mut self, now: u64) {
        if self.polling.as_ref().is_some_and(Polling::rests) {
            self.come(now, Coming::Down(Down::Ready));
        }
    }
}
