//! This crate's reading of a frame, and a client that writes them.

use samewire_client_core::{
    CallId, Client, Config, EmitOptions, Event, Instant, Message, NoChecks, SocketId, Transmit,
    framing::{Frame, FrameError, Packet, decode},
};
use serde_json::{Value, json};

use crate::Meaning;

/// Reads a frame.
pub(crate) fn read(text: &str) -> Result<Frame<Value>, FrameError> {
    let character = |at| text.as_bytes().get(at).copied();
    decode(character, |at| serde_json::from_str(text.get(at..)?).ok())
}

/// What the Socket.IO packet in a frame says.
pub(crate) fn meaning(text: &str) -> Result<Meaning, FrameError> {
    let Frame::Packet(packet) = read(text)? else {
        return Err(FrameError::Type);
    };
    Ok(match packet {
        Packet::Connect => Meaning::Connect,
        Packet::Disconnect => Meaning::Disconnect,
        Packet::ConnectError(error) => {
            Meaning::ConnectError { message: error["message"].as_str().unwrap_or_default().into() }
        }
        Packet::Event { ack, attachments, args } => Meaning::Event { ack, args, attachments },
        Packet::Ack { id, attachments, args } => Meaning::Ack { id, args, attachments },
    })
}

/// A client that is connected to a server of its own making.
pub(crate) struct Connected {
    client: Client<Value>,
    socket: SocketId,
    now: Instant,
}

/// A text frame, and the binary ones that follow it.
pub(crate) type Sent = (String, Vec<Vec<u8>>);

impl Connected {
    /// With what it sent on the way.
    pub(crate) fn new() -> (Self, Vec<Sent>) {
        let now = Instant::from_millis(0);
        let mut client = Client::new(Config::default(), 1, NoChecks);
        client.connect(now);
        let Some(Transmit::Open { socket, .. }) = client.poll_transmit() else {
            panic!("no socket was asked for");
        };
        let mut this = Self { client, socket, now };
        this.receive(r#"0{"sid":"s"}"#, &[]);
        this.receive("40", &[]);
        let greeting = this.sent();
        this.told();
        (this, greeting)
    }

    /// A frame of the server comes, and its attachments.
    pub(crate) fn receive(&mut self, text: &str, attachments: &[Vec<u8>]) {
        self.client.handle_frame(self.now, self.socket, read(text));
        for attachment in attachments {
            self.client.handle_attachment(self.now, self.socket, json!(attachment));
        }
    }

    /// Emits, and gives what was sent.
    pub(crate) fn emit(&mut self, name: &str, payload: &Value, attachments: &[Vec<u8>]) -> Sent {
        let options = EmitOptions { id: "id".into(), timeout: None, retries: None };
        self.client.emit(self.now, CallId(1), name, encoded(payload, attachments), options);
        self.sent().pop().expect("nothing was sent")
    }

    /// Answers an event of the server, and gives what was sent.
    pub(crate) fn acknowledge(&mut self, ack: u64, answer: &Value, parts: &[Vec<u8>]) -> Sent {
        self.client.acknowledge(ack, encoded(answer, parts));
        self.sent().pop().expect("nothing was sent")
    }

    /// Ends the connection, and gives what was sent.
    pub(crate) fn disconnect(&mut self) -> Vec<Sent> {
        self.client.disconnect(self.now);
        self.sent()
    }

    /// What the application was told since the last look.
    pub(crate) fn told(&mut self) -> Vec<Event<Value>> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    fn sent(&mut self) -> Vec<Sent> {
        let transmits = std::iter::from_fn(|| self.client.poll_transmit());
        let sent = transmits.filter_map(|transmit| match transmit {
            Transmit::Send { message, .. } => Some(written(message)),
            _ => None,
        });
        sent.collect()
    }
}

fn encoded(payload: &Value, attachments: &[Vec<u8>]) -> Message {
    Message {
        text: payload.to_string(),
        attachments: attachments.iter().map(|attachment| json!(attachment)).collect(),
    }
}

fn written(Message { text, attachments }: Message) -> Sent {
    let bytes = |part: &Value| serde_json::from_value(part.clone()).expect("bytes");
    (text, attachments.iter().map(bytes).collect())
}
