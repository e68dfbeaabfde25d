//! Packets: what a text message of a client says, and the frames that are sent to it.

use std::ops::Range;

use engineioxide::Str;
use samewire_protocol::{ErrorBody, Meta};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::attachments::Attachments;

/// A packet that is ready to be sent, shared by all who are sent it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    text: Str,
    attachments: Attachments,
}

impl Frame {
    /// A packet whose text says how many binary values follow it.
    pub(crate) fn new(text: impl Into<Str>, attachments: Attachments) -> Self {
        Self { text: text.into(), attachments }
    }

    /// The text.
    pub(crate) fn text(&self) -> &Str {
        &self.text
    }

    /// What follows the text.
    pub(crate) fn attachments(&self) -> &Attachments {
        &self.attachments
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + self.attachments.bytes()
    }
}

/// Told to another server as its text: whoever does that has one without binary values.
impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.text.as_str().serialize(to)
    }
}

impl<'a> Deserialize<'a> for Frame {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

impl<T: Into<Str>> From<T> for Frame {
    fn from(text: T) -> Self {
        Self::new(text, Attachments::default())
    }
}

/// A packet of a client. JSON is left as text: whoever handles it reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    /// `/` or another namespace, none of which we serve.
    pub namespace: &'a str,
    /// What it is.
    pub kind: PacketKind<'a>,
}

/// What a client's packet is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PacketKind<'a> {
    /// Asks to be let in, with the JSON of its `auth`.
    Connect(&'a str),
    /// Leaves.
    Disconnect,
    /// An event: the JSON of its arguments, the acknowledgement it wants, and how many binary
    /// messages follow.
    Event {
        /// A JSON array, the event's name first.
        arguments: &'a str,
        /// Names the acknowledgement.
        ack: Option<u64>,
        /// Binary messages that belong to it.
        attachments: usize,
    },
    /// Acknowledges an event of ours, by the number that it was sent with; nothing where it is none.
    Ack(Option<u64>),
}

/// A text message that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Socket.IO packet")]
pub(crate) struct PacketError;

impl<'a> Packet<'a> {
    /// Reads a packet's head.
    ///
    /// # Errors
    /// When the text is no packet that a client may send.
    pub(crate) fn decode(text: &'a str) -> Result<Self, PacketError> {
        let mut characters = text.chars();
        let kind = characters.next().ok_or(PacketError)?;
        let mut rest = characters.as_str();
        let mut attachments = 0;
        if matches!(kind, '5' | '6') {
            let (count, after) = rest.split_once('-').ok_or(PacketError)?;
            attachments = count.parse().map_err(|_| PacketError)?;
            rest = after;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (ack, json) = rest.split_at(digits);
        let kind = match kind {
            '0' => PacketKind::Connect(rest),
            '1' => PacketKind::Disconnect,
            '2' | '5' if json.starts_with('[') => PacketKind::Event {
                arguments: json,
                ack: if ack.is_empty() {
                    None
                } else {
                    Some(ack.parse().map_err(|_| PacketError)?)
                },
                attachments,
            },
            '3' | '6' => PacketKind::Ack(ack.parse().ok()),
            _ => return Err(PacketError),
        };
        Ok(Self { namespace, kind })
    }
}

/// `CONNECT`: the client is let in and learns its connection's public id.
///
/// # Errors
/// When the id can't be written as JSON.
pub(crate) fn connect(id: &str) -> serde_json::Result<Frame> {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
    }
    Ok(format!("0{}", serde_json::to_string(&Connected { sid: id })?).into())
}

/// `CONNECT_ERROR`: the client is not let in. The message begins with the code.
///
/// # Errors
/// When the refusal can't be written as JSON.
pub(crate) fn connect_error(namespace: &str, refusal: &ErrorBody) -> serde_json::Result<Frame> {
    #[derive(Serialize)]
    struct Refused<'a> {
        message: String,
        data: &'a ErrorBody,
    }
    let refused = Refused { message: refusal.to_string(), data: refusal };
    let separator = if namespace == "/" { "" } else { "," };
    let namespace = if namespace == "/" { "" } else { namespace };
    Ok(format!("4{namespace}{separator}{}", serde_json::to_string(&refused)?).into())
}

/// `DISCONNECT`: the server ends the connection; official clients don't come back by themselves.
pub(crate) fn disconnect() -> Frame {
    "1".into()
}

/// `EVENT` to one socket: `[name, payload]`.
///
/// # Errors
/// When the payload can't be written as JSON.
pub(crate) fn event<T: Serialize>(name: &str, payload: &T) -> serde_json::Result<Frame> {
    Ok(format!("2{}", serde_json::to_string(&(name, payload))?).into())
}

/// `ACK` with one argument, or `BINARY_ACK`.
///
/// # Errors
/// When the answer can't be written as JSON.
pub(crate) fn ack<T: Serialize>(
    id: u64,
    answer: &T,
    attachments: Attachments,
) -> serde_json::Result<Frame> {
    let json = serde_json::to_string(&(answer,))?;
    let text = match attachments.len() {
        0 => format!("3{id}{json}"),
        count => format!("6{count}-{id}{json}"),
    };
    Ok(Frame::new(text, attachments))
}

/// An event to a room, encoded once: `[name, payload, meta]`.
#[derive(Debug, Clone)]
pub(crate) struct RoomFrame {
    frame: Frame,
    payload: Range<usize>,
}

impl RoomFrame {
    /// Encodes an event, which is to be acknowledged by this number where there is one.
    ///
    /// # Errors
    /// When the name or the place can't be written as JSON.
    pub(crate) fn new(
        name: &str,
        payload: &str,
        attachments: Attachments,
        meta: &Meta,
        ack: Option<u32>,
    ) -> serde_json::Result<Self> {
        let name = serde_json::to_string(name)?;
        let meta = serde_json::to_string(meta)?;
        let kind = match attachments.len() {
            0 => "2".to_owned(),
            count => format!("5{count}-"),
        };
        let ack = ack.map(|number| number.to_string()).unwrap_or_default();
        let start = kind.len() + ack.len() + "[,".len() + name.len();
        let end = start + payload.len();
        let text = format!("{kind}{ack}[{name},{},{meta}]", payload);
        Ok(Self { frame: Frame::new(text, attachments), payload: start..end })
    }

    /// What is sent.
    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The payload's binary values.
    pub(crate) fn attachments(&self) -> &Attachments {
        &self.frame.attachments
    }

    /// The payload's JSON.
    pub(crate) fn payload(&self) -> &str {
        &self.frame.text[self.payload.clone()]
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.frame.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samewire_protocol::{Epoch, ErrorCode, SafeInteger};

    use super::*;

    fn event_packet(arguments: &str, ack: Option<u64>, attachments: usize) -> Packet<'_> {
        Packet { namespace: "/", kind: PacketKind::Event { arguments, ack, attachments } }
    }

    #[test]
    fn packets_of_a_client_are_read() {
        let decode = |text| Packet::decode(text).unwrap();
        assert_eq!(decode("0").kind, PacketKind::Connect(""));
        assert_eq!(decode("0{\"token\":\"t\"}").kind, PacketKind::Connect("{\"token\":\"t\"}"));
        assert_eq!(decode("0/admin,{}").namespace, "/admin");
        assert_eq!(decode("1").kind, PacketKind::Disconnect);
        assert_eq!(decode("2[\"a\",1]"), event_packet("[\"a\",1]", None, 0));
        assert_eq!(decode("217[\"a\"]"), event_packet("[\"a\"]", Some(17), 0));
        assert_eq!(decode("52-17[\"a\"]"), event_packet("[\"a\"]", Some(17), 2));
        assert_eq!(decode("31[]").kind, PacketKind::Ack(Some(1)));
        assert_eq!(decode("3[]").kind, PacketKind::Ack(None));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in [
            "",
            "4{}",
            "7",
            "2",
            "2{}",
            "2abc",
            "5[\"a\"]",
            "5x-[]",
            "é",
            "2999999999999999999999[]",
        ] {
            assert_eq!(Packet::decode(text), Err(PacketError), "{text}");
        }
    }

    #[test]
    fn a_refused_namespace_is_named() {
        let refusal = ErrorBody::new(ErrorCode::NotFound, "no");
        assert!(
            connect_error("/admin", &refusal)
                .unwrap()
                .text()
                .starts_with("4/admin,{\"message\":\"NOT_FOUND: no\"")
        );
        assert!(connect_error("/", &refusal).unwrap().text().starts_with("4{"));
    }

    #[test]
    fn a_room_frame_gives_its_payload_back() {
        let payload = "{\"a\":[1,2]}";
        let meta = Meta {
            room: "room:x".into(),
            epoch: Epoch("e".into()),
            offset: SafeInteger::from(7_u32),
        };
        let frame = |name, attachments, ack| {
            RoomFrame::new(name, payload, attachments, &meta, ack).unwrap()
        };
        let asking = frame("said", Attachments::default(), Some(1234));
        assert_eq!(asking.payload(), payload);
        assert!(asking.frame().text().starts_with("21234[\"said\","));
        let plain = frame("say \"hi\"", Attachments::default(), None);
        assert_eq!(plain.payload(), payload);
        let expected = "2[\"say \\\"hi\\\"\",{\"a\":[1,2]},{\"room\":\"room:x\",\"epoch\":\"e\",\"offset\":7}]";
        assert_eq!(plain.frame().text().as_str(), expected);
        let binary = frame("say", Attachments::from_iter(["abc"]), Some(7));
        assert_eq!(binary.payload(), payload);
        assert!(binary.frame().text().starts_with("51-7[\"say\",{"), "{binary:?}");
        assert_eq!(binary.size(), binary.frame().text().len() + 3);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoder_panic(text in ".*") {
            let _ = Packet::decode(&text);
        }

        #[test]
        fn no_text_that_looks_like_a_packet_does_either(text in "[0-6][0-9-]{0,4}(/[a-zé,]{0,4})?[0-9]{0,3}[\\[{\"é]{0,3}") {
            let _ = Packet::decode(&text);
        }
    }
}
