//! Why something was refused, and the one conversion of it to what the wire says.

use std::{sync::Arc, time::Duration};

use samewire_protocol::{ErrorBody, ErrorCode, payload::PayloadError};
use serde::Serialize;
use serde_json::Value;

use crate::metrics;

/// Why the server didn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused for a reason that the asker is told.
    #[error("{code}: {message}")]
    Refused {
        /// The code.
        code: ErrorCode,
        /// The reason, for a person.
        message: String,
    },
    /// Somebody else was faster.
    #[error("{}: {message}", ErrorCode::Conflict)]
    Conflict {
        /// The reason, for a person.
        message: String,
        /// What there is now.
        current: Value,
    },
    /// Refused before, and now again, for the same reason.
    #[error(transparent)]
    Again(Arc<Error>),
    /// A failure of ours under the code that a domain gives it.
    #[error("{message}: {cause}")]
    Failed {
        /// The code.
        code: ErrorCode,
        /// What the asker is told.
        message: &'static str,
        /// What failed.
        cause: Box<Error>,
    },
    /// The payload doesn't fit its type.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The user sent too much.
    #[error("too many events")]
    RateLimited {
        /// When another one would be served.
        retry_after: Duration,
    },
    /// The address opened too many connections.
    #[error("too many connections")]
    Throttled {
        /// When another one would be served.
        retry_after: Duration,
    },
    /// The database failed or can't be reached.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// What servers share can't be reached.
    #[error("Redis is away")]
    BackplaneAway,
    /// What one server at a time does may be another's to do by now.
    #[error("another server may do it now")]
    LeaseLost,
    /// Redis refused what it was asked.
    #[error("Redis: {0}")]
    Backplane(#[from] redis::RedisError),
    /// A file can't be read or written.
    #[error("a file: {0}")]
    Io(#[from] std::io::Error),
    /// Something stored or about to be sent is no JSON that we can read or write.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

/// What PostgreSQL calls a character that it has no place for, which is U+0000 alone (SQLSTATE).
const NO_SUCH_CHARACTER: &str = "22021";

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|error| error.code()) {
            Some(code) if code == NO_SUCH_CHARACTER => {
                let message = "a text has the character U+0000, which can't be stored";
                Self::refused(ErrorCode::InvalidPayload, message)
            }
            _ => Self::Database(error),
        }
    }
}

impl Error {
    /// A refusal with its code and reason.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    /// Somebody else was faster, and what there is now: of the type that would have been answered.
    pub fn conflict(message: impl Into<String>, current: &impl Serialize) -> Self {
        match serde_json::to_value(current) {
            Ok(current) => Self::Conflict { message: message.into(), current },
            Err(error) => error.into(),
        }
    }

    /// A field that reads well but can't be taken: `{path}: {problem}`.
    pub fn field(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Payload(PayloadError { path: path.into(), problem: problem.into() })
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Conflict { .. } => ErrorCode::Conflict,
            Self::Again(error) => error.code(),
            Self::Failed { code, .. } => *code,
            Self::Payload(_) => ErrorCode::InvalidPayload,
            Self::RateLimited { .. } => ErrorCode::RateLimitExceeded,
            Self::Throttled { .. } => ErrorCode::ConnectionThrottled,
            Self::Database(_) | Self::BackplaneAway | Self::LeaseLost => ErrorCode::Unavailable,
            Self::Backplane(_) | Self::Io(_) | Self::Json(_) => ErrorCode::Internal,
        }
    }

    /// Gives a failure of ours the code that a domain has for it. A refusal stays what it is.
    #[must_use]
    pub fn failed_as(self, code: ErrorCode, message: &'static str) -> Self {
        if self.is_ours() { Self::Failed { code, message, cause: Box::new(self) } } else { self }
    }

    /// What the asker is told, which says nothing of failures of our own.
    pub fn body(&self) -> ErrorBody {
        let message = match self {
            Self::Again(error) => return error.body(),
            Self::Refused { message, .. } | Self::Conflict { message, .. } => message.clone(),
            Self::Failed { message, .. } => (*message).into(),
            Self::Payload(error) => error.to_string(),
            Self::RateLimited { .. } => "too many events; slow down".into(),
            Self::Throttled { .. } => {
                "too many connections from this address; wait a little".into()
            }
            Self::Database(_) => "the database can't be reached".into(),
            Self::BackplaneAway => "the backplane can't be reached".into(),
            Self::LeaseLost => self.to_string(),
            Self::Backplane(_) | Self::Io(_) | Self::Json(_) => "the server failed".into(),
        };
        let retry_after_ms = match self {
            Self::RateLimited { retry_after } | Self::Throttled { retry_after } => {
                Some(u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX).max(1))
            }
            _ => None,
        };
        let current = match self {
            Self::Conflict { current, .. } => Some(current.clone()),
            _ => None,
        };
        ErrorBody { code: self.code(), message, retry_after_ms, current }
    }

    /// What the asker is told, by whoever answers, once: it is counted, and a failure of our own is
    /// logged with its cause.
    pub(crate) fn answer(&self) -> ErrorBody {
        if self.is_ours() {
            tracing::error!(error = %self, "failed");
        }
        metrics::refused(self.code());
        self.body()
    }

    /// Whether it is a failure of our own, and no refusal.
    fn is_ours(&self) -> bool {
        match self {
            Self::Database(_)
            | Self::Backplane(_)
            | Self::Io(_)
            | Self::Json(_)
            | Self::Failed { .. } => true,
            Self::Again(error) => error.is_ours(),
            // Told once by who notices, and not by each who is refused for it.
            Self::BackplaneAway
            | Self::LeaseLost
            | Self::Refused { .. }
            | Self::Conflict { .. }
            | Self::Payload(_)
            | Self::RateLimited { .. }
            | Self::Throttled { .. } => false,
        }
    }
}

/// A refusal of another server's, to be told again.
impl From<ErrorBody> for Error {
    fn from(body: ErrorBody) -> Self {
        let ErrorBody { code, message, current, .. } = body;
        match current {
            Some(current) => Self::Conflict { message, current },
            None => Self::Refused { code, message },
        }
    }
}

/// Whether refusals of this code come as fast as somebody sends: a line in the log for each would
/// cost more than what was refused.
pub(crate) fn is_of_a_flood(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::RateLimitExceeded | ErrorCode::ConnectionThrottled)
}

/// What most functions of the server give back.
pub type Result<T, E = Error> = std::result::Result<T, E>;
