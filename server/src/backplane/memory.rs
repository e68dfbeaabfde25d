//! One server, which shares nothing: what is published has its place in the room's log, and is sent, in
//! one step under the room's lock.

use std::sync::Arc;

use samewire_protocol::{Position, RoomAddress};
use serde_json::value::RawValue;

use crate::{
    error::Result,
    rooms::{Dismissal, Publishing, RoomState, Rooms},
};

/// The rooms of the only server.
#[derive(Debug)]
pub(crate) struct Memory {
    rooms: Arc<Rooms>,
}

impl Memory {
    pub(super) fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }

    pub(super) fn publish(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        self.rooms.publish(room, event, payload, publishing)
    }

    pub(super) fn dismiss(&self, room: &RoomAddress, dismissal: &Dismissal) -> Result<()> {
        self.rooms.dismiss(room, dismissal)
    }

    pub(super) fn state(&self, room: &RoomAddress) -> Option<RoomState> {
        self.rooms.state(room)
    }
}
