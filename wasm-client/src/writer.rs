//! Frames, written where the payloads are.

use samewire_client_core::{FrameWriter, Message};
use wasm_bindgen::prelude::*;

use crate::value::{Value, Word, place};

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    #[wasm_bindgen(js_name = writeAscii)]
    fn write_ascii(at: i32, length: i32);
    #[wasm_bindgen(js_name = writeNumber)]
    fn write_number(at: i32, length: i32, number: f64);
    #[wasm_bindgen(js_name = writeQuoted)]
    fn write_quoted(at: i32, length: i32, text: i32);
    #[wasm_bindgen(js_name = writeJson)]
    fn write_json(at: i32, length: i32, json: i32);
    fn attach(attachment: i32);
}

/// Writes the next frame that JavaScript sends.
struct Writer;

/// Lays a message ready: its text and its attachments.
pub(crate) fn write(message: &Message<Value>) {
    message.write(&mut Writer);
    for attachment in message.attachments() {
        attach(attachment.id());
    }
}

impl FrameWriter<Value> for Writer {
    fn ascii(&mut self, letters: &'static str) {
        let (at, length) = place(letters);
        write_ascii(at, length);
    }

    fn number(&mut self, letters: &'static str, number: u64) {
        let (at, length) = place(letters);
        write_number(at, length, number as f64);
    }

    fn quoted(&mut self, letters: &'static str, text: &Word) {
        let (at, length) = place(letters);
        write_quoted(at, length, text.id());
    }

    fn json(&mut self, letters: &'static str, json: &Value) {
        let (at, length) = place(letters);
        write_json(at, length, json.id());
    }
}
