//! Times as they travel: RFC 3339, UTC, milliseconds (wire.md, section 1).

use std::{borrow::Cow, fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment from 1970 to 9999, to the millisecond.
///
/// Written as `2026-01-31T12:00:00.000Z`. Read in the profile of RFC 3339 that JavaScript's
/// `Date` also reads: capital `T` and `Z`, any offset, up to nine digits of a second, no leap second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// A text that is no [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time such as 2026-01-31T12:00:00.000Z")]
pub struct TimestampError;

/// The first millisecond of the year 10000.
const END_MS: u64 = 253_402_300_800_000;

impl Timestamp {
    /// The moment so many milliseconds after 1970 began; later than 9999 becomes the end of 9999.
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(if unix_ms < END_MS { unix_ms } else { END_MS - 1 })
    }

    /// Milliseconds since 1970 began.
    pub const fn unix_ms(self) -> u64 {
        self.0
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // chrono reads more than RFC 3339's date-time: blanks, lower case, leap seconds.
        let strict = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            0..19 => byte.is_ascii_digit(),
            _ => byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b':' | b'Z'),
        });
        let leap_second = text.get(17..19) == Some("60");
        let fraction = text.get(19..).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if !strict || leap_second || digits > 9 {
            return Err(TimestampError);
        }
        let unix_ms =
            DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError)?.timestamp_millis();
        match u64::try_from(unix_ms) {
            Ok(unix_ms) if unix_ms < END_MS => Ok(Self(unix_ms)),
            _ => Err(TimestampError),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0)
            .ok()
            .and_then(DateTime::<Utc>::from_timestamp_millis)
            .unwrap_or(DateTime::UNIX_EPOCH);
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_javascript_writes_is_read() {
        let time: Timestamp = "2026-11-21T07:38:47.123Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-21T07:38:47.123Z");
        assert_eq!("2026-11-21T08:38:47.123+01:00".parse(), Ok(time));
        assert_eq!("2026-11-21T07:38:47.123456789Z".parse(), Ok(time));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-21",
            "2026-11-21 07:38:47Z",
            "2026-11-21t07:38:47z",
            "2026-11-21T07:38:47",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "1969-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59-01:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0123456789Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_survives_the_wire(unix_ms in 0..END_MS) {
            let time = Timestamp::from_unix_ms(unix_ms);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
