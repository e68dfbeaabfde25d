//! What an event is answered with, and how long that is remembered of those that may be repeated
//! (wire.md, section 5).

use std::sync::Arc;

use samewire_protocol::ErrorCode;
use serde_json::value::RawValue;

use crate::{attachments::Attached, error::Error};

/// How long an answer is remembered, in milliseconds.
pub(crate) const REMEMBERED_MS: u64 = 10 * 60 * 1000;

/// Answers that are remembered of one user; the oldest are forgotten first.
pub(crate) const REMEMBERED_PER_USER: usize = 2000;

/// Bytes of answers that are remembered of one user; past them, too, the oldest are forgotten first.
pub(crate) const REMEMBERED_BYTES_PER_USER: usize = 4 * 1024 * 1024;

/// An event's answer as JSON.
pub(crate) type Answer = Attached<Box<RawValue>>;

/// What came of an event, for all who ask: its answer, or why it was refused.
pub(crate) type Outcome = Result<Arc<Answer>, Arc<Error>>;

/// Whether nothing was acted on, and another try may do better: not worth remembering.
pub(crate) fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RateLimitExceeded
            | ErrorCode::Unavailable
            | ErrorCode::AiUnavailable
            | ErrorCode::Unauthenticated
            | ErrorCode::Internal
    )
}
