//! Numbers that are the same on both ends of the wire.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An integer from 0 to 2⁵³ − 1: every one of them a JavaScript number holds exactly
/// (ECMA-262, `Number.MAX_SAFE_INTEGER`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct SafeInteger(u64);

impl SafeInteger {
    /// The largest one, 2⁵³ − 1.
    pub const MAX: u64 = (1 << 53) - 1;

    /// The number, or nothing where it is too large.
    pub const fn new(number: u64) -> Option<Self> {
        if number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for SafeInteger {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl<'de> Deserialize<'de> for SafeInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| {
            de::Error::invalid_value(de::Unexpected::Unsigned(number), &"an integer below 2^53")
        })
    }
}

impl JsonSchema for SafeInteger {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SafeInteger".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn the_first_number_that_javascript_blurs_is_refused() {
        assert!(from_value::<SafeInteger>(json!(SafeInteger::MAX)).is_ok());
        assert!(from_value::<SafeInteger>(json!(SafeInteger::MAX + 1)).is_err());
        assert!(from_value::<SafeInteger>(json!(-1)).is_err());
    }
}
