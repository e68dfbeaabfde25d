//! `serde_json`'s values as payloads: for tests, and for clients that run outside a browser.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{FrameWriter, Payload};

/// A text frame, or a payload in one, and the binary frames that follow it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// The text frame, or the payload as JSON.
    pub text: String,
    /// The binary values that placeholders in it stand for.
    pub attachments: Vec<Value>,
}

impl Payload for Value {
    type Text = Arc<str>;
    type Message = Message;
    type Writer = Message;

    fn attachments(message: &Message) -> usize {
        message.attachments.len()
    }

    fn error(code: &Arc<str>, message: &Arc<str>) -> Self {
        json!({ "code": &**code, "message": &**message })
    }

    fn field(&self, name: &'static str) -> Option<Self> {
        self.get(name).filter(|value| !value.is_null()).cloned()
    }

    fn item(&self, index: usize) -> Option<Self> {
        self.get(index).cloned()
    }

    fn text(&self) -> Option<Arc<str>> {
        self.as_str().map(Arc::from)
    }

    fn number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }

    fn byte_length(&self) -> usize {
        self.as_str().map_or(0, str::len)
    }

    fn with_attachments(mut self, attachments: &[Self]) -> Option<Self> {
        if self.field("_placeholder").and_then(|flag| flag.flag()) == Some(true) {
            let index = usize::try_from(self.field("num")?.count()?).ok()?;
            return attachments.get(index).cloned();
        }
        let parts: Vec<&mut Self> = match &mut self {
            Self::Array(items) => items.iter_mut().collect(),
            Self::Object(fields) => fields.values_mut().collect(),
            _ => Vec::new(),
        };
        for part in parts {
            *part = part.take().with_attachments(attachments)?;
        }
        Some(self)
    }
}

impl FrameWriter<Value> for Message {
    fn ascii(&mut self, letters: &'static str) {
        self.text.push_str(letters);
    }

    fn number(&mut self, letters: &'static str, number: u64) {
        self.text.push_str(letters);
        self.text.push_str(&number.to_string());
    }

    fn quoted(&mut self, letters: &'static str, text: &Arc<str>) {
        self.text.push_str(letters);
        self.text.push_str(&Value::from(&**text).to_string());
    }

    fn payload(&mut self, letters: &'static str, payload: &Self) {
        self.text.push_str(letters);
        self.text.push_str(&payload.text);
        self.attachments.clone_from(&payload.attachments);
    }

    fn finish(mut self, letters: &'static str) -> Self {
        self.ascii(letters);
        self
    }
}
