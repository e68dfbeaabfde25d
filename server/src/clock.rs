//! The wall clock, in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use samewire_protocol::Timestamp;

/// Milliseconds since 1970 began.
pub(crate) fn unix_ms() -> u64 {
    whole_ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in whole milliseconds.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The present moment as it travels.
pub(crate) fn timestamp() -> Timestamp {
    Timestamp::from_unix_ms(unix_ms())
}
