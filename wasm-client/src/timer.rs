//! One timer that is set again and again.

use std::{cell::RefCell, rc::Weak};

use samewire_client_core::Instant;
use wasm_bindgen::prelude::*;

use crate::drive::Driver;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &JsValue, millis: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timeout: JsValue);
}

/// Timers may stand still while a laptop sleeps: so soon after it wakes somebody looks at the clock.
/// To be woken too early does no harm.
const MAX_MILLIS: u128 = 15_000;

/// A timer that wakes the driver. Dropped, it is stopped.
pub(crate) struct Timer {
    wake: Closure<dyn FnMut()>,
    running: RefCell<Option<Running>>,
}

/// When a timer wakes, and what stops it: a number in browsers, an object in Node.js.
struct Running {
    at: Instant,
    timeout: JsValue,
}

impl Timer {
    pub(crate) fn new(driver: &Weak<Driver>) -> Self {
        let driver = driver.clone();
        let wake = Closure::new(move || {
            if let Some(driver) = driver.upgrade() {
                driver.wake();
            }
        });
        Self { wake, running: RefCell::new(None) }
    }

    /// Wakes at that moment or before.
    pub(crate) fn set(&self, now: Instant, at: Instant) {
        if self.running.borrow().as_ref().is_some_and(|running| running.at <= at) {
            return;
        }
        self.stop();
        let millis = now.until(at).as_millis().min(MAX_MILLIS) as i32;
        let timeout = set_timeout(self.wake.as_ref(), millis);
        *self.running.borrow_mut() = Some(Running { at, timeout });
    }

    pub(crate) fn stop(&self) {
        if let Some(running) = self.running.take() {
            clear_timeout(running.timeout);
        }
    }

    /// It has run out.
    pub(crate) fn ended(&self) {
        self.running.take();
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.borrow().is_some()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}
