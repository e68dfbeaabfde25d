//! The queries on conversations, their messages and the counts of what is unread; `statuses`: what becomes
//! of messages; `feeds`: how far they are read.
//!
//! Each transaction begins by writing the conversation's row, so that whatever else changes the
//! conversation waits; the counts come last.

pub(super) mod feeds;
pub(super) mod statuses;

use samewire_protocol::{
    Timestamp,
    id::{ConversationId, MessageId, UserId},
    inbox::{InboxConversation, InboxMessage, MessageStatus, Platform, Sender},
};
use serde::de::IntoDeserializer;
use sqlx::{Any, AnyPool, Executor, Row, any::AnyRow};

use super::{
    messages::{IncomingMessage, Stored},
    unread::UnreadCounts,
};
use crate::store::column;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Characters that a conversation keeps of its last message.
const PREVIEW_CHARS: usize = 200;

fn to_status(number: i64) -> Option<MessageStatus> {
    match number {
        0 => None,
        1 => Some(MessageStatus::Delivered),
        _ => Some(MessageStatus::Read),
    }
}

/// A platform by its name.
pub(super) fn platform(name: &str) -> Platform {
    let known: std::result::Result<_, serde::de::value::Error> =
        Platform::deserialize(name.into_deserializer());
    known.unwrap_or_else(|_| Platform::Other(name.to_owned()))
}

fn to_u32(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// What [`conversation`] reads.
macro_rules! conversation_columns {
    () => {
        "id, platform, external_id, title, last_message, last_message_at, unread_count"
    };
}

use conversation_columns;

fn conversation(row: &AnyRow) -> Result<InboxConversation> {
    Ok(InboxConversation {
        id: ConversationId(row.try_get("id")?),
        platform: platform(row.try_get("platform")?),
        external_conversation_id: row.try_get("external_id")?,
        title: row.try_get("title")?,
        last_message: Some(row.try_get("last_message")?),
        last_message_at: Some(column::to_timestamp(row.try_get("last_message_at")?)),
        unread_count: to_u32(row.try_get("unread_count")?),
    })
}

/// What [`message`] reads.
macro_rules! message_columns {
    () => {
        "id, conversation_id, platform, external_id, sender_id, sender_name, body, sent_at, status"
    };
}

use message_columns;

fn message(row: &AnyRow) -> Result<InboxMessage> {
    Ok(InboxMessage {
        id: MessageId(row.try_get("id")?),
        conversation_id: ConversationId(row.try_get("conversation_id")?),
        platform: platform(row.try_get("platform")?),
        external_message_id: row.try_get("external_id")?,
        sender: Sender { id: row.try_get("sender_id")?, name: row.try_get("sender_name")? },
        text: row.try_get("body")?,
        sent_at: column::to_timestamp(row.try_get("sent_at")?),
        status: to_status(row.try_get("status")?),
    })
}

/// Stores a message, its conversation as it is with it, and the counts; nothing where a message of
/// that name is known.
pub(super) async fn store(
    pool: &AnyPool,
    platform: &str,
    incoming: &IncomingMessage,
    mut message: InboxMessage,
) -> Result<Option<Stored>> {
    let title = message.sender.name.as_ref().unwrap_or(&message.sender.id);
    let preview: String = message.text.chars().take(PREVIEW_CHARS).collect();
    let mut transaction = pool.begin().await?;
    // A conversation is called what its first sender is called, as soon as that is told.
    let row = sqlx::query(concat!(
        "INSERT INTO inbox_conversations
         (id, user_id, platform, external_id, title, last_message, last_message_at, unread_count)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1)
         ON CONFLICT (user_id, platform, external_id) DO UPDATE SET
         title = CASE WHEN inbox_conversations.title = $8
             THEN excluded.title ELSE inbox_conversations.title END,
         last_message = CASE WHEN excluded.last_message_at >= inbox_conversations.last_message_at
             THEN excluded.last_message ELSE inbox_conversations.last_message END,
         last_message_at = CASE WHEN excluded.last_message_at >= inbox_conversations.last_message_at
             THEN excluded.last_message_at ELSE inbox_conversations.last_message_at END,
         unread_count = inbox_conversations.unread_count + 1
         RETURNING ",
        conversation_columns!()
    ))
    .bind(message.conversation_id.as_str())
    .bind(incoming.user_id.as_str())
    .bind(platform)
    .bind(incoming.external_conversation_id.as_str())
    .bind(title.as_str())
    .bind(preview)
    .bind(column::from_timestamp(message.sent_at))
    .bind(message.sender.id.as_str())
    .fetch_one(&mut *transaction)
    .await?;
    let conversation = conversation(&row)?;
    message.conversation_id = conversation.id.clone();
    let inserted = sqlx::query(
        "INSERT INTO inbox_messages
         (id, conversation_id, user_id, platform, external_id, sender_id, sender_name, body, sent_at, status)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
         ON CONFLICT (user_id, platform, external_id) DO NOTHING",
    )
    .bind(message.id.as_str())
    .bind(message.conversation_id.as_str())
    .bind(incoming.user_id.as_str())
    .bind(platform)
    .bind(message.external_message_id.as_str())
    .bind(message.sender.id.as_str())
    .bind(message.sender.name.as_deref())
    .bind(message.text.as_str())
    .bind(column::from_timestamp(message.sent_at))
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(None);
    }
    count(&mut *transaction, &incoming.user_id, platform, 1).await?;
    let unread = unread(&mut *transaction, &incoming.user_id).await?;
    transaction.commit().await?;
    Ok(Some(Stored { user_id: incoming.user_id.clone(), message, conversation, unread }))
}

/// The ids of a message that was brought before, with its conversation's.
pub(super) async fn find(
    pool: &AnyPool,
    platform: &str,
    incoming: &IncomingMessage,
) -> Result<(MessageId, ConversationId)> {
    let row = sqlx::query(
        "SELECT id, conversation_id FROM inbox_messages
         WHERE user_id = $1 AND platform = $2 AND external_id = $3",
    )
    .bind(incoming.user_id.as_str())
    .bind(platform)
    .bind(incoming.external_message_id.as_str())
    .fetch_one(pool)
    .await?;
    Ok((MessageId(row.try_get("id")?), ConversationId(row.try_get("conversation_id")?)))
}

/// Adds to the number of a platform's unread messages.
async fn count<'e>(
    executor: impl Executor<'e, Database = Any>,
    user: &UserId,
    platform: &str,
    change: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO inbox_unread_counts (user_id, platform, unread) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, platform)
         DO UPDATE SET unread = inbox_unread_counts.unread + excluded.unread",
    )
    .bind(user.as_str())
    .bind(platform)
    .bind(change)
    .execute(executor)
    .await
    .map(drop)
}

/// A user's unread messages, platform by platform.
pub(super) async fn unread<'e>(
    executor: impl Executor<'e, Database = Any>,
    user: &UserId,
) -> Result<UnreadCounts> {
    let rows = sqlx::query("SELECT platform, unread FROM inbox_unread_counts WHERE user_id = $1")
        .bind(user.as_str())
        .fetch_all(executor)
        .await?;
    let counts =
        rows.iter().map(|row| Ok((row.try_get("platform")?, to_u32(row.try_get("unread")?))));
    counts.collect::<Result<_>>().map(UnreadCounts)
}

/// A place in a list that goes from the latest to the earliest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Before {
    /// Unix milliseconds.
    pub(super) at_ms: i64,
    pub(super) id: String,
}

impl Before {
    /// Before its first item.
    pub(super) const fn all() -> Self {
        Self { at_ms: i64::MAX, id: String::new() }
    }
}

/// A user's conversations, the one with the latest message first.
pub(super) async fn conversations(
    pool: &AnyPool,
    user: &UserId,
    before: &Before,
    limit: i64,
) -> Result<Vec<InboxConversation>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM inbox_conversations
         WHERE user_id = $1 AND (last_message_at, id) < ($2, $3)
         ORDER BY last_message_at DESC, id DESC LIMIT $4"
    ))
    .bind(user.as_str())
    .bind(before.at_ms)
    .bind(before.id.as_str())
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(conversation).collect()
}

/// A conversation of a user.
pub(super) async fn get(
    pool: &AnyPool,
    user: &UserId,
    id: &ConversationId,
) -> Result<Option<InboxConversation>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM inbox_conversations WHERE id = $1 AND user_id = $2"
    ))
    .bind(id.as_str())
    .bind(user.as_str())
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(conversation).transpose()
}

/// A conversation's messages, the latest first.
pub(super) async fn messages(
    pool: &AnyPool,
    id: &ConversationId,
    before: &Before,
    limit: i64,
) -> Result<Vec<InboxMessage>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        " FROM inbox_messages
         WHERE conversation_id = $1 AND (sent_at, id) < ($2, $3)
         ORDER BY sent_at DESC, id DESC LIMIT $4"
    ))
    .bind(id.as_str())
    .bind(before.at_ms)
    .bind(before.id.as_str())
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(message).collect()
}

/// A message of a user.
pub(super) async fn get_message(
    pool: &AnyPool,
    user: &UserId,
    id: &MessageId,
) -> Result<Option<InboxMessage>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        " FROM inbox_messages WHERE id = $1 AND user_id = $2"
    ))
    .bind(id.as_str())
    .bind(user.as_str())
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(message).transpose()
}

/// As it is kept: Unix milliseconds.
pub(super) fn at_ms(time: Option<Timestamp>) -> i64 {
    time.map_or(0, column::from_timestamp)
}
