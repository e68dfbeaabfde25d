//! Frames, written where the payloads are.

use samewire_client_core::FrameWriter;
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
    #[wasm_bindgen(js_name = writePayload)]
    fn write_payload(at: i32, length: i32, payload: i32);
    /// What was written since the last time, with these letters at its end.
    fn written(at: i32, length: i32) -> i32;
}

/// Writes a frame on JavaScript's side: one at a time.
#[derive(Default)]
pub(crate) struct Writer;

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

    fn payload(&mut self, letters: &'static str, payload: &Value) {
        let (at, length) = place(letters);
        write_payload(at, length, payload.id());
    }

    fn finish(self, letters: &'static str) -> Value {
        let (at, length) = place(letters);
        Value::or_null(written(at, length))
    }
}
