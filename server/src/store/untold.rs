//! What has ended, which is stored, and of which nobody may have been told yet. It is noted in the same
//! transaction as the end, and taken out once it was told: a server that is killed in between leaves it to
//! whoever finds it, who tells it once more ([`of_job`](crate::backplane::once::of_job): once for those who
//! hear).

use std::time::Duration;

use sqlx::{AnyPool, Row};
use tokio::time::sleep;

use crate::engine::Engine;

/// How soon what the database failed at is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Of what kind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Story,
    Export,
    Session,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::Story => "story",
            Self::Export => "export",
            Self::Session => "session",
        }
    }
}

/// Notes that something has ended.
pub(crate) async fn insert<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Any>,
    what: What,
    id: &str,
) -> Result<()> {
    sqlx::query("INSERT INTO untold (what, id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(what.as_str())
        .bind(id)
        .execute(executor)
        .await
        .map(drop)
}

/// Whether nobody may have been told of it.
pub(crate) async fn is_untold(pool: &AnyPool, what: What, id: &str) -> Result<bool> {
    sqlx::query("SELECT id FROM untold WHERE what = $1 AND id = $2")
        .bind(what.as_str())
        .bind(id)
        .fetch_optional(pool)
        .await
        .map(|row| row.is_some())
}

/// All of a kind, or so many of them.
pub(crate) async fn all(pool: &AnyPool, what: What, limit: i64) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT id FROM untold WHERE what = $1 ORDER BY id LIMIT $2")
        .bind(what.as_str())
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| row.try_get("id")).collect()
}

/// It was told. Where the database fails that is noted once it is back, unless the server stops before:
/// otherwise it would be told once more.
pub(crate) async fn told(engine: &Engine, pool: &AnyPool, what: What, id: &str) {
    while let Err(error) = delete(pool, what, id).await {
        tracing::error!(%error, ?what, "it can't be noted that something was told");
        tokio::select! {
            () = engine.stopped() => return,
            () = sleep(RETRY_PAUSE) => {}
        }
    }
}

async fn delete(pool: &AnyPool, what: What, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM untold WHERE what = $1 AND id = $2")
        .bind(what.as_str())
        .bind(id)
        .execute(pool)
        .await
        .map(drop)
}
