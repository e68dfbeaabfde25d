//! What JavaScript sees: one client.

use std::cell::Cell;

use samewire_client_core::{
    CallId, Client, Clock, EmitOptions, Encoded, HandleId, Instant, PageEvent, Payload as _,
    SocketId, Text as _, framing::decode,
};
use wasm_bindgen::prelude::*;

use crate::{
    options, told,
    value::{GeneratedChecks, Value, Word},
};

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    /// Four characters of the frame that came, the first of them in the lowest byte. One that isn't ASCII
    /// is 255, past the end is 0.
    fn characters(at: i32) -> i32;

    /// The value of the JSON that begins there in the frame that came.
    fn parse(at: i32) -> i32;

    /// Somebody who is in the room that was asked about.
    #[wasm_bindgen(js_name = addUser)]
    fn add_user(user: i32);
}

/// What [`Core::poll`] gives where it told something.
const TOLD: f64 = -2.0;

/// One client. Values and texts are given as numbers, which it lets go of. `now` is milliseconds
/// since 1970.
#[wasm_bindgen]
pub struct Core {
    client: Client<Value>,
    clock: Clock,
    now: Instant,
}

#[wasm_bindgen]
impl Core {
    /// A client that isn't connected.
    #[wasm_bindgen(constructor)]
    pub fn new(options: i32, seed: f64) -> Self {
        let config = Value::new(options).as_ref().map(options::read).unwrap_or_default();
        let client = Client::new(config, seed.to_bits(), GeneratedChecks);
        Self { client, clock: Clock::default(), now: Instant::default() }
    }

    /// Tells the time, which holds until it is told again. A page's timers come late: whatever
    /// happens is a reason to look at the clock.
    pub fn tick(&mut self, now: f64) {
        self.now = self.clock.at(now as u64);
        if self.client.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            self.client.handle_timeout(self.now);
        }
    }

    /// Tells what is to be done next, the network's part first; with `events`, the application's
    /// after that, and gives -2. Where there is nothing: when to tell the time at the latest, or
    /// less than 0 where nothing is waited for.
    pub fn poll(&mut self, events: bool) -> f64 {
        if let Some(transmit) = self.client.poll_transmit() {
            told::transmit(transmit);
            return TOLD;
        }
        match events.then(|| self.client.poll_event()).flatten() {
            Some(event) => {
                let client = &self.client;
                let state = || (client.state(), client.transport());
                told::event(event, state, || client.session().cloned());
                TOLD
            }
            None => self.client.poll_timeout().map_or(-1.0, |deadline| deadline.as_millis() as f64),
        }
    }

    /// Connects, at once even where a later try is set.
    pub fn connect(&mut self) {
        self.client.connect(self.now);
    }

    /// Ends the connection.
    pub fn disconnect(&mut self) {
        self.client.disconnect(self.now);
    }

    /// Ends everything.
    pub fn close(&mut self) {
        self.client.close(self.now);
    }

    /// The answer to a wanted token: a token, or none.
    pub fn token(&mut self, token: i32) {
        self.client.token(self.now, Ok(Word::new(token)));
    }

    /// Nobody could give a token.
    #[wasm_bindgen(js_name = tokenFailed)]
    pub fn token_failed(&mut self, message: i32) {
        self.client.token(self.now, Err(word(message)));
    }

    /// Emits an event. `json` is the payload as text, `attachments` an array or 0, `id` a UUID; less
    /// than 0 stands for no `timeout` and no `retries` of its own.
    #[expect(clippy::too_many_arguments, reason = "an object would cost a read of each field")]
    pub fn emit(
        &mut self,
        call: u32,
        event: i32,
        json: i32,
        attachments: i32,
        id: i32,
        timeout: f64,
        retries: f64,
    ) {
        let options = EmitOptions {
            id: word(id),
            timeout: (timeout >= 0.0).then(|| options::duration(timeout)),
            retries: (retries >= 0.0).then_some(retries as u32),
        };
        if let Some(payload) = encoded(json, attachments) {
            self.client.emit(self.now, CallId(call), word(event), payload, options);
        }
    }

    /// Emits an event now, unacknowledged. Whether it could: else the failure is told.
    #[wasm_bindgen(js_name = emitVolatile)]
    pub fn emit_volatile(&mut self, event: i32, json: i32, attachments: i32) -> bool {
        let Some(payload) = encoded(json, attachments) else {
            return false;
        };
        self.client.emit_volatile(word(event), payload).map_err(told::failure).is_ok()
    }

    /// Gives an emit up: it won't be settled.
    pub fn cancel(&mut self, call: u32) {
        self.client.cancel(self.now, CallId(call));
    }

    /// Answers an event that the server wants acknowledged.
    pub fn acknowledge(&mut self, ack: f64, json: i32, attachments: i32) {
        if let Some(answer) = encoded(json, attachments) {
            self.client.acknowledge(ack as u64, answer);
        }
    }

    /// Joins a room; with `events`, an array, only those are sent.
    pub fn join(&mut self, handle: u32, room: i32, events: i32) {
        let events = Value::new(events);
        let events = events.map(|events| events.items().filter_map(|event| event.text()).collect());
        self.client.join(self.now, HandleId(handle), word(room), events);
    }

    /// Ends a handle.
    pub fn leave(&mut self, handle: u32) {
        self.client.leave(self.now, HandleId(handle));
    }

    /// Something happened to the page: one of `PAGE` in `engine.js`, by its place there.
    pub fn page(&mut self, event: u32) {
        let event = match event {
            0 => PageEvent::Online,
            1 => PageEvent::Offline,
            2 => PageEvent::Shown,
            3 => PageEvent::Away,
            _ => PageEvent::Back,
        };
        self.client.handle_page(self.now, event);
    }

    /// A text frame came. Tells the time, too: none is called as often.
    pub fn frame(&mut self, socket: u32, now: f64) {
        self.tick(now);
        let read = Cell::new((i32::MAX, [0; 4]));
        let character = |at: usize| {
            let four = at as i32 / 4;
            if read.get().0 != four {
                read.set((four, characters(four * 4).to_le_bytes()));
            }
            Some(read.get().1[at % 4]).filter(|character| *character > 0)
        };
        let frame = decode(character, |at| Value::new(parse(at as i32)));
        self.client.handle_frame(self.now, SocketId(socket), frame);
    }

    /// A binary frame came.
    pub fn attachment(&mut self, socket: u32, attachment: i32) {
        if let Some(attachment) = Value::new(attachment) {
            self.client.handle_attachment(self.now, SocketId(socket), attachment);
        }
    }

    /// A socket is gone, or couldn't be opened.
    pub fn lost(&mut self, socket: u32, message: i32) {
        self.client.handle_lost(self.now, SocketId(socket), word(message));
    }

    /// A socket that may take over is open, or one that was to pause rests.
    pub fn ready(&mut self, socket: u32) {
        self.client.handle_ready(self.now, SocketId(socket));
    }

    /// Tells how much of a room's log was delivered: its offset, less than 0 where that isn't known.
    /// The epoch follows by [`Self::epoch`].
    pub fn offset(&self, room: i32) -> f64 {
        self.client.position(&word(room)).map_or(-1.0, |position| position.offset as f64)
    }

    /// The life of the log that the offset is of.
    pub fn epoch(&self, room: i32) -> i32 {
        let position = self.client.position(&word(room));
        position.map_or(0, |position| position.epoch.clone().give())
    }

    /// Tells who is in a room.
    pub fn users(&self, room: i32) {
        for user in self.client.users(&word(room)) {
            add_user(user.id());
        }
    }

    /// Rooms that are joined, or being joined.
    pub fn rooms(&self) -> u32 {
        self.client.rooms() as u32
    }
}

fn word(number: i32) -> Word {
    Word::new(number).unwrap_or_else(|| Word::known(""))
}

fn encoded(json: i32, attachments: i32) -> Option<Encoded<Value>> {
    let attachments = Value::new(attachments).map(|attachments| attachments.items().collect());
    Some(Encoded { json: Value::new(json)?, attachments: attachments.unwrap_or_default() })
}
