//! A room is fed with events: each goes into its log and to its members (wire.md, section 4).

use samewire_protocol::{Position, RoomAddress, id::ConnectionId};
use serde_json::value::RawValue;

use super::{Cursor, Room, Rooms};
use crate::{
    attachments::Attachments, clock, connection::SendError, error::Result, log::Logged, metrics,
    retained::Retain,
};

/// How an event is published, where it isn't simply sent to all.
#[derive(Debug, Default)]
pub(crate) struct Publishing<'a> {
    /// Who caused it and isn't sent it now. It stands in the log all the same.
    pub(crate) except: Option<&'a ConnectionId>,
    /// What the room keeps from now on for whoever joins.
    pub(crate) retain: Vec<Retain>,
    /// Whether whoever is sent it is asked to acknowledge it.
    pub(crate) ask: bool,
    /// Binary values of the payload.
    pub(crate) attachments: Attachments,
}

impl Rooms {
    /// Appends an event to a room's log and sends it to all members that keep up.
    ///
    /// # Errors
    /// When the event can't be written as JSON.
    pub(crate) fn publish(
        &self,
        address: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        let Publishing { except, mut retain, ask, attachments } = publishing;
        self.enter(address, |room| {
            let now_ms = clock::unix_ms();
            let attachments = attachments.clone();
            let logged =
                room.log.append(address, event, payload.get(), attachments, now_ms, ask)?;
            room.idle_since_ms = now_ms;
            retain.drain(..).for_each(|change| room.retained.apply(change));
            room.fan_out(address, &logged, except);
            Ok(room.log.position())
        })
    }

    /// The event that is acknowledged by a number, the first time.
    pub(crate) fn acknowledged(&self, address: &RoomAddress, number: u64) -> Option<Logged> {
        self.peek(address, |room| room.log.acknowledged(number)).flatten()
    }
}

impl Room {
    /// Sends an event of the log to all members that keep up. A member whose buffer is full is cut off
    /// from the stream; its connection's task catches up from the log.
    pub(super) fn fan_out(
        &mut self,
        address: &RoomAddress,
        logged: &Logged,
        except: Option<&ConnectionId>,
    ) {
        for (id, member) in &mut self.members {
            let wanted = member.filter.wants(&logged.event) && except != Some(id);
            if member.cursor != Cursor::Live || !wanted {
                continue;
            }
            match member.connection.try_send(logged.frame.frame()) {
                // A closed connection is taken out by its task.
                Ok(()) | Err(SendError::Closed) => {}
                Err(SendError::Full) => {
                    metrics::fell_behind();
                    member.cursor = Cursor::Behind(logged.offset - 1);
                    member.connection.fell_behind(address);
                }
            }
        }
    }
}
