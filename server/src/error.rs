//! Why something was refused, and the one conversion of it to what the wire says.

use std::time::Duration;

use samewire_protocol::{ErrorBody, ErrorCode, payload::PayloadError};

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
    /// Refused before, and now again: what was told the first time.
    #[error(transparent)]
    Answered(ErrorBody),
    /// The payload doesn't fit its type.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The user sent too much.
    #[error("too many events")]
    RateLimited {
        /// When another one would be served.
        retry_after: Duration,
    },
    /// The database failed or can't be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Something stored or about to be sent is no JSON that we can read or write.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// A refusal with its code and reason.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    /// A field that reads well but can't be taken: `{path}: {problem}`.
    pub fn field(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Payload(PayloadError { path: path.into(), problem: problem.into() })
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Answered(refusal) => refusal.code,
            Self::Payload(_) => ErrorCode::InvalidPayload,
            Self::RateLimited { .. } => ErrorCode::RateLimitExceeded,
            Self::Database(_) => ErrorCode::Unavailable,
            Self::Json(_) => ErrorCode::Internal,
        }
    }

    /// What the asker is told. Failures of our own are logged here and not told.
    pub fn body(&self) -> ErrorBody {
        let message = match self {
            Self::Answered(refusal) => return refusal.clone(),
            Self::Refused { message, .. } => message.clone(),
            Self::Payload(error) => error.to_string(),
            Self::RateLimited { .. } => "too many events; slow down".into(),
            Self::Database(error) => {
                tracing::error!(%error, "the database failed");
                "the database can't be reached".into()
            }
            Self::Json(error) => {
                tracing::error!(%error, "a value can't be read or written");
                "the server failed".into()
            }
        };
        let retry_after_ms = match self {
            Self::RateLimited { retry_after } => {
                Some(u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX).max(1))
            }
            _ => None,
        };
        ErrorBody { code: self.code(), message, retry_after_ms }
    }
}

/// What most functions of the server give back.
pub type Result<T, E = Error> = std::result::Result<T, E>;
