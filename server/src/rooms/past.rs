//! What a room's log holds, for whoever asks (wire.md, section 4).

use samewire_protocol::{
    Epoch, Position, RoomAddress, limits::MAX_SENT_ATTACHMENTS, rooms::LoggedEvent,
};

use super::Rooms;
use crate::{
    attachments::{self, Attachments},
    clock,
    error::Result,
    log::safe,
};

/// What a room's log holds after an offset.
pub(crate) struct Past {
    pub(crate) events: Vec<LoggedEvent>,
    /// The binary values of all of them.
    pub(crate) attachments: Attachments,
    pub(crate) position: Position,
    pub(crate) complete: bool,
}

impl Rooms {
    /// What a room's log holds after an offset, up to `max_bytes` and [`MAX_SENT_ATTACHMENTS`] of it.
    pub(crate) fn history(
        &self,
        address: &RoomAddress,
        epoch: &Epoch,
        after: u64,
        max_bytes: usize,
    ) -> Result<Past> {
        self.enter(address, |room| {
            room.log.trim(clock::unix_ms());
            let position = room.log.position();
            if *epoch != position.epoch {
                let (events, attachments) = (Vec::new(), Attachments::default());
                return Ok(Past { events, attachments, position, complete: false });
            }
            let mut complete = room.log.reaches_offset(after);
            let mut events = Vec::new();
            let mut attachments = Vec::new();
            let mut has_lookalike = false;
            let mut bytes = 0;
            for logged in room.log.after(after) {
                let mut payload = serde_json::from_str(logged.frame.payload())?;
                let binary = logged.frame.attachments().as_slice();
                // Text that looks like a placeholder is none, but would be one beside binary values.
                let is_lookalike = binary.is_empty() && attachments::holds_placeholder(&payload);
                let is_mixed = if binary.is_empty() {
                    is_lookalike && !attachments.is_empty()
                } else {
                    has_lookalike || attachments.len() + binary.len() > MAX_SENT_ATTACHMENTS
                };
                bytes += logged.frame.size();
                if (bytes > max_bytes || is_mixed) && !events.is_empty() {
                    complete = false;
                    break;
                }
                has_lookalike |= is_lookalike;
                if !binary.is_empty() {
                    attachments::renumber(&mut payload, attachments.len());
                    attachments.extend_from_slice(binary);
                }
                events.push(LoggedEvent {
                    event: logged.event.to_string(),
                    payload,
                    offset: safe(logged.offset),
                });
            }
            let attachments = attachments.into_iter().collect();
            Ok(Past { events, attachments, position, complete })
        })
    }
}
