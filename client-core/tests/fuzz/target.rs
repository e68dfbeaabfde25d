//! What is fuzzed: a whole client, and a server and an application that do to it whatever a script
//! says. Shared with `client-core/fuzz`, where libFuzzer writes the scripts.
//!
//! A script is lines of bytes. The first byte says what happens, see [`Stage::act`]; a line that
//! makes no sense is passed over.

#[path = "counted.rs"]
mod counted;

use std::{collections::BTreeSet, sync::Arc};

use samewire_client_core::{
    CallId, Client, Config, ConnectionState, Duration, EmitOptions, Event, HandleId, Instant,
    NoChecks, PageEvent, SocketId, Transmit, Transport, framing::decode,
};
use serde_json::{Value, json};

use counted::{Counted, all_is_named};

/// More than any one thing that happens may lead to. Past it, something goes round in circles.
const MANY: usize = 20_000;

/// The longest time that passes at once.
const LONG: u64 = 10 * 60 * 1000;

/// Plays a script.
///
/// # Panics
/// When the client does, or does what it never may.
pub(crate) fn play(script: &[u8]) {
    let mut stage = Stage::new(script.first() == Some(&b'P'));
    for line in script.split(|byte| *byte == b'\n') {
        stage.act(line);
    }
    stage.start_anew();
    stage.close();
}

struct Stage {
    client: Client<Counted<Value>>,
    now: Instant,
    /// Those that are open or being opened, the oldest first.
    sockets: BTreeSet<SocketId>,
    /// Names of calls and handles given so far.
    named: u32,
    /// Calls that are not settled yet.
    calls: BTreeSet<CallId>,
    /// Joins that are neither granted nor refused yet.
    joins: BTreeSet<HandleId>,
}

impl Stage {
    /// A client that is not connected, and begins with polling or doesn't.
    fn new(polling_first: bool) -> Self {
        let mut config = Config { has_token: true, queue_limit: 20, ..Config::default() };
        if polling_first {
            config.transports = &[Transport::Polling, Transport::Websocket];
        }
        Self {
            client: Client::new(config, 7, NoChecks),
            now: Instant::from_millis(1_000_000),
            sockets: BTreeSet::new(),
            named: 0,
            calls: BTreeSet::new(),
            joins: BTreeSet::new(),
        }
    }

    fn act(&mut self, line: &[u8]) {
        let Some((what, rest)) = line.split_first() else { return };
        let text = String::from_utf8_lossy(rest);
        let number = || text.parse::<u64>().unwrap_or(0);
        match what {
            b'<' => self.receive(self.sockets.first().copied(), &text),
            b'>' => self.receive(self.sockets.last().copied(), &text),
            b'#' => self.receive_attachment(rest),
            b'!' => self.lose(self.sockets.first().copied()),
            b'?' => self.lose(self.sockets.last().copied()),
            b'r' => self.be_ready(self.sockets.first().copied()),
            b'R' => self.be_ready(self.sockets.last().copied()),
            b'p' => self.client.handle_page(self.now, page_event(number())),
            b'+' => self.pass(Duration::from_millis(number().min(LONG))),
            b'c' => self.client.connect(self.now),
            b'd' => self.client.disconnect(self.now),
            b'x' => self.close(),
            b't' => self.client.token(self.now, Ok(Some("jwt".into()))),
            b'T' => self.client.token(self.now, Err("nobody is signed in".into())),
            b'j' => self.join(&text, None),
            b'J' => self.join(&text, Some(vec!["session-ended".into()])),
            b'l' => self.leave(number() as u32),
            b'e' => self.emit(&text, 0),
            b'E' => self.emit(&text, 1),
            b'v' => _ = self.client.emit_volatile(&*text, Counted::new(0)),
            b'a' => self.client.acknowledge(number(), Counted::new(0)),
            b'k' => self.cancel(number() as u32),
            _ => {}
        }
        self.look();
    }

    /// A frame comes, read as a browser reads it: its head here, the rest elsewhere.
    fn receive(&mut self, socket: Option<SocketId>, text: &str) {
        let Some(socket) = socket else { return };
        let character = |at| text.as_bytes().get(at).copied();
        let body = |at| serde_json::from_str(text.get(at..)?).ok().map(Counted::new);
        let frame = decode(character, body);
        self.client.handle_frame(self.now, socket, frame);
    }

    fn receive_attachment(&mut self, bytes: &[u8]) {
        if let Some(socket) = self.sockets.first().copied() {
            self.client.handle_attachment(self.now, socket, Counted::new(json!(bytes)));
        }
    }

    fn lose(&mut self, socket: Option<SocketId>) {
        if let Some(socket) = socket {
            self.client.handle_lost(self.now, socket, "gone");
        }
    }

    fn be_ready(&mut self, socket: Option<SocketId>) {
        if let Some(socket) = socket {
            self.client.handle_ready(self.now, socket);
        }
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..MANY {
            match self.client.poll_timeout().filter(|deadline| *deadline <= end) {
                Some(deadline) => {
                    self.now = self.now.max(deadline);
                    self.client.handle_timeout(self.now);
                    self.look();
                }
                None => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("deadlines without end");
    }

    fn join(&mut self, room: &str, events: Option<Vec<Counted<Arc<str>>>>) {
        let handle = HandleId(self.name());
        self.joins.insert(handle);
        self.client.join(self.now, handle, room, events);
    }

    fn leave(&mut self, number: u32) {
        self.joins.remove(&HandleId(number));
        self.client.leave(self.now, HandleId(number));
    }

    fn emit(&mut self, name: &str, attachments: usize) {
        let call = CallId(self.name());
        self.calls.insert(call);
        let options = EmitOptions { id: "uuid".into(), timeout: None, retries: None };
        self.client.emit(self.now, call, name, Counted::new(attachments), options);
    }

    fn cancel(&mut self, number: u32) {
        self.calls.remove(&CallId(number));
        self.client.cancel(self.now, CallId(number));
    }

    fn name(&mut self) -> u32 {
        self.named += 1;
        self.named - 1
    }

    /// Takes out what the client wants done and told, and holds it against what never may be.
    fn look(&mut self) {
        for _ in 0..MANY {
            match (self.client.poll_transmit(), self.client.poll_event()) {
                (None, None) => return all_is_named(&self.client),
                (transmit, event) => {
                    transmit.into_iter().for_each(|transmit| self.transmit(&transmit));
                    event.into_iter().for_each(|event| self.hear(event));
                }
            }
        }
        panic!("words without end");
    }

    fn transmit(&mut self, transmit: &Transmit<Counted<Value>>) {
        match transmit {
            Transmit::Open { socket, .. } => {
                assert!(self.sockets.insert(*socket), "a socket is opened again");
                assert!(self.sockets.len() <= 2, "more than a socket, and one that takes over");
            }
            Transmit::Send { socket, .. } | Transmit::Pause { socket } => {
                assert!(self.sockets.contains(socket), "sent on a socket that isn't open");
            }
            Transmit::Close { socket } => {
                assert!(self.sockets.remove(socket), "closed a socket that isn't open");
            }
        }
    }

    fn hear(&mut self, event: Event<Counted<Value>>) {
        match event {
            Event::Settled { call, .. } => {
                assert!(self.calls.remove(&call), "settled {call:?}, which is over");
            }
            Event::Joined { handle, .. } | Event::Refused { handle, .. } => {
                assert!(self.joins.remove(&handle), "told the join {handle:?}, which is over");
            }
            _ => {}
        }
    }

    /// Whatever came before, a server that speaks as it should is understood.
    fn start_anew(&mut self) {
        self.client.disconnect(self.now);
        self.look();
        assert!(self.sockets.is_empty(), "a socket stays");
        for line in [
            &b"c"[..],
            br#"<0{"sid":"s","pingInterval":25000,"pingTimeout":20000}"#,
            b"t",
            br#"<40{"sid":"x"}"#,
            br#"<42["authenticated",{"userId":"ada"}]"#,
        ] {
            self.act(line);
        }
        assert_eq!(self.client.state(), ConnectionState::Connected);
    }

    fn close(&mut self) {
        self.client.close(self.now);
        self.look();
        assert_eq!(self.client.poll_timeout(), None, "a deadline stays");
        assert!(self.sockets.is_empty(), "a socket stays");
        assert_eq!((self.client.pending_emits(), self.client.rooms()), (0, 0), "something stays");
        assert!(self.calls.is_empty(), "never settled: {:?}", self.calls);
        assert!(self.joins.is_empty(), "never answered: {:?}", self.joins);
    }
}

fn page_event(number: u64) -> PageEvent {
    match number % 5 {
        0 => PageEvent::Online,
        1 => PageEvent::Offline,
        2 => PageEvent::Shown,
        3 => PageEvent::Away,
        _ => PageEvent::Back,
    }
}
