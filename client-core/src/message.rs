//! What is sent: the text frames of Engine.IO v4 with Socket.IO v5 inside, from parts that the
//! caller writes wherever it holds them.

use samewire_protocol::{
    VERSION,
    connection::{Authenticate, Ping},
    event::Event as _,
    rooms::{RoomHistory, RoomJoin, RoomLeave},
};

use crate::{Payload, Position, Text};

/// Takes the parts of a frame, one after the other. Before each stand letters as they are, so that
/// there are fewer of them.
pub trait FrameWriter<P: Payload>: Default {
    /// Letters alone.
    fn ascii(&mut self, letters: &'static str);

    /// A number.
    fn number(&mut self, letters: &'static str, number: u64);

    /// A text as JSON.
    fn quoted(&mut self, letters: &'static str, text: &P::Text);

    /// A payload that was written before: JSON, and the binary frames that are to follow.
    fn payload(&mut self, letters: &'static str, payload: &P::Message);

    /// What was written, with these letters at its end, and the binary frames that follow it.
    fn finish(self, letters: &'static str) -> P::Message;
}

/// What the client asks of the server on its own account.
#[derive(Debug)]
pub(crate) enum Request<T> {
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

/// A frame that is always the same.
pub(crate) fn signal<P: Payload>(letters: &'static str) -> P::Message {
    P::Writer::default().finish(letters)
}

/// An event with a payload. `ack` is the number that the server is to acknowledge it by; `id` names the
/// emit, so that the server doesn't act twice on a repeat.
pub(crate) fn event<P: Payload>(
    name: &P::Text,
    payload: &P::Message,
    ack: Option<u64>,
    id: Option<&P::Text>,
) -> P::Message {
    let mut writer = P::Writer::default();
    let attachments = P::attachments(payload);
    let head = head(&mut writer, "42", "45", attachments);
    let before = match ack {
        Some(ack) => {
            writer.number(head, ack);
            "["
        }
        None if attachments == 0 => "42[",
        None => "-[",
    };
    writer.quoted(before, name);
    writer.payload(",", payload);
    if let Some(id) = id {
        writer.quoted(",{\"id\":", id);
    }
    writer.finish(if id.is_some() { "}]" } else { "]" })
}

/// The answer to an event of the server that came with a number.
pub(crate) fn answer<P: Payload>(id: u64, answer: &P::Message) -> P::Message {
    let mut writer = P::Writer::default();
    let head = head(&mut writer, "43", "46", P::attachments(answer));
    writer.number(head, id);
    writer.payload("[", answer);
    writer.finish("]")
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

/// What a client says when it asks to be let in: a `Handshake` of the protocol, room by room.
pub(crate) struct Greeting<P: Payload> {
    writer: P::Writer,
    /// Whether it names a room.
    pub(crate) resumes: bool,
}

impl<P: Payload> Greeting<P> {
    /// With a JWT, or without.
    pub(crate) fn new(token: Option<&P::Text>) -> Self {
        let mut writer = P::Writer::default();
        writer.ascii("40{\"protocol\":\"");
        writer.ascii(VERSION);
        writer.ascii("\"");
        if let Some(token) = token {
            writer.quoted(",\"token\":", token);
        }
        Self { writer, resumes: false }
    }

    /// A room to be in again, with what was seen of it; only these events, where the join was filtered.
    pub(crate) fn resume(
        &mut self,
        room: &P::Text,
        since: &Position<P::Text>,
        wanted: Option<&[P::Text]>,
    ) {
        let before = if self.resumes { ",{\"room\":" } else { ",\"resume\":[{\"room\":" };
        self.resumes = true;
        self.writer.quoted(before, room);
        position::<P>(&mut self.writer, ",\"epoch\":", ",\"offset\":", since);
        events::<P>(&mut self.writer, wanted);
        self.writer.ascii("}");
    }

    /// The frame.
    pub(crate) fn finish(self) -> P::Message {
        self.writer.finish(if self.resumes { "]}" } else { "}" })
    }
}

impl<T: Text> Request<T> {
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

    /// The payload of that event.
    pub(crate) fn payload<P: Payload<Text = T>>(&self) -> P::Message {
        let mut writer = P::Writer::default();
        match self {
            Self::Ping => writer.ascii("{"),
            Self::Authenticate { token } => writer.quoted("{\"token\":", token),
            Self::Join { room, .. } | Self::Leave { room } | Self::History { room, .. } => {
                writer.quoted("{\"room\":", room);
            }
        }
        match self {
            Self::Join { since, events: wanted, .. } => {
                if let Some(since) = since {
                    position::<P>(&mut writer, ",\"since\":{\"epoch\":", ",\"offset\":", since);
                    writer.ascii("}");
                }
                events::<P>(&mut writer, wanted.as_deref());
            }
            Self::History { after, .. } => {
                position::<P>(&mut writer, ",\"epoch\":", ",\"after\":", after);
            }
            Self::Leave { .. } | Self::Ping | Self::Authenticate { .. } => {}
        }
        writer.finish("}")
    }
}

fn position<P: Payload>(
    writer: &mut P::Writer,
    epoch: &'static str,
    offset: &'static str,
    position: &Position<P::Text>,
) {
    writer.quoted(epoch, &position.epoch);
    writer.number(offset, position.offset);
}

fn events<P: Payload>(writer: &mut P::Writer, events: Option<&[P::Text]>) {
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
    use crate::{
        Message,
        framing::{Frame, Packet, decode},
    };

    fn event(name: &str, ack: Option<u64>, payload: &Message, id: Option<&str>) -> String {
        super::event::<Value>(&name.into(), payload, ack, id.map(Arc::from).as_ref()).text
    }

    fn payload(json: &str, attachments: usize) -> Message {
        Message { text: json.to_owned(), attachments: vec![json!(0); attachments] }
    }

    /// The payload as the protocol's type reads it, and as it was written.
    fn read<T: DeserializeOwned + serde::Serialize>(request: Request<Arc<str>>) -> (Value, Value) {
        let written: Value = serde_json::from_str(&request.payload::<Value>().text).unwrap();
        let typed: T = serde_json::from_value(written.clone()).unwrap();
        (serde_json::to_value(typed).unwrap(), written)
    }

    fn at(offset: u64) -> Position<Arc<str>> {
        Position { epoch: "e\"".into(), offset }
    }

    #[test]
    fn what_stands_around_a_payload() {
        assert_eq!(event("say \"hi\"", Some(3), &payload("1", 0), None), r#"423["say \"hi\"",1]"#);
        assert_eq!(event("a", None, &payload("1", 2), Some("x")), r#"452-["a",1,{"id":"x"}]"#);
        assert_eq!(answer::<Value>(7, &payload("true", 0)).text, "437[true]");
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
        let filter: [Arc<str>; 1] = ["a".into()];
        for resume in [vec![], vec![None], vec![None, Some(&filter[..])]] {
            for token in [None, Some(Arc::from("jwt"))] {
                let count = resume.len();
                let mut greeting = Greeting::<Value>::new(token.as_ref());
                for events in &resume {
                    greeting.resume(&"room:a".into(), &at(3), *events);
                }
                let text = greeting.finish().text;
                let read: Handshake = serde_json::from_str(&text[2..]).unwrap();
                assert_eq!(read.protocol.as_deref(), Some(VERSION));
                assert_eq!(read.token.as_deref(), token.as_deref());
                assert_eq!(read.resume.map_or(0, |resume| resume.len()), count);
            }
        }
    }

    proptest! {
        #[test]
        fn an_event_comes_back_as_it_was_written(name: String, ack in proptest::option::of(0..u64::from(u32::MAX)), value: i32) {
            let text = event(&name, ack, &payload(&value.to_string(), 0), None);
            let character = |at| text.as_bytes().get(at).copied();
            prop_assert_eq!(
                decode(character, |at| serde_json::from_str(text.get(at..)?).ok()),
                Ok(Frame::Packet(Packet::Event { ack, attachments: 0, args: json!([name, value]) }))
            );
        }
    }
}
