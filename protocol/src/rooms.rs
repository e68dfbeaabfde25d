//! Joining and leaving rooms, and catching up (wire.md, sections 3 and 4).

use serde_json::Value;

use crate::{Epoch, Position, SafeInteger, events, presence::User};

events! {
    /// Joining and leaving rooms, and catching up (wire.md, sections 3 and 4).
    domain ROOMS = "rooms";

    /// Joins a room of any kind.
    client "room:join" -> Joined, bare "room",
        refuses [AccessDenied, NotFound, TooManyRooms, ProjectInactive, ProjectAccessDenied];
    pub struct RoomJoin {
        /// The room's address, or a bare name for `room:{name}`.
        #[serde(alias = "roomId")]
        pub room: String,
        /// What was seen of it before.
        pub since: Option<Position>,
        /// Only these of the room's events.
        pub events: Option<Vec<String>>,
    }

    /// In the room.
    pub struct Joined {
        /// The room's address.
        pub room: String,
        /// Where the room's log stands.
        pub position: Position,
        /// Whether everything since `since` was sent. `true` where there was no `since`.
        pub recovered: bool,
        /// How many events were sent again.
        pub missed: u32,
        /// Who is present.
        pub users: Vec<User>,
    }

    /// Leaves a room.
    client "room:leave" -> Left, bare "room", refuses [NotFound, AccessDenied];
    pub struct RoomLeave {
        /// The room's address, or a bare name.
        #[serde(alias = "roomId")]
        pub room: String,
    }

    /// No longer in the room.
    pub struct Left {
        /// The room's address.
        pub room: String,
    }

    /// Reads again what a room's log holds after an offset.
    client "room:history" -> History, refuses [NotFound];
    pub struct RoomHistory {
        /// The address of a room that the connection is in.
        pub room: String,
        /// The log's life.
        pub epoch: Epoch,
        /// The last event seen.
        pub after: SafeInteger,
    }

    /// What a room's log holds.
    pub struct History {
        /// The events in order.
        pub events: Vec<LoggedEvent>,
        /// Where the log stands.
        pub position: Position,
        /// Whether nothing is missing between `after` and the last of `events`.
        pub complete: bool,
    }

    /// One event of a room's log.
    pub struct LoggedEvent {
        /// The event's name.
        pub event: String,
        /// Its payload.
        pub payload: Value,
        /// Its number.
        pub offset: SafeInteger,
    }
}
