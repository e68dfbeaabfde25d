//! A socket with the handlers that it calls.

use std::rc::{Rc, Weak};

use js_sys::{ArrayBuffer, JsString};
use samewire_client_core::{
    Message, SocketId, Transport,
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
    pub(crate) id: SocketId,
    socket: Socket,
    _ready: Closure<dyn FnMut()>,
    _onmessage: Closure<dyn FnMut(host::Message)>,
    _onclose: Closure<dyn FnMut()>,
}

impl OpenSocket {
    /// Opens a socket that calls the driver, for as long as there is one.
    pub(crate) fn open(
        driver: &Rc<Driver>,
        id: SocketId,
        transport: Transport,
        session: Option<String>,
    ) -> Result<Self, JsValue> {
        let takes_over = session.is_some();
        let socket = driver.host.open_socket(transport.as_str(), session)?;
        socket.set_binary_type("arraybuffer");
        let onmessage = Closure::new(calls(driver, move |driver, message: host::Message| {
            receive(driver, id, &message.data());
        }));
        let lost = calls(driver, move |driver, ()| {
            driver.input(|core, now| core.handle_lost(now, id, "the socket closed"));
        });
        let onclose = Closure::new(move || lost(()));
        let is_ready = calls(driver, move |driver, ()| {
            driver.input(|core, now| core.handle_ready(now, id));
        });
        let ready = Closure::new(move || is_ready(()));
        if takes_over {
            socket.set_onopen(Some(ready.as_ref().unchecked_ref()));
        } else if transport == Transport::Polling {
            socket.set_onpause(Some(ready.as_ref().unchecked_ref()));
        }
        socket.set_onmessage(Some(onmessage.as_ref().unchecked_ref()));
        socket.set_onclose(Some(onclose.as_ref().unchecked_ref()));
        socket.set_onerror(Some(onclose.as_ref().unchecked_ref()));
        Ok(Self { id, socket, _ready: ready, _onmessage: onmessage, _onclose: onclose })
    }

    pub(crate) fn pause(&self) {
        // Only polling sockets are asked to.
        _ = self.socket.pause();
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
        self.socket.set_onopen(None);
        self.socket.set_onpause(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        // In good order; a browser that leaves it to itself says that the page went away. It throws
        // only for other codes.
        _ = self.socket.close(1000);
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
