//! The events of those who are in a room.

use samewire_protocol::{
    ErrorCode, Event, RoomAddress,
    limits::{MAX_EVENT_NAME_BYTES, MAX_SENT_ATTACHMENTS},
    room::ROOM,
    workspace::{
        Broadcast, BroadcastSent, Item, ReadSnapshot, SendBroadcast, Snapshot, UpdateData,
    },
};

use super::{Workspace, items::named};
use crate::{
    attachments::Attached,
    clock,
    error::{Error, Result},
    registry::{Context, Registry},
};

pub(super) fn register(registry: &mut Registry, workspace: &Workspace) {
    let domain = workspace.clone();
    registry.on(move |context, change| update(domain.clone(), context, change));
    let domain = workspace.clone();
    registry.on(move |context, asked| snapshot(domain.clone(), context, asked));
    registry.on_binary(broadcast);
}

async fn update(domain: Workspace, context: Context, change: UpdateData) -> Result<Item> {
    let room = entered(&context, &change.room)?;
    domain.change(&context.engine, &room, &context.identity.user_id, change).await
}

async fn snapshot(domain: Workspace, context: Context, asked: ReadSnapshot) -> Result<Snapshot> {
    let room = entered(&context, &asked.room)?;
    domain.snapshot(&context.engine, &room, &asked.entity).await
}

async fn broadcast(context: Context, sent: SendBroadcast) -> Result<Attached<BroadcastSent>> {
    let room = entered(&context, &sent.room)?;
    named("event", &sent.event, MAX_EVENT_NAME_BYTES)?;
    let broadcast = Broadcast {
        room: room.to_string(),
        event: sent.event,
        data: sent.data,
        user_id: context.identity.user_id,
        timestamp: clock::timestamp(),
    };
    if context.attachments.len() > MAX_SENT_ATTACHMENTS {
        let problem = format!("expected at most {MAX_SENT_ATTACHMENTS} binary values");
        return Err(Error::field("data", problem));
    }
    let attachments = context.attachments;
    let position =
        context.engine.publish_attached(&room, Broadcast::NAME, &broadcast, attachments).await?;
    Ok(BroadcastSent { position }.into())
}

/// The room of this address, where it is one of the application's own and the connection is in it.
fn entered(context: &Context, room: &str) -> Result<RoomAddress> {
    let address = context.engine.address(room)?;
    if address.kind() != ROOM {
        let message = format!("only rooms of the kind {} are a workspace", ROOM.0);
        return Err(Error::refused(ErrorCode::AccessDenied, message));
    }
    if !context.connection.is_in(&address) {
        return Err(Error::refused(ErrorCode::NotFound, format!("not in the room {address}")));
    }
    Ok(address)
}
