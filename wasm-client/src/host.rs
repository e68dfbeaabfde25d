//! What JavaScript gives the engine: how to open a socket, and who is told what.

use js_sys::Function;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPESCRIPT: &str = "import type { EngineChecks, EngineOptions, Failure, Host, PageEvent } from '../engine.js';\nimport type { Position, User } from '../generated/protocol.js';";

#[wasm_bindgen]
extern "C" {
    /// The page's side. Its methods may call the engine back.
    #[wasm_bindgen(typescript_type = "Host")]
    pub type Host;

    /// Opens a socket to the server by a transport, to take over a session if one is given.
    #[wasm_bindgen(method, catch, js_name = openSocket)]
    pub(crate) fn open_socket(
        this: &Host,
        transport: &str,
        session: Option<String>,
    ) -> Result<Socket, JsValue>;

    /// The engine wants a token: `Engine.token` is to be called.
    #[wasm_bindgen(method, catch, js_name = tokenNeeded)]
    pub(crate) fn token_needed(this: &Host) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = stateChanged)]
    pub(crate) fn state_changed(
        this: &Host,
        status: &str,
        attempt: u32,
        retry_at: f64,
        reason: JsValue,
        transport: &str,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = sessionChanged)]
    pub(crate) fn session_changed(this: &Host, session: JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    #[expect(clippy::too_many_arguments, reason = "an object would cost a read of each field")]
    pub(crate) fn arrived(
        this: &Host,
        event: &JsValue,
        payload: &JsValue,
        room: &JsValue,
        epoch: &JsValue,
        offset: f64,
        ack: Option<f64>,
        args: &JsValue,
    ) -> Result<(), JsValue>;

    /// Exactly one of `failure` and an answer.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn settled(
        this: &Host,
        call: u32,
        failure: JsValue,
        answer: JsValue,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn joined(this: &Host, handle: u32, room: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn refused(this: &Host, handle: u32, failure: JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn recovered(this: &Host, room: &str, missed: f64) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn reset(this: &Host, room: &str, position: JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn removed(this: &Host, room: &str, failure: JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = presenceChanged)]
    pub(crate) fn presence_changed(this: &Host, room: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn fault(this: &Host, event: &str, path: &str, message: &str)
    -> Result<(), JsValue>;

    /// Shows an error that one of the other methods threw.
    #[wasm_bindgen(method)]
    pub(crate) fn report(this: &Host, error: &JsValue);

    /// A `WebSocket`, or what speaks like one, such as a polling socket.
    pub(crate) type Socket;

    #[wasm_bindgen(method, setter, js_name = binaryType)]
    pub(crate) fn set_binary_type(this: &Socket, kind: &str);

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_onmessage(this: &Socket, handler: Option<&Function>);

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_onclose(this: &Socket, handler: Option<&Function>);

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_onerror(this: &Socket, handler: Option<&Function>);

    #[wasm_bindgen(method, catch)]
    pub(crate) fn send(this: &Socket, message: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &Socket, code: u16) -> Result<(), JsValue>;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_onopen(this: &Socket, handler: Option<&Function>);

    /// When a polling socket has come to rest.
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_onpause(this: &Socket, handler: Option<&Function>);

    /// Of a polling socket alone.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn pause(this: &Socket) -> Result<(), JsValue>;

    /// What a socket's event holds.
    pub(crate) type Message;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &Message) -> JsValue;

}

#[wasm_bindgen(module = "/src/value.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = send)]
    pub(crate) fn send_parts(
        socket: &Socket,
        before: &str,
        json: &JsValue,
        after: &str,
    ) -> Result<(), JsValue>;
}
