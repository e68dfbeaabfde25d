//! The HTTP routes of the assistant: what is stored, by pages, and who takes part.

use std::sync::Arc;

use aide::axum::{
    ApiRouter,
    routing::{get, put},
};
use axum::{Json, extract::State, http::StatusCode};
use samewire_protocol::{
    assistant::{ChatMessage, Conversation},
    id::{ConversationId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Assistant, queries};
use crate::{
    engine::Engine,
    error::{Error, Result},
    http::{
        Caller, Path, Query,
        page::{PAGE, Page, next},
    },
};

#[derive(Debug, Serialize, JsonSchema)]
struct Conversations {
    /// The newest first.
    conversations: Vec<Conversation>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Messages {
    /// In the order they were said, an answer after its question. One that is under way is told in
    /// the conversation's room.
    messages: Vec<ChatMessage>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Participants {
    /// Their ids, the owner's among them.
    participants: Vec<UserId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ParticipantPath {
    id: ConversationId,
    user_id: UserId,
}

pub(super) fn routes(assistant: Assistant) -> ApiRouter<Arc<Engine>> {
    ApiRouter::new()
        .api_route("/api/conversations", get(conversations))
        .api_route("/api/conversations/{id}/messages", get(messages))
        .api_route("/api/conversations/{id}/participants", get(participants))
        .api_route(
            "/api/conversations/{id}/participants/{user_id}",
            put(add_participant)
                .delete_with(remove_participant, |route| route.response::<204, ()>()),
        )
        .layer(axum::Extension(assistant))
}

type Domain = axum::Extension<Assistant>;

async fn conversations(
    domain: Domain,
    Caller(caller): Caller,
    Query(page): Query<Page>,
) -> Result<Json<Conversations>> {
    let before = page.after.map(ConversationId);
    let pool = domain.store.pool();
    let conversations = queries::page(pool, &caller.user_id, before.as_ref(), PAGE).await?;
    let next = next(&conversations, |conversation| conversation.id.0.clone());
    Ok(Json(Conversations { conversations, next }))
}

async fn messages(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ConversationId>,
    Query(page): Query<Page>,
) -> Result<Json<Messages>> {
    domain.seen_by(&id, &caller.user_id).await?;
    let after = page.after.as_deref().unwrap_or("0");
    let after = after.parse().map_err(|_| Error::field("after", "expected the next of a page"))?;
    let messages = queries::messages(domain.store.pool(), &id, after, PAGE).await?;
    let next = next(&messages, |(seq, _)| seq.to_string());
    Ok(Json(Messages {
        messages: messages.into_iter().map(|(_, message)| message).collect(),
        next,
    }))
}

async fn participants(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Json<Participants>> {
    let participants = domain.participants(&id, &caller.user_id).await?;
    Ok(Json(Participants { participants }))
}

async fn add_participant(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(path): Path<ParticipantPath>,
) -> Result<Json<Participants>> {
    let caller = &caller.user_id;
    let participants = domain.add_participant(&engine, &path.id, caller, &path.user_id).await?;
    Ok(Json(Participants { participants }))
}

async fn remove_participant(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(path): Path<ParticipantPath>,
) -> Result<StatusCode> {
    let caller = &caller.user_id;
    domain.remove_participant(&engine, &path.id, caller, &path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
