//! The queries on items.

use samewire_protocol::{RoomAddress, Timestamp, id::ItemId, workspace::Item};
use serde_json::Value;
use sqlx::{AnyPool, Row, any::AnyRow};

use super::items::{Next, Stored};
use crate::{error::Result, store::column};

/// Where an item is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) room: &'a RoomAddress,
    pub(super) entity: &'a str,
    pub(super) id: &'a ItemId,
}

/// Changes an item as `decide` says, which is told what all items of its kind cost, in bytes, and
/// what stands there. Nothing is changed where it refuses. Gives the new version.
pub(super) async fn change<'a>(
    pool: &AnyPool,
    place: &Place<'_>,
    now: Timestamp,
    decide: impl FnOnce(i64, Option<Stored>) -> Result<Next<'a>>,
) -> Result<u32> {
    let mut transaction = pool.begin().await?;
    // The first statement writes, so that nobody else decides about the same.
    let bytes: i64 = sqlx::query(
        "INSERT INTO workspace_entities (room, entity, bytes) VALUES ($1, $2, 0)
         ON CONFLICT (room, entity) DO UPDATE SET bytes = workspace_entities.bytes
         RETURNING bytes",
    )
    .bind(place.room.as_str())
    .bind(place.entity)
    .fetch_one(&mut *transaction)
    .await?
    .try_get("bytes")?;
    let row = sqlx::query(
        "SELECT version, data FROM workspace_items WHERE room = $1 AND entity = $2 AND id = $3",
    )
    .bind(place.room.as_str())
    .bind(place.entity)
    .bind(place.id.as_str())
    .fetch_optional(&mut *transaction)
    .await?;
    let next = decide(bytes, row.as_ref().map(stored).transpose()?)?;
    sqlx::query(
        "INSERT INTO workspace_items (room, entity, id, version, data, deleted_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (room, entity, id) DO UPDATE
         SET version = excluded.version, data = excluded.data, deleted_at = excluded.deleted_at",
    )
    .bind(place.room.as_str())
    .bind(place.entity)
    .bind(place.id.as_str())
    .bind(i64::from(next.version))
    .bind(next.data)
    .bind(next.data.is_none().then(|| column::from_timestamp(now)))
    .execute(&mut *transaction)
    .await?;
    sqlx::query("UPDATE workspace_entities SET bytes = $3 WHERE room = $1 AND entity = $2")
        .bind(place.room.as_str())
        .bind(place.entity)
        .bind(bytes + next.growth)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(next.version)
}

/// All items of a kind in a room, in the order of their ids.
pub(super) async fn all(pool: &AnyPool, room: &RoomAddress, entity: &str) -> Result<Vec<Item>> {
    let rows = sqlx::query(
        "SELECT id, version, data FROM workspace_items
         WHERE room = $1 AND entity = $2 AND data IS NOT NULL",
    )
    .bind(room.as_str())
    .bind(entity)
    .fetch_all(pool)
    .await?;
    let items = rows.iter().map(|row| {
        let Stored { version, data } = stored(row)?;
        Ok(Item { id: ItemId(row.try_get("id")?), version, data: data.unwrap_or_default() })
    });
    let mut items = items.collect::<Result<Vec<_>>>()?;
    items.sort_unstable_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    Ok(items)
}

/// Forgets the items that were deleted before a time.
pub(super) async fn forget_deleted(pool: &AnyPool, before: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM workspace_items WHERE deleted_at < $1")
        .bind(column::from_timestamp(before))
        .execute(pool)
        .await?;
    Ok(())
}

fn stored(row: &AnyRow) -> Result<Stored> {
    let version = u32::try_from(row.try_get::<i64, _>("version")?).unwrap_or(u32::MAX);
    let data: Option<String> = row.try_get("data")?;
    let data = data.map(|json| serde_json::from_str::<Value>(&json)).transpose()?;
    Ok(Stored { version, data })
}
