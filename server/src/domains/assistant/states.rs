//! How far answers have come, and the queries that take them from one state to the next. Of several servers
//! that try one takes the step: whoever reads no in the answer has been overtaken.

use std::collections::HashSet;

use samewire_protocol::{
    Timestamp,
    assistant::ChatMessage,
    id::{ConversationId, MessageId},
};
use sqlx::{AnyPool, Row, any::AnyRow};

use super::queries;
use crate::store::column;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Something said to the assistant, whose answer has its place.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) message: ChatMessage,
    /// Names the answer.
    pub(super) answer: MessageId,
    /// The answer's number in the conversation.
    pub(super) answer_seq: i64,
}

/// An answer that hasn't ended, or of whose end nobody may have been told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// It hasn't begun.
    Waiting,
    /// It has.
    Running,
    /// It has, and somebody wants no more of it.
    Stopping,
    /// It has ended so.
    Untold(Outcome),
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is all there.
    Whole,
    /// Somebody wanted no more of it.
    Cancelled,
    /// It broke off.
    Broken,
}

impl Outcome {
    fn untold(self) -> &'static str {
        match self {
            Self::Whole => "telling_whole",
            Self::Cancelled => "telling_cancelled",
            Self::Broken => "telling_broken",
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cancelled | Self::Broken => "incomplete",
        }
    }
}

impl Open {
    fn read(state: &str) -> Self {
        let outcomes = [Outcome::Whole, Outcome::Cancelled, Outcome::Broken];
        match state {
            "waiting" => Self::Waiting,
            "stopping" => Self::Stopping,
            _ => outcomes
                .into_iter()
                .find(|outcome| outcome.untold() == state)
                .map_or(Self::Running, Self::Untold),
        }
    }
}

/// Whether an answer in this state is all there.
pub(super) fn is_whole(state: &str) -> bool {
    [Outcome::Whole.told(), Outcome::Whole.untold()].contains(&state)
}

/// The open answers of the conversation `$1` with their questions, as [`open`] reads them.
macro_rules! select_open {
    () => {
        "SELECT q.id, q.conversation_id, q.role, q.content, q.state, q.created_at,
         a.id AS answer_id, a.seq AS answer_seq, a.state AS answer_state
         FROM assistant_messages a
         JOIN assistant_messages q ON q.conversation_id = a.conversation_id AND q.seq = a.seq - 1
         WHERE a.conversation_id = $1 AND a.state NOT IN ('whole', 'incomplete')"
    };
}

fn open(row: &AnyRow) -> Result<(Question, Open)> {
    let state: String = row.try_get("answer_state")?;
    let question = Question {
        message: queries::message(row)?,
        answer: MessageId(row.try_get("answer_id")?),
        answer_seq: row.try_get("answer_seq")?,
    };
    Ok((question, Open::read(&state)))
}

/// The first open answer of a conversation.
pub(super) async fn first_open(
    pool: &AnyPool,
    conversation: &ConversationId,
) -> Result<Option<(Question, Open)>> {
    let row = sqlx::query(concat!(select_open!(), " ORDER BY a.seq LIMIT 1"))
        .bind(conversation.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(open).transpose()
}

/// The open answer with this id, or whose question has it.
pub(super) async fn open_of(
    pool: &AnyPool,
    conversation: &ConversationId,
    id: &MessageId,
) -> Result<Option<(Question, Open)>> {
    let row = sqlx::query(concat!(select_open!(), " AND (a.id = $2 OR q.id = $2)"))
        .bind(conversation.as_str())
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(open).transpose()
}

/// The open answers of a conversation.
pub(super) async fn all_open(
    pool: &AnyPool,
    conversation: &ConversationId,
) -> Result<HashSet<MessageId>> {
    let rows = sqlx::query(
        "SELECT id FROM assistant_messages
         WHERE conversation_id = $1 AND state NOT IN ('whole', 'incomplete')",
    )
    .bind(conversation.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(MessageId(row.try_get("id")?))).collect()
}

/// The conversations that have open answers.
pub(super) async fn with_open(pool: &AnyPool) -> Result<Vec<ConversationId>> {
    let rows = sqlx::query(
        "SELECT DISTINCT conversation_id FROM assistant_messages
         WHERE state NOT IN ('whole', 'incomplete')",
    )
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(ConversationId(row.try_get("conversation_id")?))).collect()
}

/// An answer begins that hasn't. Says whether it did.
pub(super) async fn begin(pool: &AnyPool, answer: &MessageId, now: Timestamp) -> Result<bool> {
    sqlx::query(
        "UPDATE assistant_messages SET state = 'running', created_at = $2
         WHERE id = $1 AND state = 'waiting'",
    )
    .bind(answer.as_str())
    .bind(column::from_timestamp(now))
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Stores what has come of an answer that goes on.
pub(super) async fn grow(pool: &AnyPool, answer: &MessageId, content: &str) -> Result<()> {
    sqlx::query(
        "UPDATE assistant_messages SET content = $2
         WHERE id = $1 AND state IN ('running', 'stopping')",
    )
    .bind(answer.as_str())
    .bind(content)
    .execute(pool)
    .await
    .map(drop)
}

/// Notes that somebody wants no more of an answer, for the server that is at it.
pub(super) async fn stop(pool: &AnyPool, answer: &MessageId) -> Result<()> {
    sqlx::query(
        "UPDATE assistant_messages SET state = 'stopping' WHERE id = $1 AND state = 'running'",
    )
    .bind(answer.as_str())
    .execute(pool)
    .await
    .map(drop)
}

/// Whether an answer is to go on.
pub(super) async fn goes_on(pool: &AnyPool, answer: &MessageId) -> Result<bool> {
    sqlx::query(
        "SELECT id FROM assistant_messages WHERE id = $1 AND state IN ('waiting', 'running')",
    )
    .bind(answer.as_str())
    .fetch_optional(pool)
    .await
    .map(|row| row.is_some())
}

/// Ends an answer that hasn't, with all that came of it; nobody was told of that. Says whether it did.
pub(super) async fn end(
    pool: &AnyPool,
    answer: &MessageId,
    content: &str,
    outcome: Outcome,
    begun_at: Timestamp,
) -> Result<bool> {
    sqlx::query(
        "UPDATE assistant_messages SET content = $2, state = $3, created_at = $4
         WHERE id = $1 AND state IN ('waiting', 'running', 'stopping')",
    )
    .bind(answer.as_str())
    .bind(content)
    .bind(outcome.untold())
    .bind(column::from_timestamp(begun_at))
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Ends an answer where it is, as far as it is stored; nobody was told of that. Says whether it did: not
/// where it is no longer as it was.
pub(super) async fn break_off(
    pool: &AnyPool,
    answer: &MessageId,
    was: Open,
    outcome: Outcome,
) -> Result<bool> {
    let was = match was {
        Open::Waiting => "waiting",
        Open::Running => "running",
        Open::Stopping => "stopping",
        Open::Untold(outcome) => outcome.untold(),
    };
    sqlx::query("UPDATE assistant_messages SET state = $3 WHERE id = $1 AND state = $2")
        .bind(answer.as_str())
        .bind(was)
        .bind(outcome.untold())
        .execute(pool)
        .await
        .map(|done| done.rows_affected() > 0)
}

/// Notes that the end of an answer was told.
pub(super) async fn told(pool: &AnyPool, answer: &MessageId, outcome: Outcome) -> Result<()> {
    sqlx::query("UPDATE assistant_messages SET state = $3 WHERE id = $1 AND state = $2")
        .bind(answer.as_str())
        .bind(outcome.untold())
        .bind(outcome.told())
        .execute(pool)
        .await
        .map(drop)
}

/// Stores a whole answer of which nobody is told.
pub(super) async fn import(
    pool: &AnyPool,
    answer: &MessageId,
    content: &str,
    at: Timestamp,
) -> Result<()> {
    end(pool, answer, content, Outcome::Whole, at).await?;
    told(pool, answer, Outcome::Whole).await
}
