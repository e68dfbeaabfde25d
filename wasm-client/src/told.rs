//! What is to be done next, told to JavaScript.

use samewire_client_core::{ConnectionState, Event, Failure, Place, Position, Transmit, Transport};
use wasm_bindgen::prelude::*;

use crate::{
    numbers::{Status, What},
    value::{Value, Word},
};

#[wasm_bindgen(module = "/src/engine.js")]
extern "C" {
    /// What is to be done, and what with. Values among these are to be taken before the core is called again.
    pub(crate) fn tell(what: i32, a: f64, b: f64, c: f64, d: f64);

    /// The same for what is told most: an event. 0 stands for no room and no epoch, less than 0 for no
    /// number to acknowledge it by.
    #[wasm_bindgen(js_name = tellArrived)]
    fn tell_arrived(
        event: i32,
        payload: i32,
        room: i32,
        epoch: i32,
        offset: f64,
        ack: f64,
        args: i32,
    );

    /// The failure that the next `tell` is about.
    fn fail(body: i32, retryable: i32);
}

/// As `engine.js` numbers them.
const fn transport_number(transport: Transport) -> f64 {
    match transport {
        Transport::Websocket => 0.0,
        Transport::Polling => 1.0,
    }
}

fn say<const COUNT: usize>(what: What, with: [f64; COUNT]) {
    let at = |index: usize| with.get(index).copied().unwrap_or(0.0);
    tell(what as i32, at(0), at(1), at(2), at(3));
}

fn text(text: Word) -> f64 {
    text.id().into()
}

fn value(value: Option<Value>) -> f64 {
    value.map_or(0, Value::id).into()
}

/// Tells a failure ahead of what it is about.
pub(crate) fn failure(failure: Failure<Value>) {
    fail(failure.body().id(), failure.is_retryable().into());
}

/// Tells what is to be done with the network.
pub(crate) fn transmit(transmit: Transmit<Value>) {
    match transmit {
        Transmit::Open { socket, transport, session } => {
            let session = session.map_or(0, Word::id).into();
            say(What::Open, [socket.get().into(), transport_number(transport), session]);
        }
        Transmit::Send { socket, message } => {
            say(What::Send, [socket.get().into(), message.id().into()]);
        }
        Transmit::Pause { socket } => say(What::Pause, [socket.get().into()]),
        Transmit::Close { socket } => say(What::Shut, [socket.get().into()]),
    }
}

/// Tells what the application is to be told.
pub(crate) fn event(
    event: Event<Value>,
    state: impl FnOnce() -> (ConnectionState<Value>, Transport),
    session: impl FnOnce() -> Option<Value>,
) {
    match event {
        Event::StateChanged => {
            let (state, transport) = state();
            self::state(state, transport);
        }
        Event::SessionChanged => say(What::Session, [value(session())]),
        Event::TokenNeeded => say(What::TokenNeeded, []),
        Event::Arrived { event } => {
            let (room, epoch, offset) = match event.place {
                Some(Place { room, position: Position { epoch, offset } }) => {
                    (room.id(), epoch.id(), offset as f64)
                }
                None => (0, 0, 0.0),
            };
            let ack = event.ack.map_or(-1.0, |ack| ack as f64);
            let payload = event.payload.map_or(0, Value::id);
            let args = event.args.map_or(0, Value::id);
            tell_arrived(event.name.id(), payload, room, epoch, offset, ack, args);
        }
        Event::Settled { call, outcome } => {
            let answer = outcome.unwrap_or_else(|because| {
                failure(because);
                None
            });
            say(What::Settled, [call.0.into(), value(answer)]);
        }
        Event::Joined { handle, room } => say(What::Joined, [handle.0.into(), text(room)]),
        Event::Refused { handle, failure: because } => {
            failure(because);
            say(What::Refused, [handle.0.into()]);
        }
        Event::Recovered { room, missed } => say(What::Recovered, [text(room), missed as f64]),
        Event::Reset { room, position } => {
            say(What::Reset, [text(room), text(position.epoch), position.offset as f64]);
        }
        Event::Removed { room, failure: because } => {
            failure(because);
            say(What::Removed, [text(room)]);
        }
        Event::PresenceChanged { room } => say(What::Presence, [text(room)]),
        Event::Fault { event, problem } => say(What::Fault, [text(event), text(problem)]),
    }
}

fn state(state: ConnectionState<Value>, transport: Transport) {
    let (status, attempt, retry_at) = match state {
        ConnectionState::Idle => (Status::Idle, 0, 0),
        ConnectionState::Connecting => (Status::Connecting, 0, 0),
        ConnectionState::Authenticating => (Status::Authenticating, 0, 0),
        ConnectionState::Connected => (Status::Connected, 0, 0),
        ConnectionState::Reconnecting { attempt, retry_at, reason } => {
            failure(reason);
            (Status::Reconnecting, attempt, retry_at.as_millis())
        }
        ConnectionState::Closed { reason } => {
            failure(reason);
            (Status::Closed, 0, 0)
        }
    };
    let (status, transport) = (f64::from(status as u8), transport_number(transport));
    say(What::State, [status, attempt.into(), retry_at as f64, transport]);
}
