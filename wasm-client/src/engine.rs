//! What JavaScript sees: one client.

use std::rc::Rc;

use js_sys::{Array, Math};
use samewire_client_core::{CallId, Client, EmitOptions, Encoded, HandleId, PageEvent};
use wasm_bindgen::prelude::*;

use crate::{
    checks::GeneratedChecks,
    drive::{Driver, failure_object, position_object},
    host::Host,
    options,
    value::Value,
};

/// One client. Everything that comes of a call is told to the [`Host`]; numbers that name calls and
/// handles are chosen by the caller.
#[wasm_bindgen]
pub struct Engine {
    driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Engine {
    /// A client that isn't connected.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "EngineOptions")] options: JsValue,
        #[wasm_bindgen(unchecked_param_type = "EngineChecks")] checks: &JsValue,
        host: Host,
    ) -> Self {
        let seed = Math::random().to_bits();
        let core = Client::new(options::read(options), seed, GeneratedChecks::new(checks));
        Self { driver: Driver::new(core, host) }
    }

    /// Connects, at once even where a later try is set.
    pub fn connect(&self) {
        self.driver.input(Client::connect);
    }

    /// Ends the connection.
    pub fn disconnect(&self) {
        self.driver.input(Client::disconnect);
    }

    /// Ends everything: no timer and no socket stays. `free` may follow, once this has returned.
    pub fn close(&self) {
        self.driver.input(Client::close);
    }

    /// The answer to `tokenNeeded`: a token, or none.
    pub fn token(&self, token: Option<String>) {
        self.driver.input(|core, now| core.token(now, Ok(token)));
    }

    /// The answer to `tokenNeeded`: nobody could give one.
    #[wasm_bindgen(js_name = tokenFailed)]
    pub fn token_failed(&self, message: String) {
        self.driver.input(|core, now| core.token(now, Err(message)));
    }

    /// Emits an event. `json` is the payload as text, `id` a UUID.
    #[expect(clippy::too_many_arguments, reason = "an object would cost a read of each field")]
    pub fn emit(
        &self,
        call: u32,
        event: &str,
        #[wasm_bindgen(unchecked_param_type = "string")] json: JsValue,
        attachments: Array,
        id: String,
        timeout: Option<f64>,
        retries: Option<u32>,
    ) {
        let options = EmitOptions { id, timeout: timeout.map(options::duration), retries };
        let payload = encoded(json, &attachments);
        self.driver.input(|core, now| core.emit(now, CallId(call), event, payload, options));
    }

    /// Emits an event now, unacknowledged; gives the failure where it can't.
    #[wasm_bindgen(js_name = emitVolatile, unchecked_return_type = "Failure | undefined")]
    pub fn emit_volatile(
        &self,
        event: &str,
        #[wasm_bindgen(unchecked_param_type = "string")] json: JsValue,
        attachments: Array,
    ) -> JsValue {
        let payload = encoded(json, &attachments);
        match self.driver.input(|core, _| core.emit_volatile(event, payload)) {
            Ok(()) => JsValue::UNDEFINED,
            Err(failure) => failure_object(&failure),
        }
    }

    /// Gives an emit up: it won't be settled.
    pub fn cancel(&self, call: u32) {
        self.driver.input(|core, now| core.cancel(now, CallId(call)));
    }

    /// Answers an event that the server wants acknowledged.
    pub fn acknowledge(
        &self,
        ack: f64,
        #[wasm_bindgen(unchecked_param_type = "string")] json: JsValue,
        attachments: Array,
    ) {
        let answer = encoded(json, &attachments);
        self.driver.input(|core, _| core.acknowledge(ack as u64, answer));
    }

    /// Joins a room; with `events`, only those are sent.
    pub fn join(&self, handle: u32, room: &str, events: Option<Vec<String>>) {
        self.driver.input(|core, now| core.join(now, HandleId(handle), room, events));
    }

    /// Ends a handle.
    pub fn leave(&self, handle: u32) {
        self.driver.input(|core, now| core.leave(now, HandleId(handle)));
    }

    /// Something happened to the page: `online`, `offline`, `shown`, `away` or `back`.
    pub fn page(&self, #[wasm_bindgen(unchecked_param_type = "PageEvent")] event: &str) {
        let event = match event {
            "online" => PageEvent::Online,
            "offline" => PageEvent::Offline,
            "shown" => PageEvent::Shown,
            "away" => PageEvent::Away,
            _ => PageEvent::Back,
        };
        self.driver.input(|core, now| core.handle_page(now, event));
    }

    /// How much of a room's log was delivered: `{ epoch, offset }`.
    #[wasm_bindgen(unchecked_return_type = "Position | undefined")]
    pub fn position(&self, room: &str) -> JsValue {
        self.driver.ask(|core| core.position(room).map(position_object)).unwrap_or_default()
    }

    /// Who is in a room.
    #[wasm_bindgen(unchecked_return_type = "User[]")]
    pub fn users(&self, room: &str) -> Array {
        self.driver.ask(|core| core.users(room).map(|user| &user.0).collect())
    }

    /// Timers that are set.
    #[wasm_bindgen(getter)]
    pub fn timers(&self) -> u32 {
        self.driver.timers()
    }

    /// Sockets that are open, or being opened.
    #[wasm_bindgen(getter)]
    pub fn sockets(&self) -> u32 {
        self.driver.sockets()
    }

    /// Rooms that are joined, or being joined.
    #[wasm_bindgen(getter)]
    pub fn rooms(&self) -> u32 {
        self.driver.ask(|core| core.rooms() as u32)
    }

    /// Emits that wait for their answer.
    #[wasm_bindgen(getter, js_name = pendingEmits)]
    pub fn pending_emits(&self) -> u32 {
        self.driver.ask(|core| core.pending_emits() as u32)
    }
}

fn encoded(json: JsValue, attachments: &Array) -> Encoded<Value> {
    Encoded { json: Value(json), attachments: attachments.iter().map(Value).collect() }
}
