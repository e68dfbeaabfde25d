//! What several people do together in a room of the application's own (wire.md, section 12).

use samewire_protocol::{
    ErrorCode,
    room::ROOM,
    workspace::{Broadcast, BroadcastSent, SendBroadcast},
};

use crate::{
    clock,
    error::{Error, Result},
    registry::{Context, Domain, Registry},
};

/// The workspace domain: broadcasts.
#[derive(Debug)]
pub struct Workspace;

impl Domain for Workspace {
    fn register(self, registry: &mut Registry) {
        registry.on(broadcast);
    }
}

/// Sends an event of the application's own to everybody in a room that the sender is in.
async fn broadcast(context: Context, sent: SendBroadcast) -> Result<BroadcastSent> {
    let address = context.engine.address(&sent.room)?;
    if address.kind() != ROOM {
        let message = format!("broadcasts go to rooms of the kind {}", ROOM.0);
        return Err(Error::refused(ErrorCode::AccessDenied, message));
    }
    if !context.connection.is_in(&address) {
        return Err(Error::refused(ErrorCode::NotFound, format!("not in the room {address}")));
    }
    let broadcast = Broadcast {
        room: address.to_string(),
        event: sent.event,
        data: sent.data,
        user_id: context.identity.user_id,
        timestamp: clock::timestamp(),
    };
    let position = context.engine.publish(&address, &broadcast)?;
    Ok(BroadcastSent { position })
}
