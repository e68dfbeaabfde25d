//! The queries on conversations, who takes part in them, and what was said.

use samewire_protocol::{
    Timestamp,
    assistant::{ChatMessage, Conversation, Role},
    id::{ConversationId, MessageId, UserId},
};
use sqlx::{AnyPool, Row, any::AnyRow};

use super::{context::Said, states::is_whole};
use crate::store::column;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// What [`conversation`] reads.
macro_rules! conversation_columns {
    () => {
        "id, title, owner_id, created_at, updated_at"
    };
}

fn conversation(row: &AnyRow) -> Result<Conversation> {
    Ok(Conversation {
        id: ConversationId(row.try_get("id")?),
        title: row.try_get("title")?,
        owner_id: UserId(row.try_get("owner_id")?),
        created_at: column::to_timestamp(row.try_get("created_at")?),
        updated_at: column::to_timestamp(row.try_get("updated_at")?),
    })
}

fn role(row: &AnyRow) -> Result<Role> {
    let role: String = row.try_get("role")?;
    Ok(if role == "user" { Role::User } else { Role::Assistant })
}

/// What [`message`] reads.
macro_rules! message_columns {
    () => {
        "id, conversation_id, seq, role, content, state, created_at"
    };
}

pub(super) fn message(row: &AnyRow) -> Result<ChatMessage> {
    let state: String = row.try_get("state")?;
    Ok(ChatMessage {
        id: MessageId(row.try_get("id")?),
        conversation_id: ConversationId(row.try_get("conversation_id")?),
        role: role(row)?,
        content: row.try_get("content")?,
        incomplete: !is_whole(&state),
        created_at: column::to_timestamp(row.try_get("created_at")?),
    })
}

/// Stores a conversation with its owner, unless the owner has `max` of them. Says whether it did.
pub(super) async fn insert(pool: &AnyPool, new: &Conversation, max: i64) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    // One after the other, so that nobody else counts the same.
    sqlx::query(
        "UPDATE assistant_conversations SET message_count = message_count
         WHERE id = (SELECT MIN(id) FROM assistant_conversations WHERE owner_id = $1)",
    )
    .bind(new.owner_id.as_str())
    .execute(&mut *transaction)
    .await?;
    let inserted = sqlx::query(
        "INSERT INTO assistant_conversations (id, title, owner_id, created_at, updated_at, message_count)
         SELECT $1, $2, $3, $4, $4, 0
         WHERE (SELECT COUNT(*) FROM assistant_conversations WHERE owner_id = $3) < $5",
    )
    .bind(new.id.as_str())
    .bind(new.title.as_str())
    .bind(new.owner_id.as_str())
    .bind(column::from_timestamp(new.created_at))
    .bind(max)
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    add_participant(&mut *transaction, &new.id, &new.owner_id).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Lets somebody take part in a conversation. Says whether they didn't before.
pub(super) async fn add_participant<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Any>,
    id: &ConversationId,
    user: &UserId,
) -> Result<bool> {
    sqlx::query(
        "INSERT INTO assistant_participants (user_id, conversation_id) VALUES ($1, $2)
         ON CONFLICT DO NOTHING",
    )
    .bind(user.as_str())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Lets somebody no longer take part. Says whether they did.
pub(super) async fn remove_participant(
    pool: &AnyPool,
    id: &ConversationId,
    user: &UserId,
) -> Result<bool> {
    sqlx::query("DELETE FROM assistant_participants WHERE user_id = $1 AND conversation_id = $2")
        .bind(user.as_str())
        .bind(id.as_str())
        .execute(pool)
        .await
        .map(|done| done.rows_affected() > 0)
}

/// Who takes part in a conversation, in the order of their ids.
pub(super) async fn participants(pool: &AnyPool, id: &ConversationId) -> Result<Vec<UserId>> {
    let rows = sqlx::query("SELECT user_id FROM assistant_participants WHERE conversation_id = $1")
        .bind(id.as_str())
        .fetch_all(pool)
        .await?;
    let users = rows.iter().map(|row| Ok(UserId(row.try_get("user_id")?)));
    let mut users = users.collect::<Result<Vec<_>>>()?;
    users.sort_unstable();
    Ok(users)
}

/// A conversation that somebody takes part in.
pub(super) async fn get(
    pool: &AnyPool,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Conversation>> {
    let row = sqlx::query(
        "SELECT c.id, c.title, c.owner_id, c.created_at, c.updated_at FROM assistant_conversations c
         JOIN assistant_participants p ON p.conversation_id = c.id
         WHERE p.user_id = $1 AND c.id = $2",
    )
    .bind(user.as_str())
    .bind(id.as_str())
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(conversation).transpose()
}

/// The conversations that somebody takes part in, the newest first, from those that began before
/// `before` on.
pub(super) async fn page(
    pool: &AnyPool,
    user: &UserId,
    before: Option<&ConversationId>,
    limit: i64,
) -> Result<Vec<Conversation>> {
    let rows = sqlx::query(
        "SELECT c.id, c.title, c.owner_id, c.created_at, c.updated_at FROM assistant_participants p
         JOIN assistant_conversations c ON c.id = p.conversation_id
         WHERE p.user_id = $1 AND ($2 = '' OR p.conversation_id < $2)
         ORDER BY p.conversation_id DESC LIMIT $3",
    )
    .bind(user.as_str())
    .bind(before.map_or("", ConversationId::as_str))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(conversation).collect()
}

/// Gives a conversation another title.
pub(super) async fn rename(
    pool: &AnyPool,
    id: &ConversationId,
    title: &str,
) -> Result<Option<Conversation>> {
    let rows = sqlx::query(concat!(
        "UPDATE assistant_conversations SET title = $2 WHERE id = $1 RETURNING ",
        conversation_columns!()
    ))
    .bind(id.as_str())
    .bind(title)
    .fetch_all(pool)
    .await?;
    rows.first().map(conversation).transpose()
}

/// Deletes a conversation with all that was said in it. Says whether it was there.
pub(super) async fn delete(pool: &AnyPool, id: &ConversationId) -> Result<bool> {
    loop {
        match try_to_delete(pool, id).await {
            // Somebody was let in meanwhile.
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {}
            done => return done,
        }
    }
}

async fn try_to_delete(pool: &AnyPool, id: &ConversationId) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let mut rows = 0;
    for delete in [
        // Nobody asks anything meanwhile.
        "UPDATE assistant_conversations SET message_count = message_count WHERE id = $1",
        "DELETE FROM assistant_messages WHERE conversation_id = $1",
        "DELETE FROM assistant_participants WHERE conversation_id = $1",
        "DELETE FROM assistant_conversations WHERE id = $1",
    ] {
        let deleted = sqlx::query(delete).bind(id.as_str()).execute(&mut *transaction).await?;
        rows = deleted.rows_affected();
    }
    transaction.commit().await?;
    Ok(rows > 0)
}

/// Stores a question with a place for its answer, unless the conversation is gone or has `max`
/// messages. Says whether it did.
pub(super) async fn ask(
    pool: &AnyPool,
    question: &ChatMessage,
    asker: &UserId,
    answer: &MessageId,
    max: i64,
) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let now = column::from_timestamp(question.created_at);
    // The first statement writes, so that nobody else counts on from the same number.
    let counted = sqlx::query(
        "UPDATE assistant_conversations SET message_count = message_count + 2, updated_at = $2
         WHERE id = $1 AND message_count < $3 RETURNING message_count",
    )
    .bind(question.conversation_id.as_str())
    .bind(now)
    .bind(max)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(counted) = counted else { return Ok(false) };
    let seq: i64 = counted.try_get("message_count")?;
    sqlx::query(
        "INSERT INTO assistant_messages
         (conversation_id, seq, id, author_id, role, content, state, created_at)
         VALUES ($1, $2, $3, $4, 'user', $5, 'whole', $8),
                ($1, $6, $7, NULL, 'assistant', '', $9, $8)",
    )
    .bind(question.conversation_id.as_str())
    .bind(seq - 1)
    .bind(question.id.as_str())
    .bind(asker.as_str())
    .bind(question.content.as_str())
    .bind(seq)
    .bind(answer.as_str())
    .bind(now)
    .bind("waiting")
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Notes that something was said in a conversation.
pub(super) async fn touch(pool: &AnyPool, id: &ConversationId, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE assistant_conversations SET updated_at = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(column::from_timestamp(now))
        .execute(pool)
        .await
        .map(drop)
}

/// A message of a conversation.
pub(super) async fn message_of(
    pool: &AnyPool,
    conversation: &ConversationId,
    id: &MessageId,
) -> Result<Option<ChatMessage>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        " FROM assistant_messages WHERE id = $2 AND conversation_id = $1"
    ))
    .bind(conversation.as_str())
    .bind(id.as_str())
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(message).transpose()
}

/// What was said in a conversation after a number, in order, with the numbers. Answers that haven't
/// ended are left out: the room tells of them.
pub(super) async fn messages(
    pool: &AnyPool,
    id: &ConversationId,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, ChatMessage)>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        " FROM assistant_messages
         WHERE conversation_id = $1 AND seq > $2 AND state NOT IN ('waiting', 'running', 'stopping')
         ORDER BY seq LIMIT $3"
    ))
    .bind(id.as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("seq")?, message(row)?))).collect()
}

/// What was said in a conversation before a number, the newest first.
pub(super) async fn said_before(
    pool: &AnyPool,
    id: &ConversationId,
    seq: i64,
    limit: i64,
) -> Result<Vec<Said>> {
    let rows = sqlx::query(
        "SELECT role, content FROM assistant_messages WHERE conversation_id = $1 AND seq < $2
         ORDER BY seq DESC LIMIT $3",
    )
    .bind(id.as_str())
    .bind(seq)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(Said { role: role(row)?, content: row.try_get("content")? })).collect()
}
