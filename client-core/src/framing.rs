//! The text frames of Engine.IO v4 with Socket.IO v5 inside
//! (<https://socket.io/docs/v4/engine-io-protocol/>, <https://socket.io/docs/v4/socket-io-protocol/>).
//!
//! Only a frame's head is read here, a few characters. What follows it is JSON that the caller
//! reads, so that a large payload need not come in here at all. How frames are written is told by
//! [`FrameWriter`](crate::FrameWriter).

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
#[error("{}", self.as_str())]
pub enum FrameError {
    /// It begins with nothing that a frame begins with.
    Type,
    /// It belongs to another namespace than `/`.
    Namespace,
    /// Its head is cut off, or holds a number that is too large.
    Head,
    /// What follows the head is no JSON, or not of the kind that belongs there.
    Body,
    /// Its binary values are more, in bytes, than is kept.
    TooLarge,
    /// A binary value that no packet waits for, or a text where one was to come.
    OutOfPlace,
}

impl FrameError {
    /// What is wrong with it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Type => "no such type of frame",
            Self::Namespace => "another namespace",
            Self::Head => "a spoilt head",
            Self::Body => "a spoilt body",
            Self::TooLarge => "too many bytes of binary values",
            Self::OutOfPlace => "a binary value out of its place",
        }
    }
}

/// Reads a frame. `character` gives one of its characters, of those that are ASCII; `body` reads
/// the JSON that begins at an offset. A head is ASCII, so bytes and UTF-16 units are the same.
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
/// let character = |at| text.as_bytes().get(at).copied();
/// let frame = decode::<Value>(character, |at| serde_json::from_str(&text[at..]).ok())?;
/// let args = json!(["greeting", { "text": "hello" }]);
/// assert_eq!(frame, Frame::Packet(Packet::Event { ack: None, attachments: 0, args }));
/// # Ok::<(), samewire_client_core::framing::FrameError>(())
/// ```
pub fn decode<P>(
    character: impl Fn(usize) -> Option<u8>,
    body: impl FnOnce(usize) -> Option<P>,
) -> Result<Frame<P>, FrameError> {
    let mut head = Head { character, at: 0 };
    let mut kind = head.next();
    let is_packet = kind == b'4';
    let (mut attachments, mut id) = (0, None);
    if is_packet {
        kind = head.next();
        if matches!(kind, b'5' | b'6') {
            attachments = head.attachments()?;
        }
        head.default_namespace()?;
        id = head.number()?;
    }
    let value = match (is_packet, kind) {
        (false, b'0') | (true, b'2'..=b'6') => Some(body(head.at).ok_or(FrameError::Body)?),
        _ => None,
    };
    Ok(match (is_packet, kind, value) {
        (false, b'0', Some(handshake)) => Frame::Open(handshake),
        (false, b'1', _) => Frame::Close,
        (false, b'2', _) => Frame::Ping,
        (false, b'3', _) => Frame::Pong,
        (false, b'6', _) => Frame::Noop,
        (true, b'0', _) => Frame::Packet(Packet::Connect),
        (true, b'1', _) => Frame::Packet(Packet::Disconnect),
        (true, b'2' | b'5', Some(args)) => {
            Frame::Packet(Packet::Event { ack: id, attachments, args })
        }
        (true, b'3' | b'6', Some(args)) => {
            Frame::Packet(Packet::Ack { id: id.ok_or(FrameError::Head)?, attachments, args })
        }
        (true, b'4', Some(error)) => Frame::Packet(Packet::ConnectError(error)),
        _ => return Err(FrameError::Type),
    })
}

/// A head, read from its beginning.
struct Head<Character> {
    character: Character,
    at: usize,
}

impl<Character: Fn(usize) -> Option<u8>> Head<Character> {
    /// More digits than any number in a head has that an honest server writes.
    const MAX_DIGITS: usize = 15;

    /// The next character; past the end 0, which is in no head.
    fn peek(&self) -> u8 {
        (self.character)(self.at).unwrap_or(0)
    }

    fn next(&mut self) -> u8 {
        let character = self.peek();
        self.at += 1;
        character
    }

    fn number(&mut self) -> Result<Option<u64>, FrameError> {
        let start = self.at;
        let mut number = 0;
        while let digit @ b'0'..=b'9' = self.peek() {
            if self.at - start == Self::MAX_DIGITS {
                return Err(FrameError::Head);
            }
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
        }
        Ok((self.at > start).then_some(number))
    }

    fn attachments(&mut self) -> Result<usize, FrameError> {
        let count = self.number()?.and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| *count <= MAX_ATTACHMENTS) {
            Some(count) if self.next() == b'-' => Ok(count),
            _ => Err(FrameError::Head),
        }
    }

    /// `/` is left out by those who write frames well, and may stand there as `/,`.
    fn default_namespace(&mut self) -> Result<(), FrameError> {
        if self.peek() != b'/' {
            return Ok(());
        }
        self.at += 1;
        match self.next() {
            b',' | 0 => Ok(()),
            _ => Err(FrameError::Namespace),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Result<Frame<Value>, FrameError> {
        decode(
            |at| text.as_bytes().get(at).copied(),
            |at| serde_json::from_str(text.get(at..)?).ok(),
        )
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

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9\\-/,\\[{\"]{0,40}|.{0,40}") {
            _ = read(&text);
        }
    }
}
