//! Who is in a room (wire.md, section 6).

use serde_json::Value;

use crate::{Timestamp, events, id::UserId};

events! {
    /// Who is in a room (wire.md, section 6).
    domain PRESENCE = "presence";

    /// Everybody who is in a room, sent on joining it.
    server "presence:state";
    pub struct PresenceState {
        /// The room's address.
        pub room: String,
        /// Who is in it.
        pub users: Vec<User>,
    }

    /// Says how the caller is.
    client "presence:update" -> User, refuses [NotFound];
    pub struct PresenceUpdate {
        /// The address of a room that the connection is in.
        pub room: String,
        /// The new status.
        pub status: Option<Status>,
        /// Any JSON up to 4 KiB, such as a cursor.
        pub state: Option<Value>,
    }

    /// Who came, changed or left, gathered over up to 50 ms. Not kept in the room's log: whoever
    /// comes back, or was cut off, is sent `presence:state` anew.
    server "presence:update";
    pub struct PresenceChanged {
        /// The room's address.
        pub room: String,
        /// Who came.
        pub joined: Vec<User>,
        /// Who changed.
        pub updated: Vec<User>,
        /// Who left.
        pub left: Vec<UserId>,
    }

    /// A user in a room, over all of their connections.
    pub struct User {
        /// Who.
        pub user_id: UserId,
        /// The token's `name`.
        pub name: Option<String>,
        /// The most present of the statuses of the user's connections.
        pub status: Status,
        /// What the user said last.
        pub state: Option<Value>,
        /// Connections in this room.
        pub connections: u32,
        /// When the first of them joined.
        pub joined_at: Timestamp,
        /// When the user last did something.
        pub last_active_at: Timestamp,
    }

    /// How present somebody is, the most present first.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum Status {
        /// Here.
        Online,
        /// Here, not to be disturbed.
        Busy,
        /// Elsewhere.
        Away,
    }
}
