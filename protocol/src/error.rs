//! The codes of every refusal, and the refusal itself (wire.md, sections 1 and 13).

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! codes {
    ($($(#[doc = $docs:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why something was refused: the same code in an acknowledgement, an `error` event, a
        /// refused handshake and an HTTP answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $docs])+ #[serde(rename = $name)] $variant,)+
            /// A code that a newer peer knows and this one doesn't.
            #[serde(other, rename = "UNKNOWN")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code with what it means.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, concat!($($docs),+)),)+];

            /// The code as it is written on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown => "UNKNOWN",
                }
            }
        }
    };
}

codes! {
    /// No token was given, and this needs one.
    Unauthenticated = "UNAUTHENTICATED",
    /// The token's `exp` has passed.
    TokenExpired = "TOKEN_EXPIRED",
    /// The token isn't one of ours, is spoilt, or is of another user.
    TokenInvalid = "TOKEN_INVALID",
    /// No sign-in came in time.
    AuthTimeout = "AUTH_TIMEOUT",
    /// The client was built for another major version of the protocol: reload.
    UpgradeRequired = "UPGRADE_REQUIRED",
    /// The payload doesn't fit its type; the message names the field.
    InvalidPayload = "INVALID_PAYLOAD",
    /// The server doesn't know this event.
    UnknownEvent = "UNKNOWN_EVENT",
    /// Not allowed.
    AccessDenied = "ACCESS_DENIED",
    /// There is no such thing, or it isn't the caller's to see.
    NotFound = "NOT_FOUND",
    /// Somebody else was faster: `current` says what there is now, where there is anything.
    Conflict = "CONFLICT",
    /// The user sent more events than the window allows.
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED",
    /// The address opened more connections than it may.
    ConnectionThrottled = "CONNECTION_THROTTLED",
    /// The connection is in as many rooms as it may be.
    TooManyRooms = "TOO_MANY_ROOMS",
    /// The message is larger than it may be.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE",
    /// Joining or leaving a project names no project.
    MissingProjectId = "MISSING_PROJECT_ID",
    /// The user doesn't own the project.
    Unauthorized = "UNAUTHORIZED",
    /// There is no such project.
    ProjectNotFound = "PROJECT_NOT_FOUND",
    /// The project isn't active.
    ProjectInactive = "PROJECT_INACTIVE",
    /// Joining failed on the server's side.
    JoinFailed = "JOIN_FAILED",
    /// Leaving failed: the connection isn't in that room, or the server failed.
    LeaveFailed = "LEAVE_FAILED",
    /// The user is no facilitator, storyteller or owner of the project.
    ProjectAccessDenied = "PROJECT_ACCESS_DENIED",
    /// The assistant's provider can't be reached or refused.
    AiUnavailable = "AI_UNAVAILABLE",
    /// The backplane, the database or the published signing keys can't be reached.
    Unavailable = "UNAVAILABLE",
    /// The server failed in a way that it should not.
    Internal = "INTERNAL",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The known codes, or another string: a code that a newer server adds is no fault in a payload.
impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known: Vec<_> = Self::ALL.iter().map(|(code, _)| code.as_str()).collect();
        json_schema!({
            "description": "Why something was refused.",
            "anyOf": [{ "type": "string", "enum": known }, { "type": "string" }],
        })
    }
}

/// A refusal as it travels.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{code}: {message}")]
pub struct ErrorBody {
    /// Why.
    pub code: ErrorCode,
    /// Why, for a person. Never a query, a path, a token or a stack.
    pub message: String,
    /// Milliseconds after which another try may succeed.
    pub retry_after_ms: Option<u32>,
    /// With [`ErrorCode::Conflict`]: what there is now. Of the type of the answer that was refused.
    pub current: Option<Value>,
}

impl ErrorBody {
    /// A refusal that no waiting cures.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None, current: None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn every_code_is_written_as_it_says() {
        for (code, _) in ErrorCode::ALL {
            assert_eq!(to_value(code).unwrap(), json!(code.as_str()));
            assert_eq!(from_value::<ErrorCode>(json!(code.as_str())).unwrap(), *code);
        }
    }

    #[test]
    fn a_code_of_a_newer_server_is_no_fault() {
        assert_eq!(from_value::<ErrorCode>(json!("MOON_ECLIPSED")).unwrap(), ErrorCode::Unknown);
    }
}
