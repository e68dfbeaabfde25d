//! The acknowledgement of a client's event (wire.md, section 1).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ErrorBody;

/// What an acknowledgement carries: `{ ok: true, data }` or `{ ok: false, error }`.
#[derive(Debug, Clone, PartialEq)]
pub enum Ack<T> {
    /// The server did what was asked.
    Done(T),
    /// It refused.
    Refused(ErrorBody),
}

impl<T> From<Result<T, ErrorBody>> for Ack<T> {
    fn from(result: Result<T, ErrorBody>) -> Self {
        match result {
            Ok(data) => Self::Done(data),
            Err(error) => Self::Refused(error),
        }
    }
}

impl<T> From<Ack<T>> for Result<T, ErrorBody> {
    fn from(ack: Ack<T>) -> Self {
        match ack {
            Ack::Done(data) => Ok(data),
            Ack::Refused(error) => Err(error),
        }
    }
}

/// The acknowledgement as it is written.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

impl<T: Serialize> Serialize for Ack<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (data, error) = match self {
            Self::Done(data) => (Some(data), None),
            Self::Refused(error) => (None, Some(error.clone())),
        };
        Written { ok: data.is_some(), data, error }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ack<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written { ok: true, data: Some(data), .. } => Ok(Self::Done(data)),
            Written { ok: true, .. } => Err(de::Error::missing_field("data")),
            Written { error: Some(error), .. } => Ok(Self::Refused(error)),
            Written { .. } => Err(de::Error::missing_field("error")),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Ack<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Ack_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let data = generator.subschema_for::<T>();
        let error = generator.subschema_for::<ErrorBody>();
        json_schema!({ "oneOf": [
            {
                "type": "object",
                "properties": { "ok": { "const": true }, "data": data },
                "required": ["ok", "data"],
            },
            {
                "type": "object",
                "properties": { "ok": { "const": false }, "error": error },
                "required": ["ok", "error"],
            },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;
    use crate::ErrorCode;

    #[test]
    fn both_arms_survive_the_wire() {
        let done = Ack::Done(7_u32);
        assert_eq!(to_value(&done).unwrap(), json!({ "ok": true, "data": 7 }));
        assert_eq!(from_value::<Ack<u32>>(to_value(&done).unwrap()).unwrap(), done);

        let refused = Ack::<u32>::Refused(ErrorBody::new(ErrorCode::NotFound, "no such thing"));
        let written = to_value(&refused).unwrap();
        let expected =
            json!({ "ok": false, "error": { "code": "NOT_FOUND", "message": "no such thing" } });
        assert_eq!(written, expected);
        assert_eq!(from_value::<Ack<u32>>(written).unwrap(), refused);
    }

    #[test]
    fn an_acknowledgement_of_neither_arm_is_no_acknowledgement() {
        assert!(from_value::<Ack<u32>>(json!({ "ok": true })).is_err());
        assert!(from_value::<Ack<u32>>(json!({ "ok": false })).is_err());
    }
}
