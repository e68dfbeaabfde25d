//! Items: changed one after the other, each change stored, then told.

use samewire_protocol::{
    ErrorCode, RoomAddress,
    id::{ItemId, UserId},
    limits::{MAX_ENTITY_NAME_BYTES, MAX_ITEM_BYTES, MAX_ITEM_ID_BYTES, MAX_ITEMS_BYTES},
    workspace::{Action, DataUpdated, Item, Snapshot, UpdateData},
};
use serde_json::Value;

use super::{Workspace, queries};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// What an item costs besides its data and its id, in bytes: what a snapshot writes around them.
const ITEM_OVERHEAD_BYTES: usize = 64;

/// What stands under an id. A deleted item has no data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) version: u32,
    pub(super) data: Option<Value>,
}

/// What is to stand under an id from now on.
#[derive(Debug)]
pub(super) struct Next<'a> {
    pub(super) version: u32,
    /// JSON; nothing where the item is deleted.
    pub(super) data: Option<&'a str>,
    /// Bytes that this adds to what the items of its kind cost together.
    pub(super) growth: i64,
}

impl Workspace {
    /// Creates, changes or deletes an item in a room, as a user, and tells everybody in it. The
    /// change's own room is not looked at.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] with the current item where another version than `base_version`
    /// stands there, or the item to be created does; [`ErrorCode::NotFound`] where there is none to
    /// change or delete; [`ErrorCode::PayloadTooLarge`] where the items of this kind would have more
    /// than [`MAX_ITEMS_BYTES`] together; [`ErrorCode::InvalidPayload`] for what can't be taken; or
    /// when the database fails.
    pub async fn change(
        &self,
        engine: &Engine,
        room: &RoomAddress,
        user: &UserId,
        change: UpdateData,
    ) -> Result<Item> {
        let UpdateData { entity, action, id, data, base_version, .. } = change;
        named("entity", &entity, MAX_ENTITY_NAME_BYTES)?;
        let id = match (id, action) {
            (Some(id), _) => {
                named("id", id.as_str(), MAX_ITEM_ID_BYTES)?;
                id
            }
            (None, Action::Create) => ItemId(uuid::Uuid::now_v7().to_string()),
            (None, _) => return Err(Error::field("id", "is missing")),
        };
        let data = match (data, action) {
            (_, Action::Delete) => None,
            (Some(data), _) => Some(data),
            (None, _) => return Err(Error::field("data", "is missing")),
        };
        let json = data.as_ref().map(serde_json::to_string).transpose()?;
        if json.as_ref().is_some_and(|json| json.len() > MAX_ITEM_BYTES) {
            let problem = format!("expected at most {MAX_ITEM_BYTES} bytes of JSON");
            return Err(Error::field("data", problem));
        }

        let _lock = engine.lock(room).await?;
        let now = clock::timestamp();
        let place = queries::Place { room, entity: &entity, id: &id };
        let version = queries::change(self.store.pool(), &place, now, |bytes, stored| {
            let version = next_version(&id, stored.as_ref(), action, base_version)?;
            let before = stored.and_then(|stored| stored.data).map(|data| data.to_string());
            let growth = cost(&id, json.as_deref()) - cost(&id, before.as_deref());
            if growth > 0 && bytes + growth > i64::try_from(MAX_ITEMS_BYTES).unwrap_or(i64::MAX) {
                let message =
                    format!("the items of a kind may have {MAX_ITEMS_BYTES} bytes together");
                return Err(Error::refused(ErrorCode::PayloadTooLarge, message));
            }
            Ok(Next { version, data: json.as_deref(), growth })
        })
        .await?;
        let data = data.unwrap_or_default();
        let told = DataUpdated {
            room: room.to_string(),
            entity,
            action,
            id: id.clone(),
            data: data.clone(),
            version,
            user_id: user.clone(),
            timestamp: now,
        };
        engine.publish(room, &told).await?;
        Ok(Item { id, version, data })
    }

    /// All items of a kind in a room, in the order of their ids, and where the room's log stood: who
    /// goes on from there misses no change and sees none twice.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where nobody is in the room; [`ErrorCode::InvalidPayload`] for what can
    /// be no kind; or when the database fails.
    pub async fn snapshot(
        &self,
        engine: &Engine,
        room: &RoomAddress,
        entity: &str,
    ) -> Result<Snapshot> {
        named("entity", entity, MAX_ENTITY_NAME_BYTES)?;
        // No change is between being stored and being told.
        let _lock = engine.lock(room).await?;
        let position = engine.room(room).await?.map(|room| room.position).ok_or_else(|| {
            Error::refused(ErrorCode::NotFound, format!("nobody is in the room {room}"))
        })?;
        Ok(Snapshot { items: self.items(room, entity).await?, position })
    }

    /// All items of a kind in a room, in the order of their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn items(&self, room: &RoomAddress, entity: &str) -> Result<Vec<Item>> {
        queries::all(self.store.pool(), room, entity).await
    }
}

/// The version that a change makes of what stands under an id.
fn next_version(
    id: &ItemId,
    stored: Option<&Stored>,
    action: Action,
    base_version: Option<u32>,
) -> Result<u32> {
    let version = stored.map_or(0, |stored| stored.version);
    match (action, stored.and_then(|stored| stored.data.clone())) {
        (Action::Create, None) => {}
        (Action::Create, Some(data)) => {
            let current = Item { id: id.clone(), version, data };
            return Err(Error::conflict("there is such an item already", &current));
        }
        (_, None) => {
            let was = if stored.is_some() { "the item was deleted" } else { "no such item" };
            return Err(Error::refused(ErrorCode::NotFound, was));
        }
        (_, Some(data)) if base_version.is_some_and(|base| base != version) => {
            let current = Item { id: id.clone(), version, data };
            return Err(Error::conflict("the item has been changed since", &current));
        }
        (_, Some(_)) => {}
    }
    Ok(version.saturating_add(1))
}

/// What an item of this JSON costs, in bytes; one that is deleted costs nothing.
fn cost(id: &ItemId, json: Option<&str>) -> i64 {
    let bytes = json.map_or(0, |json| json.len() + id.as_str().len() + ITEM_OVERHEAD_BYTES);
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Checks a name that a client has chosen.
pub(super) fn named(field: &str, name: &str, max_bytes: usize) -> Result<()> {
    if name.is_empty() || name.len() > max_bytes {
        Err(Error::field(field, format!("expected 1 to {max_bytes} bytes")))
    } else if name.chars().any(char::is_control) {
        Err(Error::field(field, "expected no control characters"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(
        stored: Option<Stored>,
        action: Action,
        base: Option<u32>,
    ) -> Result<u32, ErrorCode> {
        next_version(&"a".into(), stored.as_ref(), action, base).map_err(|error| error.code())
    }

    #[test]
    fn versions_count_on_and_refusals_say_why() {
        use Action::{Create, Delete, Update};
        use ErrorCode::{Conflict, NotFound};
        let live = || Some(Stored { version: 3, data: Some(json!(1)) });
        let deleted = || Some(Stored { version: 4, data: None });
        for (stored, action, base, expected) in [
            (None, Create, None, Ok(1)),
            (deleted(), Create, None, Ok(5)),
            (live(), Create, None, Err(Conflict)),
            (None, Update, None, Err(NotFound)),
            (None, Delete, Some(1), Err(NotFound)),
            (deleted(), Update, Some(4), Err(NotFound)),
            (deleted(), Delete, None, Err(NotFound)),
            (live(), Update, None, Ok(4)),
            (live(), Update, Some(3), Ok(4)),
            (live(), Update, Some(2), Err(Conflict)),
            (live(), Delete, Some(3), Ok(4)),
            (live(), Delete, Some(4), Err(Conflict)),
        ] {
            assert_eq!(outcome(stored.clone(), action, base), expected, "{stored:?} {action:?}");
        }
    }

    #[test]
    fn a_conflict_holds_the_item_as_it_is() {
        let stored = Stored { version: 3, data: Some(json!({ "title": "now" })) };
        let error = next_version(&"a".into(), Some(&stored), Action::Update, Some(1)).unwrap_err();
        let current = json!({ "id": "a", "version": 3, "data": { "title": "now" } });
        assert_eq!(error.body().current, Some(current));
    }
}
