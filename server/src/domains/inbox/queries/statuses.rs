//! The queries by which messages are delivered and read.

use samewire_protocol::{
    id::{ConversationId, MessageId, UserId},
    inbox::{InboxConversation, InboxMessage, MessageStatus},
};
use sqlx::{AnyPool, Row};

use super::{
    Result, UnreadCounts, conversation, conversation_columns, count, message, message_columns,
    unread,
};

/// A message whose user has read it; below are those that count as unread.
const READ: i64 = 2;

fn status_column(status: Option<MessageStatus>) -> i64 {
    match status {
        None => 0,
        Some(MessageStatus::Delivered) => 1,
        Some(MessageStatus::Read) => READ,
    }
}

/// What changed when messages were read.
#[derive(Debug)]
pub(in super::super) struct Read {
    /// The messages, in the order they were sent.
    pub(in super::super) messages: Vec<MessageId>,
    pub(in super::super) conversation: InboxConversation,
    pub(in super::super) unread: UnreadCounts,
}

/// Notes that a message was delivered, where nothing was noted yet.
pub(in super::super) async fn deliver(
    pool: &AnyPool,
    user: &UserId,
    id: &MessageId,
) -> Result<Option<InboxMessage>> {
    let rows = sqlx::query(concat!(
        "UPDATE inbox_messages SET status = $3
         WHERE id = $1 AND user_id = $2 AND status < $3 RETURNING ",
        message_columns!()
    ))
    .bind(id.as_str())
    .bind(user.as_str())
    .bind(status_column(Some(MessageStatus::Delivered)))
    .fetch_all(pool)
    .await?;
    rows.first().map(message).transpose()
}

/// Which messages are read.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Which<'a> {
    /// This one.
    One(&'a MessageId),
    /// All of a conversation.
    All(&'a ConversationId),
}

/// Notes that messages of a user were read, with the counts; nothing where all of them were.
pub(in super::super) async fn read(
    pool: &AnyPool,
    user: &UserId,
    which: Which<'_>,
) -> Result<Option<Read>> {
    let (lock, update, id) = match which {
        Which::One(id) => (
            "UPDATE inbox_conversations SET unread_count = unread_count WHERE user_id = $2
             AND id = (SELECT conversation_id FROM inbox_messages WHERE id = $1)",
            "UPDATE inbox_messages SET status = $3 WHERE id = $1 AND user_id = $2 AND status < $3
             RETURNING id, conversation_id, platform, sent_at",
            id.as_str(),
        ),
        Which::All(id) => (
            "UPDATE inbox_conversations SET unread_count = unread_count
             WHERE user_id = $2 AND id = $1",
            "UPDATE inbox_messages SET status = $3
             WHERE conversation_id = $1 AND user_id = $2 AND status < 2 AND status < $3
             RETURNING id, conversation_id, platform, sent_at",
            id.as_str(),
        ),
    };
    let mut transaction = pool.begin().await?;
    sqlx::query(lock).bind(id).bind(user.as_str()).execute(&mut *transaction).await?;
    let rows = sqlx::query(update)
        .bind(id)
        .bind(user.as_str())
        .bind(READ)
        .fetch_all(&mut *transaction)
        .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let platform: String = first.try_get("platform")?;
    let conversation_id: String = first.try_get("conversation_id")?;
    let number = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let row = sqlx::query(concat!(
        "UPDATE inbox_conversations SET unread_count = unread_count - $2 WHERE id = $1 RETURNING ",
        conversation_columns!()
    ))
    .bind(conversation_id)
    .bind(number)
    .fetch_one(&mut *transaction)
    .await?;
    let conversation = conversation(&row)?;
    count(&mut *transaction, user, &platform, -number).await?;
    let unread = unread(&mut *transaction, user).await?;
    transaction.commit().await?;
    let mut messages = rows
        .iter()
        .map(|row| Ok((row.try_get("sent_at")?, row.try_get("id")?)))
        .collect::<Result<Vec<(i64, String)>>>()?;
    messages.sort_unstable();
    let messages = messages.into_iter().map(|(_, id)| MessageId(id)).collect();
    Ok(Some(Read { messages, conversation, unread }))
}
