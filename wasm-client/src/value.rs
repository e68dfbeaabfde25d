//! JavaScript values as the core's payloads.

use js_sys::{Array, ArrayBuffer, JsString};
use samewire_client_core::{Arrived, Payload, Place, Position};
use wasm_bindgen::prelude::*;

use crate::names;

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

    #[wasm_bindgen(js_name = nameNumber)]
    fn name_number(args: &JsValue) -> u32;

    #[wasm_bindgen(js_name = roomNumber)]
    fn room_number(args: &JsValue) -> u32;

    #[wasm_bindgen(js_name = epochNumber)]
    fn epoch_number(args: &JsValue) -> u32;

    #[wasm_bindgen(js_name = offset)]
    fn offset(args: &JsValue) -> JsValue;

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

    fn byte_length(&self) -> usize {
        self.0.dyn_ref::<ArrayBuffer>().map_or(0, |buffer| buffer.byte_length() as usize)
    }

    fn with_attachments(self, attachments: &[Self]) -> Option<Self> {
        let attachments = attachments.iter().map(|attachment| &attachment.0).collect();
        Self::present(with_attachments(self.0, &attachments))
    }

    /// The same as by looking at each part, with the texts by their numbers.
    fn event(&self) -> Option<Arrived<Self>> {
        let name =
            names::text(name_number(&self.0)).or_else(|| Some(self.item(0)?.text()?.into()))?;
        let place = self.place();
        let args = self.item(2).filter(|_| place.is_none()).map(|_| self.clone());
        Some(Arrived { name, payload: self.item(1), place, args })
    }
}

impl Value {
    /// The place of an event in a room's log, from its arguments.
    fn place(&self) -> Option<Place> {
        let offset = Self(offset(&self.0)).count()?;
        let meta = |name| Some(self.item(2)?.field(name)?.text()?.into());
        let room = names::text(room_number(&self.0)).or_else(|| meta("room"))?;
        let epoch = names::text(epoch_number(&self.0)).or_else(|| meta("epoch"))?;
        Some(Place { room, position: Position { epoch, offset } })
    }
}
