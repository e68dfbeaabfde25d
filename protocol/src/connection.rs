//! Connecting, signing in, and what a connection is told (wire.md, sections 1 and 2).

use crate::{
    ErrorCode, Position, RoomAddress, SafeInteger, Timestamp, events,
    id::{ConnectionId, UserId},
};

events! {
    /// Connecting, signing in, and what a connection is told (wire.md, sections 1 and 2).
    domain CONNECTION = "connection";

    /// Signs in, or brings a fresh token of the same user.
    client "authenticate" -> Authenticated, refuses [TokenExpired, TokenInvalid];
    pub struct Authenticate {
        /// A JWT.
        pub token: String,
    }

    /// Signed in.
    server "authenticated";
    pub struct Authenticated {
        /// The token's `sub`.
        pub user_id: UserId,
        /// The token's `email`.
        pub email: Option<String>,
        /// Names this connection publicly.
        pub connection_id: ConnectionId,
        /// The protocol that the server speaks, `major.minor`.
        pub protocol: String,
        /// When the token expires.
        pub expires_at: Timestamp,
    }

    /// Signing in failed, or the token expired; the connection ends.
    server "auth_error";
    pub struct AuthError {
        /// Why, for a person.
        pub message: String,
        /// Why.
        pub code: ErrorCode,
    }

    /// Signs in; answered by `auth:success` or `auth:error`.
    client "auth:request" -> Authenticated, refuses [TokenExpired, TokenInvalid];
    pub struct AuthRequest {
        /// A JWT.
        pub token: String,
    }

    /// Signed in by `auth:request`.
    server "auth:success";
    pub struct AuthSuccess {
        /// The token's `sub`.
        pub user_id: UserId,
        /// The token's `email`.
        pub email: Option<String>,
    }

    /// Signing in by `auth:request` failed; the connection ends.
    server "auth:error";
    pub struct AuthRequestError {
        /// Why, for a person.
        pub message: String,
        /// Why.
        pub code: ErrorCode,
    }

    /// The token expires soon: time to bring a fresh one by `authenticate`.
    server "token_expiring";
    pub struct TokenExpiring {
        /// When it expires.
        pub expires_at: Timestamp,
    }

    /// Asks whether the server is there.
    client "ping" -> Pong;
    pub struct Ping {}

    /// The server is there.
    server "pong";
    pub struct Pong {
        /// The server's time.
        pub timestamp: Timestamp,
    }

    /// What was missed of the rooms that the handshake asked to resume has been sent.
    server "resumed";
    pub struct Resumed {
        /// One for each room that was asked for.
        pub rooms: Vec<ResumedRoom>,
    }

    /// What became of one resumed room.
    pub struct ResumedRoom {
        /// The room's address.
        pub room: String,
        /// Where the room's log stands now.
        pub position: Option<Position>,
        /// Whether everything since the client's position was sent. If not, read the state anew.
        pub recovered: bool,
        /// How many events were sent again.
        pub missed: u32,
        /// Why the room was not joined.
        pub error: Option<crate::ErrorBody>,
    }

    /// An event without an acknowledgement was refused, or the server took something back.
    server "error";
    pub struct ErrorEvent {
        /// Why.
        pub code: ErrorCode,
        /// Why, for a person.
        pub message: String,
        /// The same as `message`.
        pub error: String,
        /// When.
        pub timestamp: Timestamp,
        /// The event that was refused.
        pub event: Option<String>,
        /// The room it was about.
        pub room: Option<String>,
        /// Milliseconds after which another try may succeed.
        pub retry_after_ms: Option<u32>,
        /// With `CONFLICT`: what there is now. Of the type of the answer that was refused.
        pub current: Option<serde_json::Value>,
    }

    /// The server is about to stop; connections end within seconds.
    server "server_shutdown";
    pub struct ServerShutdown {
        /// Why, for a person.
        pub reason: String,
        /// Milliseconds to wait before reconnecting: another number for each connection.
        pub reconnect_after_ms: u32,
    }

    /// What a client says in the Socket.IO handshake's `auth`. Every field may be missing.
    pub struct Handshake {
        /// A JWT.
        pub token: Option<String>,
        /// The protocol that the client was built with, `major.minor`.
        pub protocol: Option<String>,
        /// Rooms to be in again.
        pub resume: Option<Vec<Resume>>,
    }

    /// One room to be in again, and what was seen of it.
    pub struct Resume {
        /// The room's address.
        pub room: String,
        /// The log's life that was seen.
        pub epoch: crate::Epoch,
        /// The last event seen.
        pub offset: SafeInteger,
        /// Only these events, where the join was filtered.
        pub events: Option<Vec<String>>,
    }

    /// The third argument of a client's event: names this emit, so that a repeat is no second one.
    pub struct EmitMeta {
        /// A UUID.
        pub id: String,
    }
}

impl ErrorEvent {
    /// The refusal of an event.
    pub fn new(
        refusal: crate::ErrorBody,
        event: Option<String>,
        room: Option<&RoomAddress>,
        timestamp: Timestamp,
    ) -> Self {
        Self {
            code: refusal.code,
            error: refusal.message.clone(),
            message: refusal.message,
            timestamp,
            event,
            room: room.map(RoomAddress::to_string),
            retry_after_ms: refusal.retry_after_ms,
            current: refusal.current,
        }
    }
}

/// Whether a client of this version can talk to us: the same major version.
pub fn speaks(version: &str) -> bool {
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    major(version) == major(crate::VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_major_version_is_another_language() {
        assert!(speaks(crate::VERSION));
        assert!(speaks("1.99"));
        assert!(!speaks("2.0"));
        assert!(!speaks(""));
    }
}
