//! JavaScript values as the core's payloads and texts.

use std::{mem, num::NonZeroI32};

use samewire_client_core::{Arrived, Checks, Misfit, Payload, Place, Position, Text};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    fn retain(value: i32);
    fn release(value: i32);
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
    fn attach(attachment: i32);
    #[wasm_bindgen(js_name = withAttachments)]
    fn with_attachments(value: i32) -> i32;

    fn known(at: i32, length: i32) -> i32;
    fn join(text: i32, at: i32, length: i32, other: i32) -> i32;
    fn before(text: i32, at: i32, length: i32) -> i32;
    fn after(text: i32, at: i32, length: i32) -> i32;
    #[wasm_bindgen(js_name = characterOf)]
    fn character_of(text: i32, at: i32) -> i32;

    #[wasm_bindgen(js_name = nameOf)]
    fn name_of(arguments: i32) -> i32;
    #[wasm_bindgen(js_name = roomOf)]
    fn room_of(arguments: i32) -> i32;
    #[wasm_bindgen(js_name = epochOf)]
    fn epoch_of(arguments: i32) -> i32;
    #[wasm_bindgen(js_name = offsetOf)]
    fn offset_of(arguments: i32) -> f64;

    fn check(table: i32, name: i32, value: i32) -> i32;
}

/// A number that JavaScript keeps a value under, for as long as there is one of these.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept(NonZeroI32);

impl Kept {
    /// A number that nobody else has. 0 is nothing.
    fn new(number: i32) -> Option<Self> {
        NonZeroI32::new(number).map(Self)
    }

    fn id(&self) -> i32 {
        self.0.get()
    }

    /// The number, for JavaScript to let go of.
    fn give(self) -> i32 {
        let number = self.id();
        mem::forget(self);
        number
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        retain(self.id());
        Self(self.0)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        release(self.id());
    }
}

/// A JavaScript value.
#[derive(Debug, Clone)]
pub(crate) struct Value(Kept);

/// A JavaScript text that has one number alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(Kept);

/// Where a text of this program's lies in its memory, and how long it is.
pub(crate) fn place(text: &'static str) -> (i32, i32) {
    (text.as_ptr() as i32, text.len() as i32)
}

impl Value {
    pub(crate) fn new(number: i32) -> Option<Self> {
        Kept::new(number).map(Self)
    }

    pub(crate) fn id(&self) -> i32 {
        self.0.id()
    }

    pub(crate) fn give(self) -> i32 {
        self.0.give()
    }
}

impl Word {
    pub(crate) fn new(number: i32) -> Option<Self> {
        Kept::new(number).map(Self)
    }

    pub(crate) fn id(&self) -> i32 {
        self.0.id()
    }

    pub(crate) fn give(self) -> i32 {
        self.0.give()
    }
}

impl Payload for Value {
    type Text = Word;

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
            attach(attachment.id());
        }
        Self::new(with_attachments(self.id()))
    }

    /// The same as by looking at each part.
    fn event(&self) -> Option<Arrived<Self>> {
        let arguments = self.id();
        let place = || {
            let offset = offset_of(arguments);
            let position =
                || Some((Word::new(room_of(arguments))?, Word::new(epoch_of(arguments))?));
            let (room, epoch) = (offset >= 0.0).then(position)??;
            Some(Place { room, position: Position { epoch, offset: offset as u64 } })
        };
        let (place, payload) = (place(), self.item(1));
        let several = place.is_none() && self.item(2).is_some();
        let args = several.then(|| self.clone());
        Some(Arrived { name: Word::new(name_of(arguments))?, payload, place, args, ack: None })
    }
}

impl Text for Word {
    fn known(text: &'static str) -> Self {
        let (at, length) = place(text);
        // JavaScript has a number for every text.
        Self(Kept(NonZeroI32::new(known(at, length)).unwrap_or(NonZeroI32::MAX)))
    }

    fn join(&self, separator: &'static str, other: &Self) -> Self {
        let (at, length) = place(separator);
        let joined = join(self.id(), at, length, other.id());
        Self::new(joined).unwrap_or_else(|| self.clone())
    }

    fn split_once(&self, separator: &'static str) -> Option<(Self, Self)> {
        let (at, length) = place(separator);
        let before = Self::new(before(self.id(), at, length))?;
        Some((before, Self::new(after(self.id(), at, length))?))
    }

    fn character(&self, at: usize) -> Option<u8> {
        match character_of(self.id(), at as i32) {
            0 => None,
            character => Some(u8::try_from(character).unwrap_or(u8::MAX)),
        }
    }
}

/// The checks that are generated from the protocol, in JavaScript.
pub(crate) struct GeneratedChecks;

impl Checks<Value> for GeneratedChecks {
    fn payload(&self, event: &Word, payload: Option<&Value>) -> Result<(), Misfit<Word>> {
        fits(0, event, payload)
    }

    fn answer(&self, event: &Word, answer: Option<&Value>) -> Result<(), Misfit<Word>> {
        fits(1, event, answer)
    }
}

fn fits(table: i32, event: &Word, value: Option<&Value>) -> Result<(), Misfit<Word>> {
    let value = value.map_or(0, Value::id);
    let Some(problem) = Word::new(check(table, event.id(), value)) else {
        return Ok(());
    };
    let (path, message) =
        problem.split_once(": ").unwrap_or_else(|| (Word::known("payload"), problem));
    Err(Misfit { path, message })
}
