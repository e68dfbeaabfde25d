//! JavaScript values as the core's payloads and texts.

use std::num::NonZeroI32;

use samewire_client_core::{Checks, Holdings, Payload, Text};
use wasm_bindgen::prelude::*;

use crate::writer::Writer;

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    fn hold(value: i32);
    #[wasm_bindgen(js_name = errorBody)]
    fn error_body(code: i32, message: i32) -> i32;
    fn field(value: i32, at: i32, length: i32) -> i32;
    fn item(value: i32, index: i32) -> i32;
    #[wasm_bindgen(js_name = textOf)]
    fn text_of(value: i32) -> i32;
    #[wasm_bindgen(js_name = numberOf)]
    fn number_of(value: i32) -> f64;
    #[wasm_bindgen(js_name = flagOf)]
    fn flag_of(value: i32) -> i32;
    #[wasm_bindgen(js_name = bytesOf)]
    fn bytes_of(value: i32) -> i32;
    #[wasm_bindgen(js_name = attachmentsOf)]
    fn attachments_of(message: i32) -> i32;
    #[wasm_bindgen(js_name = takeOut)]
    fn take_out(message: i32);
    fn gather(value: i32);
    #[wasm_bindgen(js_name = withAttachments)]
    fn with_attachments(value: i32) -> i32;

    #[wasm_bindgen(js_name = constant)]
    fn known(at: i32, length: i32) -> i32;
    fn join(text: i32, at: i32, length: i32, other: i32) -> i32;
    fn before(text: i32, at: i32, length: i32) -> i32;
    fn after(text: i32, at: i32, length: i32) -> i32;
    #[wasm_bindgen(js_name = isCode)]
    fn is_code(text: i32) -> i32;

    fn check(table: i32, name: i32, value: i32) -> i32;
}

/// A number that JavaScript keeps a value under, until it asks what is held and this isn't named.
type Kept = NonZeroI32;

/// A JavaScript value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value(Kept);

/// A JavaScript text that has one number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(Kept);

/// Where a text of this program's lies in its memory, and how long it is.
pub(crate) fn place(text: &'static str) -> (i32, i32) {
    (text.as_ptr() as i32, text.len() as i32)
}

impl Value {
    /// What a number stands for that JavaScript gives in any case.
    pub(crate) fn or_null(number: i32) -> Self {
        Self(Kept::new(number).unwrap_or(Kept::MAX))
    }

    /// What a number stands for; 0 is nothing.
    pub(crate) fn new(number: i32) -> Option<Self> {
        Kept::new(number).map(Self)
    }

    /// The number.
    pub(crate) fn id(self) -> i32 {
        self.0.get()
    }

    /// Adds it to those that JavaScript gathers: attachments, or the users who were asked for.
    pub(crate) fn gather(self) {
        gather(self.id());
    }
}

impl Word {
    /// What a number stands for; 0 is nothing.
    pub(crate) fn new(number: i32) -> Option<Self> {
        Kept::new(number).map(Self)
    }

    /// The number.
    pub(crate) fn id(self) -> i32 {
        self.0.get()
    }
}

impl Payload for Value {
    type Text = Word;
    type Message = Self;
    type Writer = Writer;

    fn attachments(message: &Self) -> usize {
        attachments_of(message.id()) as usize
    }

    fn let_go(message: Self) {
        take_out(message.id());
    }

    fn error(code: &Word, message: &Word) -> Self {
        Self::or_null(error_body(code.id(), message.id()))
    }

    fn field(&self, name: &'static str) -> Option<Self> {
        let (at, length) = place(name);
        Self::new(field(self.id(), at, length))
    }

    fn item(&self, index: usize) -> Option<Self> {
        Self::new(item(self.id(), index as i32))
    }

    fn text(&self) -> Option<Word> {
        Word::new(text_of(self.id()))
    }

    fn number(&self) -> Option<f64> {
        Some(number_of(self.id())).filter(|number| !number.is_nan())
    }

    fn flag(&self) -> Option<bool> {
        match flag_of(self.id()) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn byte_length(&self) -> usize {
        bytes_of(self.id()) as usize
    }

    fn with_attachments(self, attachments: &[Self]) -> Option<Self> {
        for attachment in attachments {
            attachment.gather();
        }
        Self::new(with_attachments(self.id()))
    }
}

impl Text for Word {
    fn known(text: &'static str) -> Self {
        let (at, length) = place(text);
        // JavaScript has a number for every text.
        Self(Kept::new(known(at, length)).unwrap_or(Kept::MAX))
    }

    fn join(&self, separator: &'static str, other: &Self) -> Self {
        let (at, length) = place(separator);
        let joined = join(self.id(), at, length, other.id());
        Self::new(joined).unwrap_or(*self)
    }

    fn split_once(&self, separator: &'static str) -> Option<(Self, Self)> {
        let (at, length) = place(separator);
        let before = Self::new(before(self.id(), at, length))?;
        Some((before, Self::new(after(self.id(), at, length))?))
    }

    fn is_code(&self) -> bool {
        is_code(self.id()) == 1
    }
}

/// Tells JavaScript what is held.
pub(crate) struct Held;

impl Holdings<Value> for Held {
    fn value(&mut self, value: &Value) {
        hold(value.id());
    }

    fn text(&mut self, text: &Word) {
        hold(text.id());
    }

    fn message(&mut self, message: &Value) {
        hold(message.id());
    }
}

/// The checks that are generated from the protocol, in JavaScript.
pub(crate) struct GeneratedChecks;

impl Checks<Value> for GeneratedChecks {
    fn payload(&self, event: &Word, payload: Option<&Value>) -> Result<(), Word> {
        fits(0, event, payload)
    }

    fn answer(&self, event: &Word, answer: Option<&Value>) -> Result<(), Word> {
        fits(1, event, answer)
    }
}

fn fits(table: i32, event: &Word, value: Option<&Value>) -> Result<(), Word> {
    let value = value.map_or(0, |value| value.id());
    match Word::new(check(table, event.id(), value)) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}
