//! What is sent: the text frames of Engine.IO v4 with Socket.IO v5 inside, from parts that the
//! caller writes wherever it holds them.

use samewire_protocol::{
    VERSION,
    connection::{Authenticate, Ping},
    event::Event as _,
    rooms::{RoomHistory, RoomJoin, RoomLeave},
};

use crate::{Encoded, Payload, Position, Text};

/// Takes the parts of a frame, one after the other. Before each stand letters as they are, so that
/// there are fewer of them.
pub trait FrameWriter<P: Payload> {
    /// Letters alone.
    fn ascii(&mut self, letters: &'static str);

    /// A number.
    fn number(&mut self, letters: &'static str, number: u64);

    /// A text as JSON.
    fn quoted(&mut self, letters: &'static str, text: &P::Text);

    /// JSON that the application wrote.
    fn json(&mut self, letters: &'static str, json: &P);
}

/// A text frame, and the binary frames that follow it.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<P: Payload> {
    /// A frame that is always the same.
    Signal(&'static str),
    /// Asks to be let in.
    Connect(Greeting<P::Text>),
    /// An event.
    Event {
        /// Its name.
        name: P::Text,
        /// Its payload.
        body: Body<P>,
        /// The number that the server is to acknowledge it by.
        ack: Option<u64>,
        /// Names the emit, so that the server doesn't act twice on a repeat.
        id: Option<P::Text>,
    },
    /// Answers an event of the server.
    Ack {
        /// The number it came with.
        id: u64,
        /// The answer.
        answer: Encoded<P>,
    },
}

/// What a client says when it asks to be let in: a `Handshake` of the protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Greeting<T> {
    /// A JWT.
    pub token: Option<T>,
    /// Rooms to be in again.
    pub resume: Vec<Resume<T>>,
}

/// One room to be in again.
#[derive(Debug, Clone, PartialEq)]
pub struct Resume<T> {
    /// The room's address.
    pub room: T,
    /// What was seen of it.
    pub since: Position<T>,
    /// Only these events, where the join was filtered.
    pub events: Option<Vec<T>>,
}

/// A payload, as it is written here or by the application.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<P: Payload> {
    /// What the client asks on its own account.
    Ours(Request<P::Text>),
    /// The application's.
    Theirs(Encoded<P>),
}

/// What the client asks of the server on its own account.
#[derive(Debug, Clone, PartialEq)]
pub enum Request<T> {
    /// To be let into a room: a `RoomJoin` of the protocol.
    Join {
        /// The room's address.
        room: T,
        /// What was seen of it before.
        since: Option<Position<T>>,
        /// Only these events.
        events: Option<Vec<T>>,
    },
    /// To leave a room: a `RoomLeave`.
    Leave {
        /// The room's address.
        room: T,
    },
    /// What a room's log holds: a `RoomHistory`.
    History {
        /// The room's address.
        room: T,
        /// The last event that was seen.
        after: Position<T>,
    },
    /// Whether it is there.
    Ping,
    /// To take a fresh token: an `Authenticate`.
    Authenticate {
        /// A JWT.
        token: T,
    },
}

impl<T> Request<T> {
    /// The event that asks for it.
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::Join { .. } => RoomJoin::NAME,
            Self::Leave { .. } => RoomLeave::NAME,
            Self::History { .. } => RoomHistory::NAME,
            Self::Ping => Ping::NAME,
            Self::Authenticate { .. } => Authenticate::NAME,
        }
    }
}

impl<P: Payload> Message<P> {
    /// Writes the text frame.
    pub fn write(&self, writer: &mut impl FrameWriter<P>) {
        match self {
            Self::Signal(text) => writer.ascii(text),
            Self::Connect(greeting) => greeting.write(writer),
            Self::Event { name, body, ack, id } => {
                let head = head(writer, "42", "45", self.attachments().len());
                match ack {
                    Some(ack) => writer.number(head, *ack),
                    None => writer.ascii(head),
                }
                writer.quoted("[", name);
                match body {
                    Body::Ours(request) => request.write(writer),
                    Body::Theirs(payload) => writer.json(",", &payload.json),
                }
                if let Some(id) = id {
                    writer.quoted(",{\"id\":", id);
                }
                writer.ascii(if id.is_some() { "}]" } else { "]" });
            }
            Self::Ack { id, answer } => {
                let head = head(writer, "43", "46", answer.attachments.len());
                writer.number(head, *id);
                writer.json("[", &answer.json);
                writer.ascii("]");
            }
        }
    }

    /// The binary frames.
    pub fn attachments(&self) -> &[P] {
        match self {
            Self::Event { body: Body::Theirs(payload), .. } => &payload.attachments,
            Self::Ack { answer, .. } => &answer.attachments,
            _ => &[],
        }
    }
}

/// Begins a packet. What is to stand before what follows.
fn head<P: Payload>(
    writer: &mut impl FrameWriter<P>,
    plain: &'static str,
    binary: &'static str,
    attachments: usize,
) -> &'static str {
    if attachments == 0 {
        return plain;
    }
    writer.number(binary, attachments as u64);
    "-"
}

impl<T: Text> Greeting<T> {
    fn write<P: Payload<Text = T>>(&self, writer: &mut impl FrameWriter<P>) {
        writer.ascii("40{\"protocol\":\"");
        writer.ascii(VERSION);
        writer.ascii("\"");
        if let Some(token) = &self.token {
            writer.quoted(",\"token\":", token);
        }
        let mut before = ",\"resume\":[{\"room\":";
        for room in &self.resume {
            writer.quoted(before, &room.room);
            position(writer, ",\"epoch\":", ",\"offset\":", &room.since);
            events(writer, room.events.as_deref());
            writer.ascii("}");
            before = ",{\"room\":";
        }
        writer.ascii(if self.resume.is_empty() { "}" } else { "]}" });
    }
}

impl<T: Text> Request<T> {
    fn write<P: Payload<Text = T>>(&self, writer: &mut impl FrameWriter<P>) {
        match self {
            Self::Ping => writer.ascii(",{"),
            Self::Authenticate { token } => writer.quoted(",{\"token\":", token),
            Self::Join { room, .. } | Self::Leave { room } | Self::History { room, .. } => {
                writer.quoted(",{\"room\":", room);
            }
        }
        match self {
            Self::Join { since, events: wanted, .. } => {
                if let Some(since) = since {
                    position(writer, ",\"since\":{\"epoch\":", ",\"offset\":", since);
                    writer.ascii("}");
                }
                events(writer, wanted.as_deref());
            }
            Self::History { after, .. } => {
                position(writer, ",\"epoch\":", ",\"after\":", after);
            }
            Self::Leave { .. } | Self::Ping | Self::Authenticate { .. } => {}
        }
        writer.ascii("}");
    }
}

fn position<P: Payload>(
    writer: &mut impl FrameWriter<P>,
    epoch: &'static str,
    offset: &'static str,
    position: &Position<P::Text>,
) {
    writer.quoted(epoch, &position.epoch);
    writer.number(offset, position.offset);
}

fn events<P: Payload>(writer: &mut impl FrameWriter<P>, events: Option<&[P::Text]>) {
    let Some(events) = events else {
        return;
    };
    let mut before = ",\"events\":[";
    for event in events {
        writer.quoted(before, event);
        before = ",";
    }
    writer.ascii(if events.is_empty() { ",\"events\":[]" } else { "]" });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use samewire_protocol::connection::{EmitMeta, Handshake};
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::framing::{Frame, Packet, decode};

    fn text(message: &Message<Value>) -> String {
        let mut text = String::new();
        message.write(&mut text);
        text
    }

    fn event(name: &str, ack: Option<u64>, body: Body<Value>, id: Option<&str>) -> String {
        text(&Message::Event { name: name.into(), body, ack, id: id.map(Arc::from) })
    }

    fn theirs(json: &str, attachments: usize) -> Body<Value> {
        Body::Theirs(Encoded { json: json!(json), attachments: vec![json!(0); attachments] })
    }

    /// The payload as the protocol's type reads it, and as it was written.
    fn read<T: DeserializeOwned + serde::Serialize>(request: Request<Arc<str>>) -> (Value, Value) {
        let text = event(request.event(), None, Body::Ours(request), None);
        let args: Value = serde_json::from_str(&text[2..]).unwrap();
        let typed: T = serde_json::from_value(args[1].clone()).unwrap();
        (serde_json::to_value(typed).unwrap(), args[1].clone())
    }

    fn at(offset: u64) -> Position<Arc<str>> {
        Position { epoch: "e\"".into(), offset }
    }

    #[test]
    fn what_stands_around_a_payload() {
        assert_eq!(event("say \"hi\"", Some(3), theirs("1", 0), None), r#"423["say \"hi\"",1]"#);
        assert_eq!(event("a", None, theirs("1", 2), Some("x")), r#"452-["a",1,{"id":"x"}]"#);
        let answer = Encoded { json: json!("true"), attachments: vec![] };
        assert_eq!(text(&Message::Ack { id: 7, answer }), "437[true]");
        let meta: EmitMeta = serde_json::from_value(json!({ "id": "x" })).unwrap();
        assert_eq!(meta.id, "x");
    }

    #[test]
    fn requests_are_what_the_protocol_says() {
        for since in [None, Some(at(7))] {
            for events in [None, Some(vec![]), Some(vec!["a".into(), "b\\".into()])] {
                let since = since.clone();
                let (typed, written) =
                    read::<RoomJoin>(Request::Join { room: "room:é".into(), since, events });
                assert_eq!(typed, written);
            }
        }
        let (typed, written) = read::<RoomLeave>(Request::Leave { room: "room:a".into() });
        assert_eq!(typed, written);
        let history = Request::History { room: "room:a".into(), after: at(9) };
        let (typed, written) = read::<RoomHistory>(history);
        assert_eq!((&typed["epoch"], &typed["after"]), (&written["epoch"], &written["after"]));
        let (typed, written) = read::<Authenticate>(Request::Authenticate { token: "t".into() });
        assert_eq!(typed, written);
        let (typed, written) = read::<Ping>(Request::Ping);
        assert_eq!(typed, written);
    }

    #[test]
    fn a_greeting_is_what_the_protocol_says() {
        let room = |events| Resume { room: "room:a".into(), since: at(3), events };
        for resume in [vec![], vec![room(None)], vec![room(None), room(Some(vec!["a".into()]))]] {
            for token in [None, Some("jwt".into())] {
                let count = resume.len();
                let greeting = Greeting { token: token.clone(), resume: resume.clone() };
                let text = text(&Message::Connect(greeting));
                let read: Handshake = serde_json::from_str(&text[2..]).unwrap();
                assert_eq!(read.protocol.as_deref(), Some(VERSION));
                assert_eq!(read.token.as_deref(), token.as_deref());
                assert_eq!(read.resume.map_or(0, |resume| resume.len()), count);
            }
        }
    }

    proptest! {
        #[test]
        fn an_event_comes_back_as_it_was_written(name: String, ack in proptest::option::of(0..u64::from(u32::MAX)), payload: i32) {
            let text = event(&name, ack, theirs(&payload.to_string(), 0), None);
            let character = |at| text.as_bytes().get(at).copied();
            prop_assert_eq!(
                decode(character, |at| serde_json::from_str(text.get(at..)?).ok()),
                Ok(Frame::Packet(Packet::Event { ack, attachments: 0, args: json!([name, payload]) }))
            );
        }
    }
}
