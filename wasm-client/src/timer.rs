//! One timer that is set again and again.

use std::{cell::RefCell, rc::Weak, time::Duration};

use wasm_bindgen::prelude::*;

use crate::drive::Driver;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &JsValue, millis: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timeout: JsValue);
}

/// A timer that wakes the driver. Dropped, it is stopped.
pub(crate) struct Timer {
    wake: Closure<dyn FnMut()>,
    /// What stops it, while it runs. A number in browsers, an object in Node.js.
    running: RefCell<Option<JsValue>>,
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

    /// Runs for so long, whether it ran before or not.
    pub(crate) fn set(&self, delay: Duration) {
        self.stop();
        // A longer delay than fits wakes the driver too early, which does no harm.
        let millis = i32::try_from(delay.as_millis()).unwrap_or(i32::MAX);
        *self.running.borrow_mut() = Some(set_timeout(self.wake.as_ref(), millis));
    }

    pub(crate) fn stop(&self) {
        if let Some(timeout) = self.running.take() {
            clear_timeout(timeout);
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
