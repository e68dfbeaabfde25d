//! The HTTP routes of the inbox: a platform brings messages by its webhook, their user reads them.

use std::{collections::BTreeMap, sync::Arc};

use aide::axum::{
    ApiRouter,
    routing::{get, post, post_with},
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use samewire_protocol::{
    id::{ConversationId, MessageId},
    inbox::{InboxConversation, InboxMessage},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Inbox,
    messages::{IncomingMessage, Received},
    queries::{self, Before},
    webhook::Signed,
};
use crate::{
    engine::Engine,
    error::{Error, Result},
    http::{
        Caller, Path, Query,
        page::{PAGE, Page, next},
    },
};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Conversations {
    /// The one with the latest message first.
    conversations: Vec<InboxConversation>,
    /// Unread messages of each platform.
    unread_counts: BTreeMap<String, u32>,
    /// Unread messages in all.
    total_unread: u32,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Messages {
    /// The one that was sent last first.
    messages: Vec<InboxMessage>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) fn routes(inbox: Inbox) -> ApiRouter<Arc<Engine>> {
    ApiRouter::new()
        .api_route(
            "/api/webhooks/{platform}",
            post_with(webhook, |route| route.response::<202, Json<Received>>()),
        )
        .api_route("/api/inbox/conversations", get(conversations))
        .api_route("/api/inbox/conversations/{id}/messages", get(messages))
        .api_route("/api/inbox/conversations/{id}/read", post(read_all))
        .api_route("/api/inbox/messages/{id}/delivered", post(delivered))
        .api_route("/api/inbox/messages/{id}/read", post(read))
        .layer(Extension(inbox))
}

type Domain = Extension<Inbox>;

async fn webhook(
    State(engine): State<Arc<Engine>>,
    inbox: Domain,
    Path(platform): Path<String>,
    Signed(incoming): Signed<IncomingMessage>,
) -> Result<(StatusCode, Json<Received>)> {
    let received = inbox.receive(&engine, &platform, incoming).await?;
    Ok((StatusCode::ACCEPTED, Json(received)))
}

async fn conversations(
    inbox: Domain,
    Caller(caller): Caller,
    Query(page): Query<Page>,
) -> Result<Json<Conversations>> {
    let (pool, user) = (inbox.store.pool(), &caller.user_id);
    let conversations = queries::conversations(pool, user, &before(page)?, PAGE).await?;
    let unread = inbox.unread(user).await?;
    let next = next(&conversations, |conversation| {
        cursor(queries::at_ms(conversation.last_message_at), conversation.id.as_str())
    });
    let total_unread = unread.total();
    Ok(Json(Conversations { conversations, unread_counts: unread.0, total_unread, next }))
}

async fn messages(
    inbox: Domain,
    Caller(caller): Caller,
    Path(id): Path<ConversationId>,
    Query(page): Query<Page>,
) -> Result<Json<Messages>> {
    inbox.conversation(&caller.user_id, &id).await?;
    let messages = queries::messages(inbox.store.pool(), &id, &before(page)?, PAGE).await?;
    let next = next(&messages, |message| {
        cursor(queries::at_ms(Some(message.sent_at)), message.id.as_str())
    });
    Ok(Json(Messages { messages, next }))
}

async fn delivered(
    State(engine): State<Arc<Engine>>,
    inbox: Domain,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
) -> Result<Json<InboxMessage>> {
    inbox.delivered(&engine, &caller.user_id, &id).await.map(Json)
}

async fn read(
    State(engine): State<Arc<Engine>>,
    inbox: Domain,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
) -> Result<Json<InboxMessage>> {
    inbox.read(&engine, &caller.user_id, &id).await.map(Json)
}

async fn read_all(
    State(engine): State<Arc<Engine>>,
    inbox: Domain,
    Caller(caller): Caller,
    Path(id): Path<ConversationId>,
) -> Result<Json<InboxConversation>> {
    inbox.read_all(&engine, &caller.user_id, &id).await.map(Json)
}

fn cursor(at_ms: i64, id: &str) -> String {
    format!("{at_ms}.{id}")
}

/// Where a page begins.
fn before(page: Page) -> Result<Before> {
    let Some(after) = page.after else { return Ok(Before::all()) };
    let (at_ms, id) = after
        .split_once('.')
        .and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id)))
        .ok_or_else(|| Error::field("after", "expected the `next` of the page before"))?;
    Ok(Before { at_ms, id: id.to_owned() })
}
