//! JavaScript values as the core's payloads.

use js_sys::{Array, JsString};
use samewire_client_core::Payload;
use wasm_bindgen::prelude::*;

/// A JavaScript value.
#[derive(Debug, Clone)]
pub(crate) struct Value(pub(crate) JsValue);

#[wasm_bindgen(module = "/src/value.js")]
extern "C" {
    fn parse(text: &JsString, at: u32) -> JsValue;

    #[wasm_bindgen(js_name = field)]
    fn named_field(value: &JsValue, name: &str) -> JsValue;

    #[wasm_bindgen(js_name = field)]
    fn indexed_field(value: &JsValue, index: u32) -> JsValue;

    #[wasm_bindgen(js_name = withAttachments)]
    fn with_attachments(value: JsValue, attachments: &Array) -> JsValue;
}

impl Value {
    /// Reads the JSON that begins at an offset of a text.
    pub(crate) fn parse(text: &JsString, at: usize) -> Option<Self> {
        Self::present(parse(text, u32::try_from(at).ok()?))
    }

    fn present(value: JsValue) -> Option<Self> {
        (!value.is_undefined()).then_some(Self(value))
    }
}

impl Payload for Value {
    fn field(&self, name: &str) -> Option<Self> {
        Self::present(named_field(&self.0, name))
    }

    fn item(&self, index: usize) -> Option<Self> {
        Self::present(indexed_field(&self.0, u32::try_from(index).ok()?))
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn flag(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn with_attachments(self, attachments: &[Self]) -> Option<Self> {
        let attachments = attachments.iter().map(|attachment| &attachment.0).collect();
        Self::present(with_attachments(self.0, &attachments))
    }
}
