//! Values between a column and the wire: the database keeps integers, whichever it is.

use samewire_protocol::{SafeInteger, Timestamp};

/// A time as it is kept: Unix milliseconds.
pub fn from_timestamp(time: Timestamp) -> i64 {
    i64::try_from(time.unix_ms()).unwrap_or(i64::MAX)
}

/// A time that was kept.
pub fn to_timestamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(u64::try_from(unix_ms).unwrap_or(0))
}

/// A count that was kept.
pub fn to_count(number: i64) -> SafeInteger {
    u64::try_from(number).ok().and_then(SafeInteger::new).unwrap_or_default()
}
