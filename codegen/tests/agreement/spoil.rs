//! What can go wrong with a value on its way.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};

use crate::values::{anything, number, odd_key, text, time};

/// Values that have none, one or two mistakes.
pub(crate) fn perhaps(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (values, vec((any::<Index>(), mistake()), 0..=2)).prop_map(|(mut value, mistakes)| {
        for (place, mistake) in mistakes {
            let places = places(&value, String::new());
            mistake.make(&mut value, place.get::<String>(&places));
        }
        value
    })
}

#[derive(Debug, Clone)]
enum Mistake {
    /// Another value stands there.
    Replace(Value),
    /// It isn't there; the whole becomes null.
    Remove,
    /// It is wrapped in an array, or in an object.
    InArray,
    InObject(String),
    /// An object became an array of what it held.
    Unnamed,
    /// What an object held hides under one key.
    Hidden(String),
    /// There is one more field.
    Add(String, Value),
}

fn mistake() -> impl Strategy<Value = Mistake> {
    let tricks = [
        json!({ "keydown": null }),
        json!({ "toString": 1, "valueOf": 1 }),
        json!(["2026-11-21T07:38:47.123Z"]),
        json!(["text"]),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "length": 1, "0": "a" }),
    ];
    prop_oneof![
        2 => prop_oneof![anything(), number(), text(), time(), select(tricks.to_vec())].prop_map(Mistake::Replace),
        2 => Just(Mistake::Remove),
        1 => Just(Mistake::Replace(Value::Null)),
        1 => Just(Mistake::InArray),
        1 => odd_key().prop_map(Mistake::InObject),
        1 => Just(Mistake::Unnamed),
        1 => odd_key().prop_map(Mistake::Hidden),
        1 => (odd_key(), anything()).prop_map(|(key, value)| Mistake::Add(key, value)),
    ]
}

impl Mistake {
    fn make(self, value: &mut Value, place: &str) {
        if let Self::Remove = self {
            return remove(value, place);
        }
        let Some(there) = value.pointer_mut(place) else { return };
        let held = there.take();
        *there = match (self, held) {
            (Self::Replace(new), _) => new,
            (Self::InArray, held) => json!([held]),
            (Self::InObject(key), held) | (Self::Hidden(key), held @ Value::Object(_)) => {
                Value::Object(Map::from_iter([(key, held)]))
            }
            (Self::Unnamed, Value::Object(fields)) => {
                fields.into_iter().map(|(_, field)| field).collect()
            }
            (Self::Add(key, new), Value::Object(mut fields)) => {
                fields.insert(key, new);
                Value::Object(fields)
            }
            (_, held) => held,
        };
    }
}

fn remove(value: &mut Value, place: &str) {
    let Some((parent, key)) = place.rsplit_once('/') else {
        *value = Value::Null;
        return;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&key);
        }
        Some(Value::Array(items)) => {
            items.remove(key.parse().unwrap());
        }
        _ => {}
    }
}

/// The JSON pointers of all that a value holds.
fn places(value: &Value, at: String) -> Vec<String> {
    let inner: Vec<String> = match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| {
                places(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")))
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| places(value, format!("{at}/{index}")))
            .collect(),
        _ => Vec::new(),
    };
    std::iter::once(at).chain(inner).collect()
}
