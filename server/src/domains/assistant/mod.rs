//! Conversations with an AI assistant, who answers in chunks (wire.md, section 11).
//!
//! - `conversations`: begun, renamed, deleted, shared.
//! - `answers`: each conversation's questions, answered one after the other; `lines`: those of this server.
//!   `answering`: one of them; `states`: how far they have come; `endings`: how their end is told.
//! - `growth`: when of a growing answer what is told. `context`: what is sent along with a question.
//! - `provider`: who answers.

mod answering;
mod answers;
mod context;
mod conversations;
mod endings;
mod events;
mod growth;
mod http;
mod lines;
mod provider;
mod queries;
mod settings;
mod states;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use samewire_protocol::{ErrorCode, RoomAddress, id::ConversationId, room::CONVERSATION};

use crate::{
    error::{Error, Result},
    registry::{Context, Domain, Registry},
    store::Store,
};
use lines::Answers;
use provider::Provider;

pub use settings::{ProviderError, Settings};

/// The assistant domain.
#[derive(Debug, Clone)]
pub struct Assistant {
    store: Store,
    settings: Settings,
    provider: Provider,
    answers: Arc<Answers>,
}

impl Assistant {
    /// The conversations in this store.
    ///
    /// # Errors
    /// When the provider's address is none, or this machine can't ask over HTTPS.
    pub fn new(store: Store, settings: Settings) -> Result<Self, ProviderError> {
        Ok(Self {
            store,
            provider: Provider::new(&settings)?,
            answers: Arc::new(Answers::new(&settings)),
            settings,
        })
    }

    /// Puts a connection into a conversation's room, unless it is there: whoever says something
    /// there hears the answer.
    async fn enter(&self, context: &Context, id: &ConversationId) -> Result<RoomAddress> {
        let room = room(id);
        if !context.connection.is_in(&room) {
            context.engine.join(context, &room, None, None).await?;
        }
        Ok(room)
    }
}

impl Domain for Assistant {
    fn register(self, registry: &mut Registry) {
        let access = self.clone();
        registry.room(CONVERSATION, move |identity, id| {
            let access = access.clone();
            async move { access.seen_by(&ConversationId(id), &identity.user_id).await.map(drop) }
        });
        events::register(registry, &self);
        registry.task({
            let domain = self.clone();
            move |engine| domain.answer_until_stopped(engine)
        });
        registry.routes(http::routes(self));
    }
}

fn room(id: &ConversationId) -> RoomAddress {
    RoomAddress::new(CONVERSATION, id)
}

fn no_conversation() -> Error {
    Error::refused(ErrorCode::NotFound, "no such conversation")
}
