//! The queries on exports.

use std::io;

use samewire_protocol::{
    ErrorCode, Timestamp,
    id::{ExportId, ProjectId, UserId},
    stories::ExportFormat,
};
use serde_json::Value;
use sqlx::{AnyPool, Row, any::AnyRow};

use super::{Export, ExportStatus, extension};
use crate::store::{
    column,
    untold::{self, What},
};

type Result<T> = std::result::Result<T, sqlx::Error>;

fn format(row: &AnyRow) -> Result<ExportFormat> {
    Ok(match row.try_get::<String, _>("format")?.as_str() {
        "json" => ExportFormat::Json,
        _ => ExportFormat::Zip,
    })
}

/// What [`export`] reads.
macro_rules! columns {
    () => {
        "id, project_id, format, requested_by, created_at, status, size, expires_at, code, message"
    };
}

fn export(row: &AnyRow) -> Result<Export> {
    let id = ExportId(row.try_get("id")?);
    let status = match row.try_get::<String, _>("status")?.as_str() {
        "ready" => ExportStatus::Ready,
        "failed" => ExportStatus::Failed,
        "expired" => ExportStatus::Expired,
        _ => ExportStatus::Running,
    };
    let code = row.try_get::<Option<String>, _>("code")?;
    Ok(Export {
        project_id: ProjectId(row.try_get("project_id")?),
        format: format(row)?,
        requested_by: UserId(row.try_get("requested_by")?),
        created_at: column::to_timestamp(row.try_get("created_at")?),
        download_url: (status == ExportStatus::Ready).then(|| Export::url(&id)),
        size: row.try_get::<Option<i64>, _>("size")?.map(column::to_count),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(column::to_timestamp),
        // A code that this version doesn't know is none of ours to drop: it reads as unknown.
        code: code.and_then(|code| serde_json::from_value(Value::String(code)).ok()),
        message: row.try_get("message")?,
        status,
        id,
    })
}

pub(super) async fn insert(pool: &AnyPool, new: &Export) -> Result<()> {
    sqlx::query(
        "INSERT INTO story_exports (id, project_id, format, requested_by, created_at, status)
         VALUES ($1, $2, $3, $4, $5, 'running')",
    )
    .bind(new.id.as_str())
    .bind(new.project_id.as_str())
    .bind(extension(new.format))
    .bind(new.requested_by.as_str())
    .bind(column::from_timestamp(new.created_at))
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn get(pool: &AnyPool, id: &ExportId) -> Result<Option<Export>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM story_exports WHERE id = $1"))
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(export).transpose()
}

/// A page of a project's exports, the newest first.
pub(super) async fn page(
    pool: &AnyPool,
    project: &ProjectId,
    before: Option<&ExportId>,
    limit: i64,
) -> Result<Vec<Export>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM story_exports WHERE project_id = $1 AND ($2 = '' OR id < $2)
         ORDER BY id DESC LIMIT $3"
    ))
    .bind(project.as_str())
    .bind(before.map_or("", ExportId::as_str))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(export).collect()
}

/// How many exports of a project are under way.
pub(super) async fn running(pool: &AnyPool, project: &ProjectId) -> Result<usize> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS count FROM story_exports WHERE project_id = $1 AND status = 'running'",
    )
    .bind(project.as_str())
    .fetch_one(pool)
    .await?;
    Ok(usize::try_from(row.try_get::<i64, _>("count")?).unwrap_or(0))
}

/// Exports that are still to be written, the oldest first.
pub(super) async fn to_write(pool: &AnyPool, limit: i64) -> Result<Vec<ExportId>> {
    let rows =
        sqlx::query("SELECT id FROM story_exports WHERE status = 'running' ORDER BY id LIMIT $1")
            .bind(limit)
            .fetch_all(pool)
            .await?;
    rows.iter().map(|row| Ok(ExportId(row.try_get("id")?))).collect()
}

/// How an export can be downloaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    /// Its size in bytes.
    pub(super) size: u64,
    pub(super) expires_at: Timestamp,
    pub(super) now: Timestamp,
    /// Exports that a project keeps.
    pub(super) kept: i64,
}

/// An export can be downloaded once `keep` has given its file its place; of the project's others, all but
/// the newest expire. Nobody was told of it. Says whether it was still to be written.
pub(super) async fn ready(
    pool: &AnyPool,
    done: &Export,
    keep: impl Future<Output = io::Result<()>>,
    Ready { size, expires_at, now, kept }: Ready,
) -> crate::error::Result<bool> {
    let mut transaction = pool.begin().await?;
    let was_running = sqlx::query(
        "UPDATE story_exports SET status = 'ready', size = $2, expires_at = $3
         WHERE id = $1 AND status = 'running'",
    )
    .bind(done.id.as_str())
    .bind(i64::try_from(size).unwrap_or(i64::MAX))
    .bind(column::from_timestamp(expires_at))
    .execute(&mut *transaction)
    .await?;
    if was_running.rows_affected() == 0 {
        return Ok(false);
    }
    keep.await?;
    sqlx::query(
        "UPDATE story_exports SET expires_at = $2
         WHERE project_id = $1 AND status = 'ready' AND expires_at > $2 AND id NOT IN
         (SELECT id FROM story_exports WHERE project_id = $1 AND status = 'ready'
          ORDER BY id DESC LIMIT $3)",
    )
    .bind(done.project_id.as_str())
    .bind(column::from_timestamp(now))
    .bind(kept)
    .execute(&mut *transaction)
    .await?;
    untold::insert(&mut *transaction, What::Export, done.id.as_str()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// An export failed. Nobody was told of it. Says whether it was still to be written.
pub(super) async fn failed(
    pool: &AnyPool,
    id: &ExportId,
    code: ErrorCode,
    message: &str,
) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let was_running = sqlx::query(
        "UPDATE story_exports SET status = 'failed', code = $2, message = $3
         WHERE id = $1 AND status = 'running'",
    )
    .bind(id.as_str())
    .bind(code.as_str())
    .bind(message)
    .execute(&mut *transaction)
    .await?;
    if was_running.rows_affected() == 0 {
        return Ok(false);
    }
    untold::insert(&mut *transaction, What::Export, id.as_str()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Exports that have expired and still have a file.
pub(super) async fn expiring(
    pool: &AnyPool,
    now: Timestamp,
) -> Result<Vec<(ExportId, ExportFormat)>> {
    let rows = sqlx::query(
        "SELECT id, format FROM story_exports WHERE status = 'ready' AND expires_at <= $1
         ORDER BY expires_at LIMIT 1000",
    )
    .bind(column::from_timestamp(now))
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok((ExportId(row.try_get("id")?), format(row)?))).collect()
}

/// An export's file is gone.
pub(super) async fn expired(pool: &AnyPool, id: &ExportId) -> Result<()> {
    sqlx::query("UPDATE story_exports SET status = 'expired' WHERE id = $1")
        .bind(id.as_str())
        .execute(pool)
        .await
        .map(drop)
}
