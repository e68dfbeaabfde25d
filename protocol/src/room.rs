//! Room addresses, positions in a room's log, and what rides along with a room event
//! (wire.md, sections 3 and 4).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SafeInteger, id::UserId, limits::MAX_ROOM_BYTES};

/// What kind of room: the part of an address before the colon. Each kind has its own access check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKind(pub &'static str);

/// `project:{id}`: live preview of a project's sessions.
pub const PROJECT: RoomKind = RoomKind("project");
/// `stories:{projectId}`: a project's stories.
pub const STORIES: RoomKind = RoomKind("stories");
/// `user:{id}`: all connections of a user.
pub const USER: RoomKind = RoomKind("user");
/// `conversation:{id}`: a conversation with the assistant.
pub const CONVERSATION: RoomKind = RoomKind("conversation");
/// `room:{name}`: a room of the application's own.
pub const ROOM: RoomKind = RoomKind("room");

/// Every kind that this protocol's own domains use.
pub const KINDS: &[RoomKind] = &[PROJECT, STORIES, USER, CONVERSATION, ROOM];

/// Where a room is: `kind:id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomAddress {
    text: String,
    kind: RoomKind,
}

/// A text that can't be a room's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomAddressError {
    /// The id after the colon, or the whole, is empty.
    #[error("expected a room's name")]
    Empty,
    /// Longer than [`MAX_ROOM_BYTES`].
    #[error("expected at most {MAX_ROOM_BYTES} bytes")]
    TooLong,
    /// Holds a control character.
    #[error("expected no control characters")]
    ControlCharacter,
}

impl RoomAddress {
    /// The room of a kind with this id.
    pub fn new(kind: RoomKind, id: impl fmt::Display) -> Self {
        Self { text: format!("{}:{id}", kind.0), kind }
    }

    /// The room of all connections of a user.
    pub fn user(id: &UserId) -> Self {
        Self::new(USER, id)
    }

    /// Reads an address. What begins with one of `kinds` and a colon is taken as it stands, any
    /// other text is a name in [`ROOM`].
    ///
    /// # Errors
    /// When the name is empty, too long, or holds a control character.
    ///
    /// # Examples
    /// ```
    /// use samewire_protocol::room::{KINDS, PROJECT, ROOM, RoomAddress};
    ///
    /// let project = RoomAddress::parse("project:42", KINDS)?;
    /// assert_eq!((project.kind(), project.id()), (PROJECT, "42"));
    /// let lobby = RoomAddress::parse("lobby", KINDS)?;
    /// assert_eq!((lobby.kind(), lobby.as_str()), (ROOM, "room:lobby"));
    /// # Ok::<(), samewire_protocol::room::RoomAddressError>(())
    /// ```
    pub fn parse(text: &str, kinds: &[RoomKind]) -> Result<Self, RoomAddressError> {
        let known =
            text.split_once(':').and_then(|(kind, _)| kinds.iter().find(|known| known.0 == kind));
        let address = match known {
            Some(&kind) => Self { text: text.to_owned(), kind },
            None => Self::new(ROOM, text),
        };
        if address.id().is_empty() {
            Err(RoomAddressError::Empty)
        } else if address.text.len() > MAX_ROOM_BYTES {
            Err(RoomAddressError::TooLong)
        } else if address.text.chars().any(char::is_control) {
            Err(RoomAddressError::ControlCharacter)
        } else {
            Ok(address)
        }
    }

    /// The kind.
    pub fn kind(&self) -> RoomKind {
        self.kind
    }

    /// The part after the first colon.
    pub fn id(&self) -> &str {
        &self.text[self.kind.0.len() + 1..]
    }

    /// The whole, as it is written on the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RoomAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The life of a room's log: another one means that the log was lost in between.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Epoch(pub String);

/// A place in a room's log: everything up to `offset` has been seen. Offset 0 is before the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The life of the log.
    pub epoch: Epoch,
    /// The last event's number in it.
    pub offset: SafeInteger,
}

/// The third argument of every room event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// The room's address.
    pub room: String,
    /// The life of the room's log.
    pub epoch: Epoch,
    /// The event's number in it.
    pub offset: SafeInteger,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_known_kind_is_taken_as_it_stands() {
        let address = RoomAddress::parse("conversation:a:b", KINDS).unwrap();
        assert_eq!((address.kind(), address.id()), (CONVERSATION, "a:b"));
    }

    #[test]
    fn any_other_text_is_a_name() {
        for name in ["lobby", "team:red", "PROJECT:1"] {
            let address = RoomAddress::parse(name, KINDS).unwrap();
            assert_eq!((address.kind(), address.id()), (ROOM, name));
        }
    }

    #[test]
    fn what_can_be_no_room_is_refused() {
        let parse = |text: &str| RoomAddress::parse(text, KINDS).unwrap_err();
        assert_eq!(parse(""), RoomAddressError::Empty);
        assert_eq!(parse("project:"), RoomAddressError::Empty);
        assert_eq!(parse(&"x".repeat(MAX_ROOM_BYTES)), RoomAddressError::TooLong);
        assert_eq!(parse("a\u{0}b"), RoomAddressError::ControlCharacter);
    }
}
