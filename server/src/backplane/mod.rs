//! What servers share. A room's log is what its members are fed from; the backplane says what comes into
//! it, and in which order.
//!
//! - [`memory`]: there is one server, and nothing to share.
//! - [`redis`]: there may be several.

mod memory;
pub mod redis;

use std::sync::Arc;

use memory::Memory;
use samewire_protocol::{Position, RoomAddress};
use serde_json::value::RawValue;

use crate::{
    error::Result,
    rooms::{Dismissal, Publishing, RoomState, Rooms},
};

/// What servers share.
#[derive(Debug)]
pub(crate) enum Backplane {
    /// Nothing: there is one.
    Memory(Memory),
}

impl Backplane {
    /// For one server alone.
    pub(crate) fn memory(rooms: Arc<Rooms>) -> Self {
        Self::Memory(Memory::new(rooms))
    }

    /// Gives an event the next place in its room's log, and sends it to all members.
    ///
    /// # Errors
    /// When the event can't be written as JSON.
    pub(crate) async fn publish(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        match self {
            Self::Memory(memory) => memory.publish(room, event, payload, publishing),
        }
    }

    /// Takes members out of a room.
    ///
    /// # Errors
    /// When the reason can't be written as JSON.
    pub(crate) async fn dismiss(&self, room: &RoomAddress, dismissal: Dismissal) -> Result<()> {
        match self {
            Self::Memory(memory) => memory.dismiss(room, &dismissal),
        }
    }

    /// Who is in a room, or nothing where the room isn't known.
    pub(crate) async fn state(&self, room: &RoomAddress) -> Result<Option<RoomState>> {
        match self {
            Self::Memory(memory) => Ok(memory.state(room)),
        }
    }
}
