//! Reading a payload, and saying which field of it is wrong.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

/// A payload that doesn't fit its type. Its text is what the sender is told:
/// `projects[0].id: expected a string`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PayloadError {
    /// The field's path, or `payload` for the whole of it.
    pub path: String,
    /// What is wrong there. Never repeats the value.
    pub problem: String,
}

impl PayloadError {
    /// A value that fits but can't be written as JSON again.
    pub(crate) fn unwritable(error: serde_json::Error) -> Self {
        Self { path: "payload".into(), problem: error.to_string() }
    }

    fn new(path: &serde_path_to_error::Path, error: &serde_json::Error) -> Self {
        let mut path = path.to_string();
        if path == "." {
            path.clear();
        }
        let message = error.to_string();
        if let Some(field) = message.strip_prefix("missing field `") {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(field.trim_end_matches('`'));
            return Self { path, problem: "is missing".into() };
        }
        if path.is_empty() {
            path.push_str("payload");
        }
        Self { path, problem: problem(&message) }
    }
}

/// Reads a payload as its type.
///
/// # Errors
/// When the value doesn't fit; the error names the field.
///
/// # Examples
/// ```
/// use samewire_protocol::{payload, rooms::RoomLeave};
///
/// let error = payload::read::<RoomLeave>(serde_json::json!({ "room": 5 })).unwrap_err();
/// assert_eq!(error.to_string(), "room: expected a string");
/// ```
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, PayloadError> {
    serde_path_to_error::deserialize(Strict(value))
        .map_err(|error| PayloadError::new(error.path(), error.inner()))
}

/// Reads a payload from its text.
///
/// # Errors
/// When the text is no JSON, or the value doesn't fit; the error names the field.
pub fn read_text<T: DeserializeOwned>(text: &str) -> Result<T, PayloadError> {
    let value = serde_json::from_str(text)
        .map_err(|_| PayloadError { path: "payload".into(), problem: "expected JSON".into() })?;
    read(value)
}

/// A value that is read as JSON Schema reads it, where serde alone is laxer: a struct is an object,
/// never an array of its fields, and a variant is a string, never an object of one key.
struct Strict(Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(items) => {
                SeqDeserializer::new(items.into_iter().map(Strict)).deserialize_any(visitor)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Strict(value)));
                MapDeserializer::new(fields).deserialize_any(visitor)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(_) => Err(Self::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::String(_) => self.0.deserialize_enum(name, variants, visitor),
            _ => Err(Self::Error::custom("expected a string")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// serde's message without the value it met, in the words of JSON.
fn problem(message: &str) -> String {
    // The last "expected" is serde's: one before it may stand in the value.
    let expected =
        message.strip_prefix("expected ").or_else(|| Some(message.rsplit_once(", expected ")?.1));
    if let Some(expected) = expected {
        let expected = match expected {
            "a borrowed string" | "an enum" => "a string",
            "a sequence" => "an array",
            "a map" => "an object",
            "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" => "an integer",
            "f32" | "f64" => "a number",
            other if other.starts_with("struct ") || other.contains(" enum ") => "an object",
            other => other,
        };
        return format!("expected {}", expected.replace('`', ""));
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::{live_preview::TrackerEventType, presence::Status};

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only read")]
        projects: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only read")]
        id: String,
        #[expect(dead_code, reason = "only read")]
        size: u32,
    }

    fn check(value: Value, expected: &str) {
        assert_eq!(read::<Outer>(value).unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        check(json!(5), "payload: expected an object");
        check(json!({}), "projects: is missing");
        check(json!({ "projects": {} }), "projects: expected an array");
        check(json!({ "projects": [{ "id": 1, "size": 1 }] }), "projects[0].id: expected a string");
        check(json!({ "projects": [{ "id": "a" }] }), "projects[0].size: is missing");
        check(
            json!({ "projects": [{ "id": "a", "size": -3 }] }),
            "projects[0].size: expected an integer",
        );
    }

    #[test]
    fn an_array_is_no_struct() {
        check(json!({ "projects": [["a", 1]] }), "projects[0]: expected an object");
    }

    #[test]
    fn the_value_is_never_repeated() {
        for value in ["secret, expected a cat", "secret at line 3", "missing field `secret`"] {
            let error = read::<Status>(json!(value)).unwrap_err();
            assert_eq!(error.to_string(), "payload: expected one of online, busy, away");
        }
    }

    #[test]
    fn a_variant_is_a_string_where_any_other_is_taken_too() {
        for value in [json!({ "keydown": null }), json!(["keydown"]), json!(1), json!(null)] {
            let error = read::<TrackerEventType>(value).unwrap_err();
            assert_eq!(error.to_string(), "payload: expected a string");
        }
        assert_eq!(read(json!("keydown")), Ok(TrackerEventType::KeyDown));
        assert_eq!(read(json!("shake")), Ok(TrackerEventType::Other("shake".into())));
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        let error = read_text::<Outer>("{\"projects\": [").unwrap_err();
        assert_eq!(error.to_string(), "payload: expected JSON");
    }
}
