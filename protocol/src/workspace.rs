//! Items that several people change together (wire.md, section 12).

use serde_json::Value;

use crate::{
    Position, Timestamp, events,
    id::{ItemId, UserId},
    room::ROOM,
};

events! {
    /// Items that several people change together (wire.md, section 12).
    domain WORKSPACE = "workspace";

    /// Creates, changes or deletes an item. A conflict's `current` is the item as it is.
    client "data:update" -> Item, refuses [Conflict, NotFound, AccessDenied, PayloadTooLarge];
    pub struct UpdateData {
        /// The address of a room that the connection is in.
        pub room: String,
        /// What kind of item, in the application's words: 1 to 128 bytes.
        pub entity: String,
        /// What to do.
        pub action: Action,
        /// The item; without one, creating makes one up. At most 128 bytes.
        pub id: Option<ItemId>,
        /// What it holds from now on, the whole of it: any JSON but `null`, at most 64 KiB of it.
        /// Not read where it is deleted.
        pub data: Option<Value>,
        /// The version that was changed; refused where it isn't the current one. Without it the
        /// last who writes wins. Not read where the item is created.
        pub base_version: Option<u32>,
    }

    /// An item was created, changed or deleted.
    server "data:update" in [ROOM];
    pub struct DataUpdated {
        /// The room's address.
        pub room: String,
        /// What kind of item.
        pub entity: String,
        /// What was done.
        pub action: Action,
        /// The item.
        pub id: ItemId,
        /// What it holds now; `null` where it was deleted.
        pub data: Value,
        /// Its version, counted from 1, on over deletion.
        pub version: u32,
        /// Who did it.
        pub user_id: UserId,
        /// When.
        pub timestamp: Timestamp,
    }

    /// Reads all items of a kind, which may have 1 MB together. With the room's log from `position` it
    /// is the whole truth.
    client "data:snapshot" -> Snapshot, refuses [NotFound, AccessDenied];
    pub struct ReadSnapshot {
        /// The address of a room that the connection is in.
        pub room: String,
        /// What kind of items.
        pub entity: String,
    }

    /// All items of a kind.
    pub struct Snapshot {
        /// The items, in the order of their ids.
        pub items: Vec<Item>,
        /// Where the room's log stood.
        pub position: Position,
    }

    /// Sends an event of the application's own to everybody in a room.
    client "broadcast" -> BroadcastSent, refuses [NotFound, AccessDenied];
    pub struct SendBroadcast {
        /// The address of a room that the connection is in.
        pub room: String,
        /// What the application calls it: 1 to 128 bytes.
        pub event: String,
        /// What goes along.
        #[serde(default)]
        pub data: Value,
    }

    /// What a broadcast is answered with.
    pub struct BroadcastSent {
        /// Where the room's log stands with it.
        pub position: Position,
    }

    /// An event of the application's own.
    server "broadcast" in [ROOM];
    pub struct Broadcast {
        /// The room's address.
        pub room: String,
        /// What the application calls it.
        pub event: String,
        /// What goes along.
        #[serde(default)]
        pub data: Value,
        /// Who sent it.
        pub user_id: UserId,
        /// When.
        pub timestamp: Timestamp,
    }

    /// An item of a workspace.
    pub struct Item {
        /// Names it.
        pub id: ItemId,
        /// Its version, counted from 1.
        pub version: u32,
        /// What it holds.
        pub data: Value,
    }

    /// What is done to an item.
    #[derive(Copy, Eq)]
    pub enum Action {
        /// It is made.
        Create,
        /// It is changed.
        Update,
        /// It is deleted.
        Delete,
    }
}
