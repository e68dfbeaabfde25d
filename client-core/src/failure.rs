//! Why something failed.

use samewire_protocol::ErrorCode;

use crate::{Holdings, Payload, Text};

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
pub struct Failure<T> {
    /// For programs: an [`ErrorCode`], a [`ClientErrorCode`], or one of a custom event.
    pub code: T,
    /// For people.
    pub message: T,
    /// Whether the same may succeed another time.
    pub retryable: bool,
    /// Milliseconds after which another try may succeed.
    pub retry_after_ms: Option<u32>,
}

impl<T: Text> Failure<T> {
    /// A failure that the client itself found.
    pub(crate) fn new(code: ClientErrorCode, message: &'static str) -> Self {
        Self::told(code, T::known(message))
    }

    /// The same, in the words of somebody else.
    pub(crate) fn told(code: ClientErrorCode, message: T) -> Self {
        let (retryable, code) = (code.is_retryable(), T::known(code.as_str()));
        Self { code, message, retryable, retry_after_ms: None }
    }

    /// A refusal by the server.
    fn refused(code: T, message: T, retry_after_ms: Option<u32>) -> Self {
        let time_may_cure = |known: &&'static str| T::known(known) == code;
        let retryable = retry_after_ms.is_some() || RETRYABLE.iter().any(time_may_cure);
        Self { code, message, retryable, retry_after_ms }
    }

    /// Reads `{ code, message, retryAfterMs? }`.
    pub(crate) fn read<P: Payload<Text = T>>(error: &P) -> Option<Self> {
        let retry_after = error.field("retryAfterMs").and_then(|value| value.number());
        Some(Self::refused(
            error.text_of("code")?,
            error.text_of("message").unwrap_or_else(|| T::known("")),
            retry_after.map(|millis| millis as u32),
        ))
    }

    /// Reads what a refused CONNECT says: `CODE: message`, or any other text of another server.
    pub(crate) fn of_connect(message: T) -> Self {
        match message.split_once(": ") {
            Some((code, rest)) if code.is_code() => Self::refused(code, rest, None),
            _ => Self::refused(T::known(const { ErrorCode::AccessDenied.as_str() }), message, None),
        }
    }

    pub(crate) fn holds<P: Payload<Text = T>>(&self, holdings: &mut impl Holdings<P>) {
        holdings.text(&self.code);
        holdings.text(&self.message);
    }

    /// Whether this is a refusal with that code.
    pub(crate) fn is(&self, code: &'static str) -> bool {
        self.code == T::known(code)
    }

    /// Whether a fresh token may cure it.
    pub(crate) fn asks_for_a_token(&self) -> bool {
        ABOUT_TOKENS.iter().any(|code| self.is(code))
    }
}

/// The server's refusals that time alone may cure.
const RETRYABLE: [&str; 5] = [
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
    use std::sync::Arc;

    use super::*;

    fn of_connect(message: &str) -> Failure<Arc<str>> {
        Failure::of_connect(message.into())
    }

    #[test]
    fn a_refused_connect_names_its_code() {
        let failure = of_connect("TOKEN_EXPIRED: the token expired at noon");
        assert!(failure.is("TOKEN_EXPIRED") && failure.asks_for_a_token());
        assert_eq!(&*failure.message, "the token expired at noon");
        assert!(of_connect("UNAVAILABLE: no database").retryable);
    }

    #[test]
    fn another_servers_refusal_is_a_refusal() {
        let failure = of_connect("not authorized: who are you?");
        assert!(failure.is("ACCESS_DENIED") && !failure.retryable);
        assert_eq!(&*failure.message, "not authorized: who are you?");
    }
}
