//! The events of those who talk with the assistant.

use std::time::Duration;

use samewire_protocol::assistant::{
    CancelMessage, CreateConversation, DeleteConversation, JoinConversation, LeaveConversation,
    SendMessage, StartTyping, StopTyping, TypingNoted, TypingStarted, TypingStopped,
    UpdateConversation,
};

use super::{Assistant, room};
use crate::registry::{Context, Registry};

/// Who says that they type does so for so long, unless they say it again.
const TYPING: Duration = Duration::from_secs(5);

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
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: StartTyping| {
        let assistant = assistant.clone();
        async move {
            let conversation_id = asked.conversation_id;
            let room = assistant.enter(&context, &conversation_id).await?;
            let user_id = context.identity.user_id.clone();
            let started = TypingStarted { conversation_id: conversation_id.clone(), user_id };
            let stopped = TypingStopped {
                conversation_id: conversation_id.clone(),
                user_id: started.user_id.clone(),
            };
            let Context { engine, connection, .. } = &context;
            engine.begin_activity(connection, &room, TYPING, &started, &stopped)?;
            Ok(TypingNoted { conversation_id })
        }
    });
    let assistant = domain.clone();
    registry.on(move |context: Context, asked: StopTyping| {
        let assistant = assistant.clone();
        async move {
            let conversation_id = asked.conversation_id;
            let room = room(&conversation_id);
            if context.connection.is_in(&room) {
                context.engine.end_activity::<TypingStarted>(&context.connection, &room)?;
            } else {
                // Who has left has stopped.
                assistant.seen_by(&conversation_id, &context.identity.user_id).await?;
            }
            Ok(TypingNoted { conversation_id })
        }
    });
}
