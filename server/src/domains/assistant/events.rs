//! The events of those who talk with the assistant.

use samewire_protocol::assistant::{
    CancelMessage, CreateConversation, DeleteConversation, JoinConversation, LeaveConversation,
    SendMessage, UpdateConversation,
};

use super::{Assistant, room};
use crate::registry::{Context, Registry};

pub(super) fn register(registry: &mut Registry, domain: &Assistant) {
    registry.on(async |context: Context, asked: JoinConversation| {
        let room = room(&asked.conversation_id);
        context.engine.join(&context, &room, None, None).await
    });
    registry.on(async |context: Context, asked: LeaveConversation| {
        context.engine.leave(&context.connection, &room(&asked.conversation_id))
    });
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: CreateConversation| {
        let assistant = assistant.clone();
        async move {
            let (engine, owner) = (&context.engine, &context.identity.user_id);
            assistant.create(engine, owner, asked.title, Some(&context.connection)).await
        }
    });
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: UpdateConversation| {
        let assistant = assistant.clone();
        async move { assistant.rename(&context, asked).await }
    });
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: DeleteConversation| {
        let assistant = assistant.clone();
        async move { assistant.delete(&context, asked.conversation_id).await }
    });
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: SendMessage| {
        let assistant = assistant.clone();
        async move {
            assistant.enter(&context, &asked.conversation_id).await?;
            assistant.send(&context.engine, &context.identity.user_id, asked).await
        }
    });
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: CancelMessage| {
        let assistant = assistant.clone();
        async move { assistant.cancel(&context, asked).await }
    });
}
