//! Why something failed.

use std::borrow::Cow;

use samewire_protocol::ErrorCode;

use crate::Payload;

macro_rules! codes {
    ($($(#[doc = $docs:literal])+ $variant:ident = $name:literal, $retryable:literal;)+) => {
        /// The failures that the client itself finds. Those of the server are
        /// [`ErrorCode`]s.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ClientErrorCode {
            $($(#[doc = $docs])+ $variant,)+
        }

        impl ClientErrorCode {
            /// The code as applications see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            const fn is_retryable(self) -> bool {
                match self {
                    $(Self::$variant => $retryable,)+
                }
            }
        }
    };
}

codes! {
    /// The client was closed.
    Closed = "CLOSED", false;
    /// The connection was lost, and the emit couldn't be sent again.
    ConnectionLost = "CONNECTION_LOST", true;
    /// The server couldn't be reached, or didn't speak as it should.
    ConnectFailed = "CONNECT_FAILED", true;
    /// The server ended the connection.
    Disconnected = "DISCONNECTED", false;
    /// No ping came in time.
    PingTimeout = "PING_TIMEOUT", true;
    /// The server is about to stop.
    ServerShutdown = "SERVER_SHUTDOWN", true;
    /// No acknowledgement, or no connection, came in time.
    Timeout = "TIMEOUT", true;
    /// More emits wait than may.
    QueueFull = "QUEUE_FULL", true;
    /// A volatile emit while there was no connection.
    NotConnected = "NOT_CONNECTED", true;
    /// Nobody could give a token.
    TokenUnavailable = "TOKEN_UNAVAILABLE", true;
    /// The room handle was left.
    Left = "LEFT", false;
    /// What the server answered doesn't fit its type.
    InvalidAnswer = "INVALID_ANSWER", false;
}

/// Why an emit, a join or a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// For programs: an [`ErrorCode`], a [`ClientErrorCode`], or one of a custom event.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
    /// Whether the same may succeed another time.
    pub retryable: bool,
    /// Milliseconds after which another try may succeed.
    pub retry_after_ms: Option<u32>,
}

impl Failure {
    /// A failure that the client itself found.
    pub fn new(code: ClientErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.as_str().into(),
            message: message.into(),
            retryable: code.is_retryable(),
            retry_after_ms: None,
        }
    }

    /// A refusal by the server.
    pub(crate) fn refused(code: String, message: String, retry_after_ms: Option<u32>) -> Self {
        let retryable =
            retry_after_ms.is_some() || RETRYABLE.iter().any(|known| known.as_str() == code);
        Self { code: code.into(), message, retryable, retry_after_ms }
    }

    /// Reads `{ code, message, retryAfterMs? }`.
    pub(crate) fn read<P: Payload>(error: &P) -> Option<Self> {
        let text = |name| error.field(name)?.text();
        let retry_after = error.field("retryAfterMs").and_then(|value| value.number());
        Some(Self::refused(
            text("code")?,
            text("message").unwrap_or_default(),
            retry_after.map(|millis| millis as u32),
        ))
    }

    /// Reads what a refused CONNECT says: `CODE: message`, or any other text of another server.
    pub(crate) fn of_connect(message: &str) -> Self {
        match message.split_once(':') {
            Some((code, rest)) if is_code(code) => {
                Self::refused(code.to_owned(), rest.trim_start().to_owned(), None)
            }
            _ => {
                Self::refused(ErrorCode::AccessDenied.as_str().to_owned(), message.to_owned(), None)
            }
        }
    }

    /// Whether this is a refusal with that code.
    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.code == code.as_str()
    }

    /// Whether a fresh token may cure it.
    pub(crate) fn asks_for_a_token(&self) -> bool {
        [
            ErrorCode::TokenExpired,
            ErrorCode::TokenInvalid,
            ErrorCode::Unauthenticated,
            ErrorCode::AuthTimeout,
        ]
        .into_iter()
        .any(|code| self.is(code))
    }
}

/// The server's refusals that time alone may cure.
const RETRYABLE: [ErrorCode; 5] = [
    ErrorCode::RateLimitExceeded,
    ErrorCode::ConnectionThrottled,
    ErrorCode::AiUnavailable,
    ErrorCode::Unavailable,
    ErrorCode::Internal,
];

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connect_names_its_code() {
        let failure = Failure::of_connect("TOKEN_EXPIRED: the token expired at noon");
        assert!(failure.is(ErrorCode::TokenExpired) && failure.asks_for_a_token());
        assert_eq!(failure.message, "the token expired at noon");
        assert!(Failure::of_connect("UNAVAILABLE: no database").retryable);
    }

    #[test]
    fn another_servers_refusal_is_a_refusal() {
        let failure = Failure::of_connect("not authorized: who are you?");
        assert!(failure.is(ErrorCode::AccessDenied) && !failure.retryable);
        assert_eq!(failure.message, "not authorized: who are you?");
    }
}
