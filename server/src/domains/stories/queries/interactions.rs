//! The queries on interactions.

use samewire_protocol::{
    id::{InteractionId, StoryId, UserId},
    stories::{Interaction, InteractionType},
};
use sqlx::{AnyPool, Row, any::AnyRow};

use super::Result;
use crate::store::column;

/// What [`interaction`] reads.
macro_rules! columns {
    () => {
        "id, story_id, type, content, author_id, resolved, created_at, updated_at"
    };
}

fn interaction(row: &AnyRow) -> Result<Interaction> {
    Ok(Interaction {
        id: InteractionId(row.try_get("id")?),
        story_id: StoryId(row.try_get("story_id")?),
        kind: match row.try_get::<String, _>("type")?.as_str() {
            "question" => InteractionType::Question,
            "answer" => InteractionType::Answer,
            _ => InteractionType::Comment,
        },
        content: row.try_get("content")?,
        author_id: UserId(row.try_get("author_id")?),
        resolved: row.try_get::<i64, _>("resolved")? != 0,
        created_at: column::to_timestamp(row.try_get("created_at")?),
        updated_at: column::to_timestamp(row.try_get("updated_at")?),
    })
}

pub(in super::super) async fn insert(pool: &AnyPool, new: &Interaction) -> Result<()> {
    sqlx::query(
        "INSERT INTO story_interactions
         (id, story_id, type, content, author_id, resolved, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(new.id.as_str())
    .bind(new.story_id.as_str())
    .bind(match new.kind {
        InteractionType::Comment => "comment",
        InteractionType::Question => "question",
        InteractionType::Answer => "answer",
    })
    .bind(new.content.as_str())
    .bind(new.author_id.as_str())
    .bind(i64::from(new.resolved))
    .bind(column::from_timestamp(new.created_at))
    .bind(column::from_timestamp(new.updated_at))
    .execute(pool)
    .await
    .map(drop)
}

pub(in super::super) async fn get(
    pool: &AnyPool,
    id: &InteractionId,
) -> Result<Option<Interaction>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM story_interactions WHERE id = $1"))
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(interaction).transpose()
}

pub(in super::super) async fn count(pool: &AnyPool, story: &StoryId) -> Result<u64> {
    let row = sqlx::query("SELECT COUNT(*) AS count FROM story_interactions WHERE story_id = $1")
        .bind(story.as_str())
        .fetch_one(pool)
        .await?;
    Ok(column::to_count(row.try_get("count")?).get())
}

/// A page of what is said about a story, in the order it was said.
pub(in super::super) async fn page(
    pool: &AnyPool,
    story: &StoryId,
    after: Option<&InteractionId>,
    limit: i64,
) -> Result<Vec<Interaction>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM story_interactions WHERE story_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    ))
    .bind(story.as_str())
    .bind(after.map_or("", InteractionId::as_str))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(interaction).collect()
}

pub(in super::super) async fn update(pool: &AnyPool, changed: &Interaction) -> Result<()> {
    sqlx::query(
        "UPDATE story_interactions SET content = $2, resolved = $3, updated_at = $4 WHERE id = $1",
    )
    .bind(changed.id.as_str())
    .bind(changed.content.as_str())
    .bind(i64::from(changed.resolved))
    .bind(column::from_timestamp(changed.updated_at))
    .execute(pool)
    .await
    .map(drop)
}
