//! The text frames of Engine.IO v4 with Socket.IO v5 inside
//! (<https://socket.io/docs/v4/engine-io-protocol/>, <https://socket.io/docs/v4/socket-io-protocol/>).
//!
//! Only a frame's head is read here, a few characters. What follows it is JSON that the caller
//! reads, so that a large payload need not come in here at all.

use std::fmt::Write as _;

use samewire_protocol::connection::EmitMeta;
use serde::Serialize;

use crate::{Encoded, Message};

/// As many characters as a head can have: to give [`decode`] more of a frame is of no use.
pub const MAX_HEAD: usize = 32;

/// Binary values that one packet may bring.
pub const MAX_ATTACHMENTS: usize = 1_000;

/// What a pong is.
pub(crate) const PONG: &str = "3";

/// What ends a connection in good order: DISCONNECT, and Engine.IO's close.
pub(crate) const DISCONNECT: &str = "41";

/// A frame as it came. `P` is what JSON is read as.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame<P> {
    /// The server's first: `{ sid, pingInterval, pingTimeout, … }`.
    Open(P),
    /// The server closes.
    Close,
    /// To be answered at once.
    Ping,
    /// The answer to a probe of another transport.
    Pong,
    /// Nothing: ends a poll.
    Noop,
    /// A Socket.IO packet.
    Packet(Packet<P>),
}

/// A Socket.IO packet of the default namespace.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet<P> {
    /// We are in.
    Connect,
    /// The server ends the connection.
    Disconnect,
    /// `[name, …arguments]`.
    Event {
        /// The number that the server wants it acknowledged by.
        ack: Option<u64>,
        /// How many binary frames follow.
        attachments: usize,
        /// Name and arguments.
        args: P,
    },
    /// Answers an event of ours.
    Ack {
        /// The number it was sent with.
        id: u64,
        /// How many binary frames follow.
        attachments: usize,
        /// The arguments.
        args: P,
    },
    /// We are not let in: `{ message }`.
    ConnectError(P),
}

/// A frame that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It begins with nothing that a frame begins with.
    #[error("no such type of frame")]
    Type,
    /// It belongs to another namespace than `/`.
    #[error("another namespace")]
    Namespace,
    /// Its head is cut off, or holds a number that is too large.
    #[error("a spoilt head")]
    Head,
    /// What follows the head is no JSON, or not of the kind that belongs there.
    #[error("a spoilt body")]
    Body,
    /// Its binary values are more, in bytes, than is kept.
    #[error("too many bytes of binary values")]
    TooLarge,
    /// A binary value that no packet waits for, or a text where one was to come.
    #[error("a binary value out of its place")]
    OutOfPlace,
}

/// Reads a frame, of which `head` is the whole or the first [`MAX_HEAD`] characters. `body` reads
/// the JSON that begins at an offset; a head is ASCII, so bytes and UTF-16 units are the same.
///
/// # Errors
/// When it is none of the frames that a server sends.
///
/// # Examples
/// ```
/// use samewire_client_core::framing::{Frame, Packet, decode};
/// use serde_json::{Value, json};
///
/// let text = r#"42["greeting",{"text":"hello"}]"#;
/// let frame = decode::<Value>(text, |at| serde_json::from_str(&text[at..]).ok())?;
/// let args = json!(["greeting", { "text": "hello" }]);
/// assert_eq!(frame, Frame::Packet(Packet::Event { ack: None, attachments: 0, args }));
/// # Ok::<(), samewire_client_core::framing::FrameError>(())
/// ```
pub fn decode<P>(
    head: &str,
    body: impl FnOnce(usize) -> Option<P>,
) -> Result<Frame<P>, FrameError> {
    let body = |at| body(at).ok_or(FrameError::Body);
    let mut head = Head { bytes: head.as_bytes(), at: 0 };
    Ok(match head.next().ok_or(FrameError::Type)? {
        b'0' => Frame::Open(body(head.at)?),
        b'1' => Frame::Close,
        b'2' => Frame::Ping,
        b'3' => Frame::Pong,
        b'4' => Frame::Packet(packet(&mut head, body)?),
        b'6' => Frame::Noop,
        _ => return Err(FrameError::Type),
    })
}

fn packet<P>(
    head: &mut Head<'_>,
    body: impl FnOnce(usize) -> Result<P, FrameError>,
) -> Result<Packet<P>, FrameError> {
    let kind = head.next().ok_or(FrameError::Type)?;
    let attachments = if matches!(kind, b'5' | b'6') { head.attachments()? } else { 0 };
    head.default_namespace()?;
    let id = head.number()?;
    Ok(match kind {
        b'0' => Packet::Connect,
        b'1' => Packet::Disconnect,
        b'2' | b'5' => Packet::Event { ack: id, attachments, args: body(head.at)? },
        b'3' | b'6' => {
            Packet::Ack { id: id.ok_or(FrameError::Head)?, attachments, args: body(head.at)? }
        }
        b'4' => Packet::ConnectError(body(head.at)?),
        _ => return Err(FrameError::Type),
    })
}

/// A head, read from its beginning.
struct Head<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Head<'_> {
    /// More digits than any number in a head has that an honest server writes.
    const MAX_DIGITS: usize = 15;

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Result<Option<u64>, FrameError> {
        let start = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start == Self::MAX_DIGITS {
                return Err(FrameError::Head);
            }
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
        }
        Ok((self.at > start).then_some(number))
    }

    fn attachments(&mut self) -> Result<usize, FrameError> {
        let count = self.number()?.ok_or(FrameError::Head)?;
        let count = usize::try_from(count).map_err(|_| FrameError::Head)?;
        match self.next() {
            Some(b'-') if count <= MAX_ATTACHMENTS => Ok(count),
            _ => Err(FrameError::Head),
        }
    }

    /// `/` is left out by those who write frames well, and may stand there as `/,`.
    fn default_namespace(&mut self) -> Result<(), FrameError> {
        if self.peek() != Some(b'/') {
            return Ok(());
        }
        self.at += 1;
        match self.next() {
            Some(b',') | None => Ok(()),
            Some(_) => Err(FrameError::Namespace),
        }
    }
}

/// CONNECT with what it says of us.
pub(crate) fn connect(auth: &impl Serialize) -> String {
    format!("40{}", json(auth))
}

/// What stands around a payload in the frame of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventHead<'a> {
    pub(crate) name: &'a str,
    pub(crate) ack: Option<u64>,
    pub(crate) attachments: usize,
    /// Names the emit.
    pub(crate) id: Option<&'a str>,
}

impl EventHead<'_> {
    /// What precedes the payload, and what follows it.
    pub(crate) fn around(self) -> (String, String) {
        let mut before = String::from(if self.attachments == 0 { "42" } else { "45" });
        if self.attachments > 0 {
            _ = write!(before, "{}-", self.attachments);
        }
        if let Some(ack) = self.ack {
            _ = write!(before, "{ack}");
        }
        before.push('[');
        before.push_str(&json(&self.name));
        before.push(',');
        let after = match self.id {
            Some(id) => format!(",{}]", json(&EmitMeta { id: id.to_owned() })),
            None => "]".to_owned(),
        };
        (before, after)
    }
}

/// What answers an event that the server wants acknowledged.
pub(crate) fn acknowledgement<P>(ack: u64, answer: Encoded<P>) -> Message<P> {
    let before = match answer.attachments.len() {
        0 => format!("43{ack}["),
        count => format!("46{count}-{ack}["),
    };
    Message { before, payload: Some(answer), after: "]".to_owned() }
}

/// What can't fail for the types that are written here: strings, and structs of the protocol.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Result<Frame<Value>, FrameError> {
        decode(text, |at| serde_json::from_str(text.get(at..)?).ok())
    }

    #[test]
    fn every_frame_that_a_server_sends_is_read() {
        let packet = |packet| Ok(Frame::Packet(packet));
        assert_eq!(read(r#"0{"sid":"a"}"#), Ok(Frame::Open(json!({ "sid": "a" }))));
        assert_eq!(read("1"), Ok(Frame::Close));
        assert_eq!(read("2"), Ok(Frame::Ping));
        assert_eq!(read("3probe"), Ok(Frame::Pong));
        assert_eq!(read("6"), Ok(Frame::Noop));
        assert_eq!(read(r#"40{"sid":"b"}"#), packet(Packet::Connect));
        assert_eq!(read("40"), packet(Packet::Connect));
        assert_eq!(read("41"), packet(Packet::Disconnect));
        assert_eq!(
            read(r#"4217["a"]"#),
            packet(Packet::Event { ack: Some(17), attachments: 0, args: json!(["a"]) })
        );
        assert_eq!(
            read(r#"452-/,["a",{"_placeholder":true,"num":0}]"#),
            packet(Packet::Event {
                ack: None,
                attachments: 2,
                args: json!(["a", { "_placeholder": true, "num": 0 }]),
            })
        );
        assert_eq!(read("430[5]"), packet(Packet::Ack { id: 0, attachments: 0, args: json!([5]) }));
        assert_eq!(
            read(r#"44{"message":"no"}"#),
            packet(Packet::ConnectError(json!({ "message": "no" })))
        );
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        assert_eq!(read(""), Err(FrameError::Type));
        assert_eq!(read("4"), Err(FrameError::Type));
        assert_eq!(read("47"), Err(FrameError::Type));
        assert_eq!(read("42/admin,[1]"), Err(FrameError::Namespace));
        assert_eq!(read("43[1]"), Err(FrameError::Head));
        assert_eq!(read("45[1]"), Err(FrameError::Head));
        assert_eq!(read("459999-[1]"), Err(FrameError::Head));
        assert_eq!(read(r#"421234567890123456["a"]"#), Err(FrameError::Head));
        assert_eq!(read("42nonsense"), Err(FrameError::Body));
    }

    #[test]
    fn an_event_is_written_around_its_payload() {
        let head = EventHead { name: "say \"hi\"", ack: Some(3), attachments: 0, id: None };
        assert_eq!(head.around(), (r#"423["say \"hi\"","#.into(), "]".into()));
        let head = EventHead { name: "a", ack: None, attachments: 2, id: Some("x") };
        assert_eq!(head.around(), (r#"452-["a","#.into(), r#",{"id":"x"}]"#.into()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9\\-/,\\[{\"]{0,40}|.{0,40}") {
            _ = read(&text);
        }

        #[test]
        fn an_event_comes_back_as_it_was_written(name: String, ack in proptest::option::of(0..u64::from(u32::MAX)), payload: i32) {
            let (before, after) = EventHead { name: &name, ack, attachments: 0, id: None }.around();
            let args = json!([name, payload]);
            prop_assert_eq!(
                read(&format!("{before}{payload}{after}")),
                Ok(Frame::Packet(Packet::Event { ack, attachments: 0, args }))
            );
        }

        #[test]
        fn a_head_is_all_that_is_needed(text in "4[0-6]([0-9]{1,3}-)?[0-9]{0,15}\\[\"a\",\"b{30}\"\\]") {
            let whole = read(&text);
            let head = &text[..text.len().min(MAX_HEAD)];
            prop_assert_eq!(decode(head, |at| serde_json::from_str(text.get(at..)?).ok()), whole);
        }
    }
}
