//! Binary values beside a JSON text, as Socket.IO has them: `{ "_placeholder": true, "num": n }` in the
//! text stands for the n-th (<https://github.com/socketio/socket.io-protocol>).

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::{Value, json};

/// The binary values of an event, shared by all who are sent it.
///
/// # Examples
/// ```
/// use samewire_server::Attachments;
///
/// let sketch = Attachments::from_iter([vec![1, 2, 3]]);
/// let payload = serde_json::json!({ "title": "A line", "strokes": Attachments::placeholder(0) });
/// assert_eq!(sketch.get(&payload["strokes"]).unwrap()[..], [1, 2, 3]);
/// assert_eq!(sketch.get(&payload["title"]), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Attachments(Option<Arc<[Bytes]>>);

impl Attachments {
    /// What stands in a payload for the value of this number, counted from 0.
    pub fn placeholder(number: usize) -> Value {
        json!({ "_placeholder": true, "num": number })
    }

    /// The binary value that a part of the payload stands for, where it stands for one.
    pub fn get(&self, part: &Value) -> Option<&Bytes> {
        self.as_slice().get(number(part)??)
    }

    /// All of them, by number.
    pub fn as_slice(&self) -> &[Bytes] {
        self.0.as_deref().unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many bytes they have together.
    pub fn bytes(&self) -> usize {
        self.as_slice().iter().map(Bytes::len).sum()
    }

    /// Whether each placeholder in a value stands for one of them. A client that were sent another
    /// would take the whole event for spoilt, and end its connection.
    pub(crate) fn are_named_in(&self, value: &Value) -> bool {
        match number(value) {
            Some(named) => named.is_some_and(|number| number < self.len()),
            None => parts(value).all(|part| self.are_named_in(part)),
        }
    }
}

impl<T: Into<Bytes>> FromIterator<T> for Attachments {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let values: Arc<[Bytes]> = values.into_iter().map(Into::into).collect();
        Self((!values.is_empty()).then_some(values))
    }
}

/// Whether a value holds a placeholder, or what would be taken for one.
pub(crate) fn holds_placeholder(value: &Value) -> bool {
    number(value).is_some() || parts(value).any(holds_placeholder)
}

/// Makes the placeholders in a value stand for those `by` places further on.
pub(crate) fn renumber(value: &mut Value, by: usize) {
    match number(value) {
        Some(Some(number)) => *value = Attachments::placeholder(number + by),
        Some(None) => {}
        None => match value {
            Value::Array(items) => items.iter_mut().for_each(|item| renumber(item, by)),
            Value::Object(fields) => fields.values_mut().for_each(|field| renumber(field, by)),
            _ => {}
        },
    }
}

/// The number that a placeholder names: nothing where it names none, and nothing at all where the
/// value is no placeholder.
fn number(value: &Value) -> Option<Option<usize>> {
    let fields = value.as_object()?;
    (fields.get("_placeholder")? == &Value::Bool(true))
        .then(|| fields.get("num")?.as_u64().and_then(|number| usize::try_from(number).ok()))
}

fn parts(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// A handler's answer, with the binary values that placeholders in it stand for.
#[derive(Debug, Clone)]
pub struct Attached<T> {
    /// The answer.
    pub answer: T,
    /// The binary values.
    pub attachments: Attachments,
}

impl<T> From<T> for Attached<T> {
    fn from(answer: T) -> Self {
        Self { answer, attachments: Attachments::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Attachments {
        [&b"a"[..], b"bc"].into_iter().collect()
    }

    #[test]
    fn placeholders_stand_for_what_is_there() {
        let named = |value: Value| two().are_named_in(&value);
        assert!(named(
            json!({ "a": [Attachments::placeholder(0), { "b": Attachments::placeholder(1) }] })
        ));
        assert!(named(json!({ "_placeholder": false, "num": 9 })), "not a placeholder");
        for spoilt in [
            json!({ "_placeholder": true }),
            json!({ "_placeholder": true, "num": -1 }),
            json!({ "_placeholder": true, "num": 0.5 }),
            json!({ "_placeholder": true, "num": "0" }),
            json!([[{ "x": Attachments::placeholder(2) }]]),
        ] {
            assert!(!named(spoilt.clone()), "{spoilt}");
            assert!(holds_placeholder(&spoilt), "{spoilt}");
        }
        assert!(!holds_placeholder(&json!({ "a": [1, "_placeholder", null] })));
        assert_eq!((two().len(), two().bytes()), (2, 3));
        assert_eq!(two().get(&Attachments::placeholder(1)).unwrap()[..], b"bc"[..]);
        assert!(Attachments::from_iter([""; 0]).is_empty());
    }

    #[test]
    fn placeholders_are_numbered_on() {
        let mut value =
            json!({ "a": Attachments::placeholder(0), "b": [Attachments::placeholder(1), 5] });
        renumber(&mut value, 3);
        let expected =
            json!({ "a": Attachments::placeholder(3), "b": [Attachments::placeholder(4), 5] });
        assert_eq!(value, expected);
    }
}
