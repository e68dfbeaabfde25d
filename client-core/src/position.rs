//! Places in a room's log, in the form that the client compares many times a second.

use crate::{Payload, Text};

/// A place in a room's log: everything up to `offset` has been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position<T> {
    /// The life of the log.
    pub epoch: T,
    /// The last event's number in it.
    pub offset: u64,
}

/// A room, and a place in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<T> {
    /// The room's address.
    pub room: T,
    /// Where in its log.
    pub position: Position<T>,
}

impl<T: Text> Position<T> {
    /// Reads `{ epoch, offset }`.
    pub(crate) fn read<P: Payload<Text = T>>(value: &P) -> Option<Self> {
        Some(Self { epoch: value.text_of("epoch")?, offset: value.field("offset")?.count()? })
    }

    /// Whether a client that is here has seen what is there.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.epoch == other.epoch && other.offset <= self.offset
    }

    /// The place from which this event is the next.
    pub(crate) fn predecessor(&self) -> Self {
        Self { epoch: self.epoch.clone(), offset: self.offset.saturating_sub(1) }
    }
}

impl<T: Text> Place<T> {
    /// Reads `{ room, epoch, offset }`.
    pub(crate) fn read<P: Payload<Text = T>>(meta: &P) -> Option<Self> {
        Some(Self { room: meta.text_of("room")?, position: Position::read(meta)? })
    }
}
