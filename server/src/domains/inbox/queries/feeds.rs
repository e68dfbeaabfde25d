//! The queries on the feeds of platforms.

use sqlx::{AnyPool, Row};

use super::Result;

/// How far a platform's feed was read.
pub(in super::super) async fn cursor(pool: &AnyPool, platform: &str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT read_to FROM inbox_feeds WHERE platform = $1")
        .bind(platform)
        .fetch_optional(pool)
        .await?;
    row.map(|row| row.try_get("read_to")).transpose()
}

/// Keeps how far a platform's feed was read.
pub(in super::super) async fn keep_cursor(
    pool: &AnyPool,
    platform: &str,
    cursor: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO inbox_feeds (platform, read_to) VALUES ($1, $2)
         ON CONFLICT (platform) DO UPDATE SET read_to = excluded.read_to",
    )
    .bind(platform)
    .bind(cursor)
    .execute(pool)
    .await
    .map(drop)
}
