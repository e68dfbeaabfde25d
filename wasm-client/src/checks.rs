//! The checks that are generated from the protocol, in JavaScript.

use js_sys::{Function, Reflect};
use samewire_client_core::{Checks, Misfit};
use wasm_bindgen::prelude::*;

use crate::value::Value;

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
    fn payload(&self, event: &str, payload: Option<&Value>) -> Result<(), Misfit> {
        check(&self.payloads, event, payload)
    }

    fn answer(&self, event: &str, answer: Option<&Value>) -> Result<(), Misfit> {
        check(&self.answers, event, answer)
    }
}

fn check(table: &JsValue, event: &str, value: Option<&Value>) -> Result<(), Misfit> {
    let Some(check) =
        Reflect::get(table, &event.into()).ok().and_then(|found| found.dyn_into::<Function>().ok())
    else {
        return Ok(());
    };
    let nothing = JsValue::UNDEFINED;
    let problem = match check.call1(&nothing, value.map_or(&nothing, |value| &value.0)) {
        Ok(problem) if problem.is_undefined() => return Ok(()),
        Ok(problem) => problem.as_string().unwrap_or_default(),
        Err(_) => "payload: can't be checked".to_owned(),
    };
    let (path, message) = problem.split_once(':').unwrap_or(("payload", &problem));
    Err(Misfit { path: path.to_owned(), message: message.trim_start().to_owned() })
}
