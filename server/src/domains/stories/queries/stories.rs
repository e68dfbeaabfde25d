//! The queries on stories.

use futures::{Stream, TryStreamExt};
use samewire_protocol::{
    id::{ProjectId, StoryId, UserId},
    stories::{Story, StoryStatus},
};
use sqlx::{AnyPool, Row, any::AnyRow};

use super::Result;
use crate::{
    http::page::PAGE,
    store::{
        column,
        untold::{self, What},
    },
};

/// Bytes of transcripts after which a page ends, however few its stories are.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Seconds of so many milliseconds.
pub(in super::super) fn seconds(duration_ms: u64) -> f64 {
    std::time::Duration::from_millis(duration_ms).as_secs_f64()
}

/// What [`story`] reads.
macro_rules! columns {
    () => {
        "id, project_id, title, uploaded_by, created_at, transcript, version, media_type, status, failure, duration_ms, sample_rate, size, checksum, word_count"
    };
}

fn story(row: &AnyRow) -> Result<Story> {
    let count = |name| row.try_get::<Option<i64>, _>(name);
    let small =
        |name| Ok::<_, sqlx::Error>(count(name)?.and_then(|number| u32::try_from(number).ok()));
    Ok(Story {
        id: StoryId(row.try_get("id")?),
        project_id: ProjectId(row.try_get("project_id")?),
        title: row.try_get("title")?,
        uploaded_by: UserId(row.try_get("uploaded_by")?),
        created_at: column::to_timestamp(row.try_get("created_at")?),
        transcript: row.try_get("transcript")?,
        version: small("version")?.unwrap_or(0),
        media_type: row.try_get("media_type")?,
        status: match row.try_get::<String, _>("status")?.as_str() {
            "processed" => StoryStatus::Processed,
            "failed" => StoryStatus::Failed,
            _ => StoryStatus::Processing,
        },
        failure: row.try_get("failure")?,
        duration: count("duration_ms")?.and_then(|ms| u64::try_from(ms).ok()).map(seconds),
        sample_rate: small("sample_rate")?,
        size: count("size")?.map(column::to_count),
        checksum: row.try_get("checksum")?,
        word_count: small("word_count")?,
    })
}

fn status(status: StoryStatus) -> &'static str {
    match status {
        StoryStatus::Processing => "processing",
        StoryStatus::Processed => "processed",
        StoryStatus::Failed => "failed",
    }
}

/// A new story.
pub(in super::super) async fn insert(pool: &AnyPool, story: &Story) -> Result<()> {
    sqlx::query(
        "INSERT INTO stories
         (id, project_id, title, uploaded_by, created_at, transcript, version, status, size)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(story.id.as_str())
    .bind(story.project_id.as_str())
    .bind(story.title.as_str())
    .bind(story.uploaded_by.as_str())
    .bind(column::from_timestamp(story.created_at))
    .bind(story.transcript.as_deref())
    .bind(i64::from(story.version))
    .bind(status(story.status))
    .bind(story.size.and_then(|size| i64::try_from(size.get()).ok()))
    .execute(pool)
    .await
    .map(drop)
}

pub(in super::super) async fn get(pool: &AnyPool, id: &StoryId) -> Result<Option<Story>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM stories WHERE id = $1"))
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(story).transpose()
}

/// All of a project's stories.
#[derive(Debug)]
pub(in super::super) struct Extent {
    /// How many there are.
    pub(in super::super) stories: u64,
    /// The bytes of their recordings.
    pub(in super::super) bytes: u64,
    /// The last one.
    pub(in super::super) last: Option<StoryId>,
}

pub(in super::super) async fn extent(pool: &AnyPool, project: &ProjectId) -> Result<Extent> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS stories, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes,
         MAX(id) AS last FROM stories WHERE project_id = $1",
    )
    .bind(project.as_str())
    .fetch_one(pool)
    .await?;
    let number = |name| Ok::<_, sqlx::Error>(column::to_count(row.try_get(name)?).get());
    Ok(Extent {
        stories: number("stories")?,
        bytes: number("bytes")?,
        last: row.try_get::<Option<String>, _>("last")?.map(StoryId),
    })
}

/// A page of a project's stories, the newest first, and what to ask for next.
pub(in super::super) async fn page(
    pool: &AnyPool,
    project: &ProjectId,
    before: Option<&StoryId>,
) -> Result<(Vec<Story>, Option<StoryId>)> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM stories WHERE project_id = $1 AND ($2 = '' OR id < $2)
         ORDER BY id DESC LIMIT $3"
    ))
    .bind(project.as_str())
    .bind(before.map_or("", StoryId::as_str))
    .bind(PAGE)
    .fetch(pool);
    collect(rows).await
}

/// A page of a project's stories up to `last`, the oldest first, and what to ask for next.
pub(in super::super) async fn up_to(
    pool: &AnyPool,
    project: &ProjectId,
    after: Option<&StoryId>,
    last: &StoryId,
) -> Result<(Vec<Story>, Option<StoryId>)> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM stories WHERE project_id = $1 AND id > $2 AND id <= $3
         ORDER BY id LIMIT $4"
    ))
    .bind(project.as_str())
    .bind(after.map_or("", StoryId::as_str))
    .bind(last.as_str())
    .bind(PAGE)
    .fetch(pool);
    collect(rows).await
}

/// Stories until there are as many, or as long ones, as a page has place for.
async fn collect(
    mut rows: impl Stream<Item = Result<AnyRow>> + Unpin,
) -> Result<(Vec<Story>, Option<StoryId>)> {
    let (mut stories, mut bytes, mut full) = (Vec::new(), 0, false);
    while !full && let Some(row) = rows.try_next().await? {
        let story = story(&row)?;
        bytes += story.transcript.as_ref().map_or(0, String::len);
        stories.push(story);
        full = bytes >= PAGE_BYTES || i64::try_from(stories.len()) == Ok(PAGE);
    }
    let next = stories.last().filter(|_| full).map(|story| story.id.clone());
    Ok((stories, next))
}

/// Stories that are still to be processed, the oldest first.
pub(in super::super) async fn to_process(pool: &AnyPool, limit: i64) -> Result<Vec<StoryId>> {
    let rows =
        sqlx::query("SELECT id FROM stories WHERE status = 'processing' ORDER BY id LIMIT $1")
            .bind(limit)
            .fetch_all(pool)
            .await?;
    rows.iter().map(|row| Ok(StoryId(row.try_get("id")?))).collect()
}

/// What was found out about a story, of which nobody was told. Says whether it was still to be processed.
pub(in super::super) async fn processed(pool: &AnyPool, story: &Story) -> Result<bool> {
    let duration_ms = story.duration.map(|seconds| {
        let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
    });
    let mut transaction = pool.begin().await?;
    let done = sqlx::query(
        "UPDATE stories SET status = $2, failure = $3, media_type = $4, checksum = $5,
         duration_ms = $6, sample_rate = $7, word_count = $8 WHERE id = $1 AND status = 'processing'",
    )
    .bind(story.id.as_str())
    .bind(status(story.status))
    .bind(story.failure.as_deref())
    .bind(story.media_type.as_deref())
    .bind(story.checksum.as_deref())
    .bind(duration_ms)
    .bind(story.sample_rate.map(i64::from))
    .bind(story.word_count.map(i64::from))
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    untold::insert(&mut *transaction, What::Story, story.id.as_str()).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Gives a story another transcript, of the version after the one that it had. Says whether it did.
pub(in super::super) async fn transcribe(
    pool: &AnyPool,
    before: &Story,
    transcript: &str,
    word_count: u32,
) -> Result<bool> {
    sqlx::query(
        "UPDATE stories SET transcript = $3, version = $2 + 1, word_count = $4
         WHERE id = $1 AND version = $2",
    )
    .bind(before.id.as_str())
    .bind(i64::from(before.version))
    .bind(transcript)
    .bind(i64::from(word_count))
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}
