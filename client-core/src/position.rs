//! Places in a room's log, in the form that the client compares many times a second.

use std::sync::Arc;

use samewire_protocol as protocol;

use crate::Payload;

/// A place in a room's log: everything up to `offset` has been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The life of the log.
    pub epoch: Arc<str>,
    /// The last event's number in it.
    pub offset: u64,
}

/// A room, and a place in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The room's address.
    pub room: Arc<str>,
    /// Where in its log.
    pub position: Position,
}

impl Position {
    /// Reads `{ epoch, offset }`.
    pub(crate) fn read<P: Payload>(value: &P) -> Option<Self> {
        Some(Self {
            epoch: value.field("epoch")?.text()?.into(),
            offset: value.field("offset")?.count()?,
        })
    }

    /// Whether a client that is here has seen what is there.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.epoch == other.epoch && other.offset <= self.offset
    }

    /// The place from which this event is the next.
    pub(crate) fn predecessor(&self) -> Self {
        Self { epoch: self.epoch.clone(), offset: self.offset.saturating_sub(1) }
    }

    /// The offset as it is written. Offsets are read as such numbers, so none is ever too large.
    pub(crate) fn wire_offset(&self) -> protocol::SafeInteger {
        protocol::SafeInteger::new(self.offset).unwrap_or_default()
    }

    /// As it is written.
    pub(crate) fn to_wire(&self) -> protocol::Position {
        protocol::Position { epoch: self.wire_epoch(), offset: self.wire_offset() }
    }

    pub(crate) fn wire_epoch(&self) -> protocol::Epoch {
        protocol::Epoch(self.epoch.to_string())
    }
}

impl Place {
    /// Reads `{ room, epoch, offset }`.
    pub(crate) fn read<P: Payload>(meta: &P) -> Option<Self> {
        Some(Self { room: meta.field("room")?.text()?.into(), position: Position::read(meta)? })
    }
}
