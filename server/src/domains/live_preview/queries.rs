//! The queries on tracked sessions and their events.

use std::fmt::Write;

use samewire_protocol::{
    Timestamp,
    id::{ProjectId, SessionId},
    live_preview::TrackerEvent,
};
use sqlx::{AnyPool, AssertSqlSafe, Row, any::AnyRow};

use super::sessions::Session;
use crate::store::{
    column,
    untold::{self, What},
};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Rows of one INSERT: three parameters each, far below what either database takes.
const ROWS_PER_INSERT: usize = 250;

/// What [`session`] reads.
macro_rules! columns {
    () => {
        "id, project_id, external_user_id, started_at, last_event_at, ended_at, submitted, event_count"
    };
}

fn session(row: &AnyRow) -> Result<Session> {
    Ok(Session {
        session_id: SessionId(row.try_get("id")?),
        project_id: ProjectId(row.try_get("project_id")?),
        external_user_id: row.try_get("external_user_id")?,
        started_at: column::to_timestamp(row.try_get("started_at")?),
        last_event_at: column::to_timestamp(row.try_get("last_event_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(column::to_timestamp),
        submitted: row.try_get::<i64, _>("submitted")? != 0,
        event_count: column::to_count(row.try_get("event_count")?),
    })
}

pub(super) async fn insert(pool: &AnyPool, session: &Session) -> Result<()> {
    sqlx::query(
        "INSERT INTO tracked_sessions
         (id, project_id, external_user_id, started_at, last_event_at, submitted, event_count)
         VALUES ($1, $2, $3, $4, $4, 0, 0)",
    )
    .bind(session.session_id.as_str())
    .bind(session.project_id.as_str())
    .bind(session.external_user_id.as_str())
    .bind(column::from_timestamp(session.started_at))
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn get(pool: &AnyPool, id: &SessionId) -> Result<Option<Session>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM tracked_sessions WHERE id = $1"))
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(session).transpose()
}

/// Appends events to a session that hasn't ended, all or none. Says whether it did.
pub(super) async fn append(
    pool: &AnyPool,
    id: &SessionId,
    events: &[TrackerEvent],
    now: Timestamp,
) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let added = i64::try_from(events.len()).unwrap_or(i64::MAX);
    // The first statement writes, so that nobody else counts on from the same number.
    let counted = sqlx::query(
        "UPDATE tracked_sessions SET event_count = event_count + $2, last_event_at = $3
         WHERE id = $1 AND ended_at IS NULL RETURNING event_count",
    )
    .bind(id.as_str())
    .bind(added)
    .bind(column::from_timestamp(now))
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(counted) = counted else { return Ok(false) };
    let mut seq = counted.try_get::<i64, _>("event_count")? - added;
    for rows in events.chunks(ROWS_PER_INSERT) {
        let mut sql = String::from("INSERT INTO tracked_events (session_id, seq, body) VALUES ");
        for row in 0..rows.len() {
            let separator = if row == 0 { "" } else { ", " };
            let _ = write!(sql, "{separator}($1, ${}, ${})", 2 * row + 2, 2 * row + 3);
        }
        // Safe: nothing but numbered placeholders was put into the text.
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(id.as_str());
        for event in rows {
            seq += 1;
            let body =
                serde_json::to_string(event).map_err(|error| sqlx::Error::Encode(error.into()))?;
            query = query.bind(seq).bind(body);
        }
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// How a session ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) now: Timestamp,
    pub(super) submitted: bool,
    /// It ends only where it was brought nothing since.
    pub(super) silent_since: Option<Timestamp>,
}

/// Ends a session that hasn't ended; nobody was told of it. Says whether it did.
pub(super) async fn end(pool: &AnyPool, id: &SessionId, end: End) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let ended = sqlx::query(
        "UPDATE tracked_sessions SET ended_at = $2, submitted = $3
         WHERE id = $1 AND ended_at IS NULL AND last_event_at < $4",
    )
    .bind(id.as_str())
    .bind(column::from_timestamp(end.now))
    .bind(i64::from(end.submitted))
    .bind(end.silent_since.map_or(i64::MAX, column::from_timestamp))
    .execute(&mut *transaction)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    untold::insert(&mut *transaction, What::Session, id.as_str()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Sessions that haven't ended and were brought nothing since.
pub(super) async fn silent_since(pool: &AnyPool, before: Timestamp) -> Result<Vec<Session>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM tracked_sessions WHERE ended_at IS NULL AND last_event_at < $1
         ORDER BY last_event_at LIMIT 1000"
    ))
    .bind(column::from_timestamp(before))
    .fetch_all(pool)
    .await?;
    rows.iter().map(session).collect()
}

/// The latest sessions of a project that haven't ended, the newest first.
pub(super) async fn open(pool: &AnyPool, project: &ProjectId) -> Result<Vec<Session>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM tracked_sessions WHERE project_id = $1 AND ended_at IS NULL
         ORDER BY started_at DESC, id DESC LIMIT 100"
    ))
    .bind(project.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(session).collect()
}

/// A project's sessions, the newest first, from those that began before `before`'s session on.
pub(super) async fn page(
    pool: &AnyPool,
    project: &ProjectId,
    before: Option<&SessionId>,
    limit: i64,
) -> Result<Vec<Session>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM tracked_sessions WHERE project_id = $1 AND ($2 = '' OR id < $2)
         ORDER BY id DESC LIMIT $3"
    ))
    .bind(project.as_str())
    .bind(before.map_or("", SessionId::as_str))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(session).collect()
}

/// A session's events after a number, in order, with their numbers.
pub(super) async fn events(
    pool: &AnyPool,
    id: &SessionId,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, TrackerEvent)>> {
    let rows = sqlx::query(
        "SELECT seq, body FROM tracked_events WHERE session_id = $1 AND seq > $2
         ORDER BY seq LIMIT $3",
    )
    .bind(id.as_str())
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let body: String = row.try_get("body")?;
            let event =
                serde_json::from_str(&body).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok((row.try_get("seq")?, event))
        })
        .collect()
}
