//! Bounds that belong to the protocol: both ends know them. A server's settings stand elsewhere.

/// Largest message, in bytes (wire.md, section 7).
pub const MAX_MESSAGE_BYTES: usize = 1_000_000;

/// Rooms that one connection may be in, besides its user's own.
pub const MAX_ROOMS: usize = 256;

/// Binary values that one event may bring.
pub const MAX_ATTACHMENTS: usize = 64;

/// Binary values of one event that is sent to clients: the official one takes no more.
pub const MAX_SENT_ATTACHMENTS: usize = 10;

/// Longest room address, in bytes.
pub const MAX_ROOM_BYTES: usize = 256;

/// Events that a join may ask for by name; without names it is sent all.
pub const MAX_FILTER_EVENTS: usize = 100;

/// Longest name of an event, in bytes.
pub const MAX_EVENT_NAME_BYTES: usize = 128;

/// Largest presence `state`, in bytes of JSON (wire.md, section 6).
pub const MAX_PRESENCE_STATE_BYTES: usize = 4096;

/// Tracked events that one call may bring.
pub const MAX_TRACKED_EVENTS: usize = 1000;

/// Longest name of a kind of items in a workspace, in bytes.
pub const MAX_ENTITY_NAME_BYTES: usize = 128;

/// Longest id of an item in a workspace, in bytes.
pub const MAX_ITEM_ID_BYTES: usize = 128;

/// Largest item of a workspace, in bytes of JSON.
pub const MAX_ITEM_BYTES: usize = 64 * 1024;

/// What all items of a kind may have together in a room, in bytes: a snapshot is one message.
pub const MAX_ITEMS_BYTES: usize = MAX_MESSAGE_BYTES;
