//! Texts that come again and again, such as the names of events and rooms. Each crosses the border
//! once; after that it is a number there, and the same `Arc` here.

use std::{cell::RefCell, sync::Arc};

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/value.js")]
extern "C" {
    #[wasm_bindgen(js_name = knownText)]
    fn known_text(number: u32) -> JsValue;
}

/// What JavaScript calls a text that has no number.
const UNKNOWN: u32 = u32::MAX;

thread_local! {
    /// By number, what is known on both sides.
    static KNOWN: RefCell<Vec<(Arc<str>, JsValue)>> = const { RefCell::new(Vec::new()) };
}

/// The text of a number, if it has one.
pub(crate) fn text(number: u32) -> Option<Arc<str>> {
    if number == UNKNOWN {
        return None;
    }
    KNOWN.with_borrow_mut(|known| {
        while known.len() <= number as usize {
            let text = known_text(known.len() as u32);
            known.push((text.as_string()?.into(), text));
        }
        Some(known[number as usize].0.clone())
    })
}

/// The JavaScript text of an `Arc` that [`text`] gave, or a copy of any other.
pub(crate) fn value(text: &Arc<str>) -> JsValue {
    let known = KNOWN.with_borrow(|known| {
        let same = known.iter().find(|(known, _)| Arc::ptr_eq(known, text));
        same.map(|(_, value)| value.clone())
    });
    known.unwrap_or_else(|| JsValue::from_str(text))
}
