//! A client on a virtual clock, with a server that says what the test tells it to.

use std::sync::Arc;

use samewire_client_core::{
    CallId, Client, Config, ConnectionState, Duration, EmitOptions, Event, HandleId, Instant,
    Message, NoChecks, PageEvent, SocketId, Transmit, framing::decode,
};
use serde_json::{Value, json};

/// A client, what it did, and the time it believes in.
pub(crate) struct Bench {
    pub(crate) client: Client<Value>,
    pub(crate) now: Instant,
    /// The newest socket, while it is open.
    pub(crate) socket: Option<SocketId>,
    /// The websocket that may take over.
    pub(crate) probe: Option<SocketId>,
    /// What went over it before it did.
    pub(crate) probed: Vec<String>,
    pub(crate) pausing: bool,
    /// Sockets opened so far.
    pub(crate) opened: u32,
    frames: Vec<String>,
    events: Vec<Event<Value>>,
    /// The number of the last acknowledgement that the client asked for.
    last_ack: String,
}

/// Options of a client that has a token to give.
pub(crate) fn with_token() -> Config {
    Config { has_token: true, ..Config::default() }
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            client: Client::new(config, 1, NoChecks),
            now: Instant::from_millis(1_000_000),
            socket: None,
            probe: None,
            probed: Vec::new(),
            pausing: false,
            opened: 0,
            frames: Vec::new(),
            events: Vec::new(),
            last_ack: String::new(),
        }
    }

    /// Signed in as Ada, with her own room joined and nothing left to look at.
    pub(crate) fn signed_in() -> Self {
        let mut bench = Self::new(with_token());
        bench.connect();
        bench.sign_in();
        bench.forget();
        bench
    }

    pub(crate) fn connect(&mut self) {
        self.client.connect(self.now);
        self.drain();
    }

    /// Lets the client in and signs it in, once it has a socket.
    pub(crate) fn sign_in(&mut self) {
        self.sign_in_after(r#"0{"sid":"s","pingInterval":25000,"pingTimeout":20000}"#);
    }

    /// The same, with a handshake of its own.
    pub(crate) fn sign_in_after(&mut self, handshake: &str) {
        self.receive(handshake);
        self.client.token(self.now, Ok(Some("jwt".into())));
        self.drain();
        self.receive(r#"40{"sid":"x"}"#);
        self.receive(r#"42["authenticated",{"userId":"ada"}]"#);
        if self.frames.iter().any(|frame| frame.contains(r#""room:join",{"room":"user:ada""#)) {
            self.answer("room:join", &joined("user:ada", 0));
        }
    }

    /// A frame comes from the server.
    pub(crate) fn receive(&mut self, text: &str) {
        self.receive_on(self.socket, text);
    }

    pub(crate) fn receive_on(&mut self, socket: Option<SocketId>, text: &str) {
        let character = |at| text.as_bytes().get(at).copied();
        let frame = decode(character, |at| serde_json::from_str(text.get(at..)?).ok());
        let socket = socket.expect("there is no socket to receive on");
        self.client.handle_frame(self.now, socket, frame);
        self.drain();
    }

    /// An event comes, to a room or to this connection.
    pub(crate) fn receive_event(&mut self, name: &str, payload: Value, meta: Option<Value>) {
        let mut args = vec![json!(name), payload];
        args.extend(meta);
        self.receive(&format!("42{}", Value::Array(args)));
    }

    pub(crate) fn receive_in(&mut self, room: &str, offset: u64) {
        let meta = json!({ "room": room, "epoch": "e", "offset": offset });
        self.receive_event("moved", json!(offset), Some(meta));
    }

    /// Answers the first event of that name which the client sent since the last look.
    pub(crate) fn answer(&mut self, name: &str, data: &Value) {
        self.answer_with(name, &json!({ "ok": true, "data": data }));
    }

    pub(crate) fn answer_with(&mut self, name: &str, answer: &Value) {
        let frame =
            self.frames.iter().find(|frame| frame.contains(&format!("[\"{name}\""))).cloned();
        let frame = frame.unwrap_or_else(|| panic!("no {name} in {:?}", self.frames));
        self.receive(&format!("43{}[{answer}]", ack_of(&frame)));
    }

    /// Answers the last emit as a server without our acknowledgements does.
    pub(crate) fn answer_plain(&mut self, answer: Value) {
        self.receive(&format!("43{}[{answer}]", self.last_ack));
    }

    /// Refuses to let the client in, once it has a socket.
    pub(crate) fn refuse(&mut self, message: &str) {
        self.receive(r#"0{"sid":"s"}"#);
        self.client.token(self.now, Ok(Some("jwt".into())));
        self.drain();
        self.receive(&format!("44{}", json!({ "message": message })));
    }

    /// The socket is gone.
    pub(crate) fn lose(&mut self) {
        let socket = self.socket.take().expect("there is no socket to lose");
        self.client.handle_lost(self.now, socket, "gone");
        self.drain();
    }

    /// The same, of any socket.
    pub(crate) fn lose_socket(&mut self, socket: Option<SocketId>) {
        self.client.handle_lost(self.now, socket.expect("there is no such socket"), "gone");
        self.drain();
    }

    /// A socket is open that may take over, or rests.
    pub(crate) fn ready(&mut self, socket: Option<SocketId>) {
        self.client.handle_ready(self.now, socket.expect("there is no such socket"));
        self.drain();
    }

    pub(crate) fn page(&mut self, event: PageEvent) {
        self.client.handle_page(self.now, event);
        self.drain();
    }

    /// Time goes by, and every deadline in it comes when it should.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(deadline) = self.client.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.client.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Time goes by without a single timer: a frozen page.
    pub(crate) fn freeze(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    pub(crate) fn emit(&mut self, call: u32, name: &str) {
        self.emit_with(call, name, options(None));
    }

    pub(crate) fn emit_with(&mut self, call: u32, name: &str, options: EmitOptions<Arc<str>>) {
        let payload = Message { text: "{}".into(), attachments: Vec::new() };
        self.client.emit(self.now, CallId(call), name, payload, options);
        self.drain();
    }

    pub(crate) fn join(&mut self, handle: u32, room: &str) {
        self.join_filtered(handle, room, None);
    }

    pub(crate) fn join_filtered(&mut self, handle: u32, room: &str, events: Option<&[&str]>) {
        let events = events.map(|events| events.iter().map(|event| Arc::from(*event)).collect());
        self.client.join(self.now, HandleId(handle), room, events);
        self.drain();
    }

    pub(crate) fn leave(&mut self, handle: u32) {
        self.client.leave(self.now, HandleId(handle));
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(transmit) = self.client.poll_transmit() {
            match transmit {
                Transmit::Open { socket, session: Some(_), .. } => {
                    assert_eq!(self.probe, None, "two upgrades at once");
                    self.probe = Some(socket);
                }
                Transmit::Open { socket, .. } => {
                    assert_eq!((self.socket, self.probe), (None, None), "two sockets at once");
                    self.socket = Some(socket);
                    self.opened += 1;
                }
                Transmit::Pause { socket } => {
                    assert_eq!((self.socket, self.pausing), (Some(socket), false));
                    self.pausing = true;
                }
                Transmit::Close { socket } if self.probe == Some(socket) => self.probe = None,
                Transmit::Close { socket } => {
                    assert!(self.socket.is_none_or(|open| open == socket));
                    // Where polling has come to rest, its websocket is all there is.
                    self.socket = self.probe.take().filter(|_| self.pausing);
                    self.pausing = false;
                }
                Transmit::Send { socket, message } if self.probe == Some(socket) => {
                    self.probed.push(message.text);
                }
                Transmit::Send { socket, message } => {
                    assert_eq!(self.socket, Some(socket), "sent on a socket that is not open");
                    let frame = message.text;
                    assert!(!self.pausing || frame == "41", "sent on a socket that is to rest");
                    if frame.starts_with("42") {
                        ack_of(&frame).clone_into(&mut self.last_ack);
                    }
                    self.frames.push(frame);
                }
            }
        }
        while let Some(event) = self.client.poll_event() {
            self.events.push(event);
        }
    }

    /// What was sent since the last look, without the numbers of acknowledgements.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let frames = std::mem::take(&mut self.frames);
        frames.iter().map(|frame| without_ack(frame)).collect()
    }

    /// What the application was told since the last look.
    pub(crate) fn told(&mut self) -> Vec<Event<Value>> {
        std::mem::take(&mut self.events)
    }

    /// The offsets of the room events told since the last look; the rest is forgotten.
    pub(crate) fn told_offsets(&mut self) -> Vec<u64> {
        let offset = |event| match event {
            Event::Arrived { event, .. } => event.place.map(|place| place.position.offset),
            _ => None,
        };
        self.told().into_iter().filter_map(offset).collect()
    }

    /// How the emits ended of which the application was told since the last look.
    pub(crate) fn settled(&mut self) -> Vec<(u32, Result<Option<Value>, String>)> {
        let settled = |event: Event<Value>| match event {
            Event::Settled { call, outcome } => {
                Some((call.0, outcome.map_err(|failure| failure.code().to_string())))
            }
            _ => None,
        };
        self.told().into_iter().filter_map(settled).collect()
    }

    /// Looks away.
    pub(crate) fn forget(&mut self) {
        self.frames.clear();
        self.events.clear();
    }

    pub(crate) fn closed_because(&self) -> Option<String> {
        match self.client.state() {
            ConnectionState::Closed { reason } => Some(reason.code().to_string()),
            _ => None,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.state() == ConnectionState::Connected
    }
}

pub(crate) fn options(retries: Option<u32>) -> EmitOptions<Arc<str>> {
    EmitOptions { id: "uuid".into(), timeout: None, retries }
}

/// The answer to a join of a room whose log stands at `offset`.
pub(crate) fn joined(room: &str, offset: u64) -> Value {
    json!({
        "room": room,
        "position": { "epoch": "e", "offset": offset },
        "recovered": true,
        "missed": 0,
        "users": [],
    })
}

fn ack_of(frame: &str) -> &str {
    let digits = &frame[2..];
    &digits[..digits.find('[').expect("an event")]
}

fn without_ack(frame: &str) -> String {
    match frame.find('[') {
        Some(at) if frame.starts_with("42") => frame[at..].to_owned(),
        _ => frame.to_owned(),
    }
}
