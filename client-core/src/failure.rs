//! Why something failed.

use samewire_protocol::ErrorCode;

use crate::{Payload, Text};

macro_rules! codes {
    ($($(#[doc = $docs:literal])+ $variant:ident = $name:literal;)+) => {
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
        }
    };
}

codes! {
    /// The client was closed.
    Closed = "CLOSED";
    /// The connection was lost, and the emit couldn't be sent again.
    ConnectionLost = "CONNECTION_LOST";
    /// The server couldn't be reached, or didn't speak as it should.
    ConnectFailed = "CONNECT_FAILED";
    /// The server ended the connection.
    Disconnected = "DISCONNECTED";
    /// No ping came in time.
    PingTimeout = "PING_TIMEOUT";
    /// The server is about to stop.
    ServerShutdown = "SERVER_SHUTDOWN";
    /// No acknowledgement, or no connection, came in time.
    Timeout = "TIMEOUT";
    /// More emits wait than may.
    QueueFull = "QUEUE_FULL";
    /// A volatile emit while there was no connection.
    NotConnected = "NOT_CONNECTED";
    /// Nobody could give a token.
    TokenUnavailable = "TOKEN_UNAVAILABLE";
    /// The room handle was left.
    Left = "LEFT";
    /// What the server answered doesn't fit its type.
    InvalidAnswer = "INVALID_ANSWER";
}

/// Why an emit, a join or a connection failed: `{ code, message, retryAfterMs? }`, in the server's own value
/// where it is the server's refusal, which may hold more.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure<P>(P);

impl<P: Payload> Failure<P> {
    /// A failure that the client itself found.
    pub(crate) fn new(code: ClientErrorCode, message: &'static str) -> Self {
        Self::told(code, &P::Text::known(message))
    }

    /// The same, in the words of somebody else.
    pub(crate) fn told(code: ClientErrorCode, message: &P::Text) -> Self {
        Self(P::error(&P::Text::known(code.as_str()), message))
    }

    /// A refusal by the server. None where it names no code.
    pub(crate) fn refused(error: P) -> Option<Self> {
        error.text_of("code").map(|_| Self(error))
    }

    /// Reads what a refused CONNECT says: `CODE: message`, or any other text of another server.
    pub(crate) fn of_connect(message: &P::Text) -> Self {
        Self(match message.split_once(": ") {
            Some((code, rest)) if code.is_code() => P::error(&code, &rest),
            _ => P::error(&P::Text::known(const { ErrorCode::AccessDenied.as_str() }), message),
        })
    }

    /// The whole.
    pub fn body(&self) -> &P {
        &self.0
    }

    /// For programs: an [`ErrorCode`], a [`ClientErrorCode`], or one of a custom event.
    pub fn code(&self) -> P::Text {
        self.0.text_of("code").unwrap_or_else(|| P::Text::known(""))
    }

    /// Milliseconds after which another try may succeed.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.0.field("retryAfterMs")?.count()
    }

    /// Whether the same may succeed another time.
    pub fn is_retryable(&self) -> bool {
        self.retry_after_ms().is_some() || self.is_one_of(&RETRYABLE)
    }

    /// Whether this is a refusal with that code.
    pub(crate) fn is(&self, code: &'static str) -> bool {
        self.code() == P::Text::known(code)
    }

    /// Whether a fresh token may cure it.
    pub(crate) fn asks_for_a_token(&self) -> bool {
        self.is_one_of(&ABOUT_TOKENS)
    }

    fn is_one_of(&self, codes: &[&'static str]) -> bool {
        codes.iter().any(|code| self.is(code))
    }
}

/// What time alone may cure.
const RETRYABLE: [&str; 13] = [
    ClientErrorCode::ConnectionLost.as_str(),
    ClientErrorCode::ConnectFailed.as_str(),
    ClientErrorCode::PingTimeout.as_str(),
    ClientErrorCode::ServerShutdown.as_str(),
    ClientErrorCode::Timeout.as_str(),
    ClientErrorCode::QueueFull.as_str(),
    ClientErrorCode::NotConnected.as_str(),
    ClientErrorCode::TokenUnavailable.as_str(),
    ErrorCode::RateLimitExceeded.as_str(),
    ErrorCode::ConnectionThrottled.as_str(),
    ErrorCode::AiUnavailable.as_str(),
    ErrorCode::Unavailable.as_str(),
    ErrorCode::Internal.as_str(),
];

/// Those that a fresh token may cure.
const ABOUT_TOKENS: [&str; 4] = [
    ErrorCode::TokenExpired.as_str(),
    ErrorCode::TokenInvalid.as_str(),
    ErrorCode::Unauthenticated.as_str(),
    ErrorCode::AuthTimeout.as_str(),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn of_connect(message: &str) -> Failure<Value> {
        Failure::of_connect(&message.into())
    }

    #[test]
    fn a_refused_connect_names_its_code() {
        let failure = of_connect("TOKEN_EXPIRED: the token expired at noon");
        assert!(failure.is("TOKEN_EXPIRED") && failure.asks_for_a_token());
        assert_eq!(failure.body()["message"], "the token expired at noon");
        assert!(of_connect("UNAVAILABLE: no database").is_retryable());
    }

    #[test]
    fn another_servers_refusal_is_a_refusal() {
        let failure = of_connect("not authorized: who are you?");
        assert!(failure.is("ACCESS_DENIED") && !failure.is_retryable());
        assert_eq!(failure.body()["message"], "not authorized: who are you?");
    }
}
