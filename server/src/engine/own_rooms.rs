//! The rooms that the engine serves by itself, and the events that concern rooms of any kind
//! (wire.md, sections 3, 4 and 6).

use samewire_protocol::{
    ErrorCode,
    limits::MAX_PRESENCE_STATE_BYTES,
    presence::PresenceUpdate,
    room,
    rooms::{History, RoomHistory, RoomJoin, RoomLeave},
};

use super::not_in;
use crate::{
    attachments::Attached,
    auth::Identity,
    error::Error,
    registry::{Context, Domain, Registry},
};

/// Largest answer to `room:history`, in bytes of events; a client asks again from where it ended.
const MAX_HISTORY_BYTES: usize = 512 * 1024;

/// The engine's own domain.
pub(super) struct OwnRooms;

impl Domain for OwnRooms {
    fn register(self, registry: &mut Registry) {
        registry.room(room::USER, async |identity: Identity, id: String| {
            if identity.user_id.as_str() == id {
                Ok(())
            } else {
                Err(Error::refused(ErrorCode::AccessDenied, "this is another user's room"))
            }
        });
        // An application may have its own check for these.
        if registry.access_check(room::ROOM).is_none() {
            registry.room(room::ROOM, async |_: Identity, _: String| Ok(()));
        }

        registry.on(async |context: Context, join: RoomJoin| {
            let address = context.engine.address(&join.room)?;
            context.engine.join(&context, &address, join.since, join.events).await
        });
        registry.on(async |context: Context, leave: RoomLeave| {
            let address = context.engine.address(&leave.room)?;
            context.engine.leave(&context.connection, &address)
        });
        registry.on(async |context: Context, told: PresenceUpdate| {
            let address = context.engine.address(&told.room)?;
            let state = told.state.filter(|state| !state.is_null());
            if let Some(state) = &state
                && serde_json::to_string(state)?.len() > MAX_PRESENCE_STATE_BYTES
            {
                let problem = format!("expected at most {MAX_PRESENCE_STATE_BYTES} bytes of JSON");
                return Err(Error::field("state", problem));
            }
            let rooms = &context.engine.rooms;
            let user = rooms.update_presence(&address, &context.connection.id, told.status, state);
            user.ok_or_else(|| not_in(&address))
        });
        registry.on_binary(async |context: Context, asked: RoomHistory| {
            let address = context.engine.address(&asked.room)?;
            if !context.connection.is_in(&address) {
                return Err(not_in(&address));
            }
            let past = context.engine.rooms.history(
                &address,
                &asked.epoch,
                asked.after.get(),
                MAX_HISTORY_BYTES,
            )?;
            let (events, position, complete) = (past.events, past.position, past.complete);
            let answer = History { events, position, complete };
            Ok(Attached { answer, attachments: past.attachments })
        });
    }
}
