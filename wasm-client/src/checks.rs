//! The checks that are generated from the protocol, in JavaScript.

use std::sync::Arc;

use js_sys::Reflect;
use samewire_client_core::{Checks, Misfit};
use wasm_bindgen::prelude::*;

use crate::{names, value::Value};

#[wasm_bindgen(module = "/src/value.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = check)]
    fn check(table: &JsValue, name: &JsValue, value: &JsValue) -> Result<JsValue, JsValue>;
}

/// Checks by name. A check gives nothing where a value fits, else `path: what is wrong`.
pub(crate) struct GeneratedChecks {
    payloads: JsValue,
    answers: JsValue,
}

impl GeneratedChecks {
    /// Reads `{ payloads, answers }`. What isn't there is not checked.
    pub(crate) fn new(checks: &JsValue) -> Self {
        let table = |name: &str| Reflect::get(checks, &name.into()).unwrap_or_default();
        Self { payloads: table("payloads"), answers: table("answers") }
    }
}

impl Checks<Value> for GeneratedChecks {
    fn payload(&self, event: &Arc<str>, payload: Option<&Value>) -> Result<(), Misfit> {
        fits(&self.payloads, event, payload)
    }

    fn answer(&self, event: &Arc<str>, answer: Option<&Value>) -> Result<(), Misfit> {
        fits(&self.answers, event, answer)
    }
}

fn fits(table: &JsValue, event: &Arc<str>, value: Option<&Value>) -> Result<(), Misfit> {
    let nothing = JsValue::UNDEFINED;
    let value = value.map_or(&nothing, |value| &value.0);
    let problem = match check(table, &names::value(event), value) {
        Ok(problem) if problem.is_undefined() => return Ok(()),
        Ok(problem) => problem.as_string().unwrap_or_default(),
        Err(_) => "payload: can't be checked".to_owned(),
    };
    let (path, message) = problem.split_once(':').unwrap_or(("payload", &problem));
    Err(Misfit { path: path.to_owned(), message: message.trim_start().to_owned() })
}
