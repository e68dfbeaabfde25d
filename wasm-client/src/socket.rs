//! A WebSocket with the handlers that it calls.

use std::rc::{Rc, Weak};

use js_sys::{ArrayBuffer, JsString};
use samewire_client_core::{
    Message, SocketId,
    framing::{MAX_HEAD, decode},
};
use wasm_bindgen::prelude::*;

use crate::{
    drive::Driver,
    host::{self, Socket},
    value::Value,
};

/// A socket that is open or being opened. Dropped, it is closed and calls nobody any more.
pub(crate) struct OpenSocket {
    socket: Socket,
    _onmessage: Closure<dyn FnMut(host::Message)>,
    _onclose: Closure<dyn FnMut()>,
}

impl OpenSocket {
    /// Opens a socket that calls the driver, for as long as there is one.
    pub(crate) fn open(driver: &Rc<Driver>, id: SocketId) -> Result<Self, JsValue> {
        let socket = driver.host.open_socket()?;
        socket.set_binary_type("arraybuffer");
        let onmessage = Closure::new(calls(driver, move |driver, message: host::Message| {
            receive(driver, id, &message.data());
        }));
        let lost = calls(driver, move |driver, ()| {
            driver.input(|core, now| core.handle_lost(now, id, "the socket closed"));
        });
        let onclose = Closure::new(move || lost(()));
        socket.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
        socket.set_onclose(Some(onclose.as_ref().unchecked_ref()));
        socket.set_onerror(Some(onclose.as_ref().unchecked_ref()));
        Ok(Self { socket, _onmessage: onmessage, _onclose: onclose })
    }

    pub(crate) fn send(&self, message: &Message<Value>) -> Result<(), JsValue> {
        let Some(payload) = &message.payload else {
            return self.socket.send(&JsValue::from_str(&message.before));
        };
        host::send_parts(&self.socket, &message.before, &payload.json.0, &message.after)?;
        payload.attachments.iter().try_for_each(|attachment| self.socket.send(&attachment.0))
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        // It throws only for arguments that aren't given here.
        _ = self.socket.close();
    }
}

/// A handler that keeps no driver alive.
fn calls<T, Handler>(driver: &Rc<Driver>, handler: Handler) -> impl Fn(T) + use<T, Handler>
where
    Handler: Fn(&Rc<Driver>, T),
{
    let driver = Rc::downgrade(driver);
    move |event| {
        if let Some(driver) = Weak::upgrade(&driver) {
            handler(&driver, event);
        }
    }
}

fn receive(driver: &Rc<Driver>, id: SocketId, data: &JsValue) {
    if let Some(text) = data.dyn_ref::<JsString>() {
        let head: String = text.slice(0, MAX_HEAD as u32).into();
        let frame = decode(&head, |at| Value::parse(text, at));
        driver.input(|core, now| core.handle_frame(now, id, frame));
    } else if data.is_instance_of::<ArrayBuffer>() {
        let attachment = Value(data.clone());
        driver.input(|core, now| core.handle_attachment(now, id, attachment));
    }
}
