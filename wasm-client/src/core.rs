//! What JavaScript calls: clients by number, and what happens to them by number, too. One function
//! for nearly everything, because each costs a page a few hundred bytes on either side of the border.

use std::cell::RefCell;

use samewire_client_core::{
    CallId, Client, Clock, Duration, EmitOptions, HandleId, Instant, PageEvent, Payload as _,
    Place, Position, SocketId, Text as _, framing::decode,
};
use wasm_bindgen::prelude::*;

use crate::{
    numbers::Input,
    options, told,
    value::{GeneratedChecks, Held, Value, Word},
};

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    /// A character of the frame that came. One that isn't ASCII is 255, past the end is 0.
    fn character(at: i32) -> i32;

    /// The value of the JSON that begins there in the frame that came.
    fn parse(at: i32) -> i32;
}

/// What [`call`] gives where more is to be told than was.
const MORE: f64 = -2.0;

/// What [`call`] gives where something could not be done, and why was told.
const FAILED: f64 = -3.0;

thread_local! {
    /// Clients by their numbers.
    static CORES: RefCell<Vec<Option<Core>>> = const { RefCell::new(Vec::new()) };
}

/// A client, and the time it was told last.
struct Core {
    client: Client<Value>,
    clock: Clock,
    now: Instant,
}

/// Makes a client that isn't connected, by the options that lie ready. Its number.
#[wasm_bindgen]
pub fn make(seed: f64) -> usize {
    let client = Client::new(options::read(), seed.to_bits(), GeneratedChecks);
    let core = Core { client, clock: Clock::default(), now: Instant::default() };
    CORES.with_borrow_mut(|cores| {
        let free = cores.iter().position(Option::is_none).unwrap_or(cores.len());
        if free == cores.len() {
            cores.push(None);
        }
        cores[free] = Some(core);
        free
    })
}

/// Lets a client go.
#[wasm_bindgen]
pub fn free(core: usize) {
    CORES.with_borrow_mut(|cores| cores[core] = None);
}

/// Something happened to a client: an `Input`, by its number, with what it takes. Values and texts are
/// given as numbers. `now` is milliseconds since 1970.
///
/// What is to be done next is told if `follow` isn't 0: the network's part, with 2 the application's
/// after that. Gives -2 where there is more to be told; else when to tell the time at the latest, or
/// another number less than 0 where nothing is waited for.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "an object would cost a read of each field")]
pub fn call(
    core: usize,
    input: u32,
    now: f64,
    follow: i32,
    a: i32,
    b: i32,
    c: i32,
    d: i32,
    e: i32,
    f: i32,
) -> f64 {
    CORES.with_borrow_mut(|cores| match cores.get_mut(core) {
        Some(Some(core)) => core.call(input, now, follow, [a, b, c, d, e, f]),
        _ => 0.0,
    })
}

/// An event of a room came, and fits its type. Whether nothing is left to do but to hand it to the
/// application, as with nearly all; else nothing happened, and its frame is an `Input::Frame`.
#[wasm_bindgen]
pub fn next(
    core: usize,
    now: f64,
    socket: u32,
    name: i32,
    room: i32,
    epoch: i32,
    offset: f64,
) -> bool {
    let position = Position { epoch: word(epoch), offset: offset as u64 };
    let (name, place) = (word(name), Place { room: word(room), position });
    CORES.with_borrow_mut(|cores| match cores.get_mut(core) {
        Some(Some(core)) => {
            core.tick(now);
            core.client.passes(core.now, SocketId::new(socket), &name, &place)
        }
        _ => false,
    })
}

impl Core {
    /// Tells the time, which holds until it is told again. A page's timers come late: whatever
    /// happens is a reason to look at the clock.
    fn tick(&mut self, now: f64) {
        self.now = self.clock.at(now as u64);
        if self.client.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            self.client.handle_timeout(self.now);
        }
    }

    fn call(&mut self, input: u32, now: f64, follow: i32, given: [i32; 6]) -> f64 {
        let input = Input::of(input).unwrap_or(Input::Tick);
        if input == Input::Held {
            // Nothing else may happen meanwhile.
            return self.client.holds(&mut Held).into();
        }
        self.tick(now);
        let [a, b, c, ..] = given;
        let (client, now) = (&mut self.client, self.now);
        let socket = SocketId::new(a as u32);
        match input {
            Input::Tick | Input::Held => {}
            Input::Connect => client.connect(now),
            Input::Disconnect => client.disconnect(now),
            Input::Close => client.close(now),
            Input::Token => client.token(now, Ok(Word::new(a))),
            Input::TokenFailed => client.token(now, Err(word(a))),
            Input::Emit => self.emit(given),
            Input::EmitVolatile => {
                if let Some(payload) = Value::new(b)
                    && let Err(failure) = client.emit_volatile(word(a), payload)
                {
                    told::failure(failure);
                    return FAILED;
                }
            }
            Input::Cancel => client.cancel(now, CallId(a as u32)),
            Input::Acknowledge => {
                if let Some(ack) = Value::new(a).and_then(|ack| ack.count())
                    && let Some(answer) = Value::new(b)
                {
                    client.acknowledge(ack, answer);
                }
            }
            Input::Join => {
                client.join(now, HandleId(a as u32), word(b), Value::new(c).map(texts));
            }
            Input::Leave => client.leave(now, HandleId(a as u32)),
            Input::Online => client.handle_page(now, PageEvent::Online),
            Input::Offline => client.handle_page(now, PageEvent::Offline),
            Input::Shown => client.handle_page(now, PageEvent::Shown),
            Input::Away => client.handle_page(now, PageEvent::Away),
            Input::Back => client.handle_page(now, PageEvent::Back),
            Input::Frame => self.frame(socket),
            Input::Attachment => {
                if let Some(attachment) = Value::new(b) {
                    client.handle_attachment(now, socket, attachment);
                }
            }
            Input::Lost => client.handle_lost(now, socket, word(b)),
            Input::Ready => client.handle_ready(now, socket),
            Input::Offset => {
                return client.position(&word(a)).map_or(-1.0, |position| position.offset as f64);
            }
            Input::Epoch => {
                let epoch = client.position(&word(a)).map(|position| position.epoch);
                return epoch.map_or(0, Word::id).into();
            }
            Input::Users => client.users(&word(a)).for_each(|user| user.gather()),
            Input::Rooms => return client.rooms() as f64,
            Input::Answer => {
                let data = Value::new(c);
                let call = client.settles(now, socket, b as u64, data.as_ref());
                return call.map_or(-1.0, |CallId(call)| call.into());
            }
        }
        if follow == 0 { 0.0 } else { self.tell(follow == 2) }
    }

    /// Tells what is to be done next; with `events`, it may be the application's part.
    fn tell(&mut self, events: bool) -> f64 {
        let client = &mut self.client;
        let told = if let Some(transmit) = client.poll_transmit() {
            told::transmit(transmit);
            true
        } else if let Some(event) = events.then(|| client.poll_event()).flatten() {
            let client = &*client;
            let state = || (client.state(), client.transport());
            told::event(event, state, || client.session().cloned());
            true
        } else {
            false
        };
        if told && !client.is_idle() {
            return MORE;
        }
        client.poll_timeout().map_or(-1.0, |deadline| deadline.as_millis() as f64)
    }

    /// `encoded` is the payload, `id` a UUID; less than 0 stands for no `timeout` and no `retries` of its
    /// own.
    fn emit(&mut self, [call, event, encoded, id, timeout, retries]: [i32; 6]) {
        let options = EmitOptions {
            id: word(id),
            timeout: u64::try_from(timeout).ok().map(Duration::from_millis),
            retries: u32::try_from(retries).ok(),
        };
        if let Some(payload) = Value::new(encoded) {
            self.client.emit(self.now, CallId(call as u32), word(event), payload, options);
        }
    }

    /// The text frame that lies ready came.
    fn frame(&mut self, socket: SocketId) {
        let character = |at: usize| Some(character(at as i32) as u8).filter(|it| *it > 0);
        let frame = decode(character, |at| Value::new(parse(at as i32)));
        self.client.handle_frame(self.now, socket, frame);
    }
}

fn word(number: i32) -> Word {
    Word::new(number).unwrap_or_else(|| Word::known(""))
}

fn texts(names: Value) -> Vec<Word> {
    let mut texts = Vec::new();
    for name in names.items() {
        if let Some(text) = name.text() {
            texts.push(text);
        }
    }
    texts
}
