//! Takes out what the core wants done, and does it.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use js_sys::{Date, Object, Reflect};
use samewire_client_core::{
    Arrived, Client, Clock, ConnectionState, Event, Failure, Instant, Place, Position, SocketId,
    Transmit,
};
use wasm_bindgen::JsValue;

use crate::{host::Host, names, socket::OpenSocket, timer::Timer, value::Value};

/// A client with its sockets and its timer.
///
/// The host's methods run application code, which may call back in here: nothing is borrowed
/// while one of them runs.
pub(crate) struct Driver {
    core: RefCell<Client<Value>>,
    clock: RefCell<Clock>,
    pub(crate) host: Host,
    /// One, and for a moment the one that takes over from it.
    sockets: RefCell<Vec<OpenSocket>>,
    timer: Timer,
    /// Somebody up the stack is driving, and will do what is left.
    driving: Cell<bool>,
    /// A join was told: whoever waits for it gets to listen before more is told.
    pausing: Cell<bool>,
}

impl Driver {
    pub(crate) fn new(core: Client<Value>, host: Host) -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            core: RefCell::new(core),
            clock: RefCell::default(),
            host,
            sockets: RefCell::default(),
            timer: Timer::new(this),
            driving: Cell::new(false),
            pausing: Cell::new(false),
        })
    }

    /// Tells the core something, and does what follows from it.
    pub(crate) fn input<T>(
        self: &Rc<Self>,
        input: impl FnOnce(&mut Client<Value>, Instant) -> T,
    ) -> T {
        let now = self.now();
        let given = input(&mut self.core.borrow_mut(), now);
        self.follow(now);
        given
    }

    /// Does what follows from an input. A page's timers come late: whatever happens is a reason to
    /// look at the clock.
    fn follow(self: &Rc<Self>, now: Instant) {
        let mut core = self.core.borrow_mut();
        if core.poll_timeout().is_some_and(|deadline| deadline <= now) {
            core.handle_timeout(now);
        }
        drop(core);
        self.drive();
    }

    /// Asks the core something.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Client<Value>) -> T) -> T {
        question(&self.core.borrow())
    }

    /// The timer ran out.
    pub(crate) fn wake(self: &Rc<Self>) {
        self.timer.ended();
        self.pausing.set(false);
        self.input(|core, now| core.handle_timeout(now));
    }

    pub(crate) fn timers(&self) -> u32 {
        self.timer.is_running().into()
    }

    pub(crate) fn sockets(&self) -> u32 {
        self.sockets.borrow().len() as u32
    }

    fn now(&self) -> Instant {
        self.clock.borrow_mut().at(Date::now() as u64)
    }

    fn drive(self: &Rc<Self>) {
        if self.driving.replace(true) {
            return;
        }
        loop {
            let transmit = self.core.borrow_mut().poll_transmit();
            if let Some(transmit) = transmit {
                self.transmit(transmit);
                continue;
            }
            if self.pausing.get() {
                break;
            }
            let event = self.core.borrow_mut().poll_event();
            match event {
                Some(event) => self.tell(event),
                None => break,
            }
        }
        self.driving.set(false);
        self.set_timer();
    }

    /// Every frame moves the heartbeat's deadline away. A timer that wakes too early does no harm,
    /// and is cheaper than one that is set anew each time.
    fn set_timer(&self) {
        if self.pausing.get() {
            return self.timer.set(self.now(), Instant::default());
        }
        let deadline = self.core.borrow().poll_timeout();
        match deadline {
            Some(deadline) => self.timer.set(self.now(), deadline),
            None => self.timer.stop(),
        }
    }

    fn transmit(self: &Rc<Self>, transmit: Transmit<Value>) {
        match transmit {
            Transmit::Open { socket: id, transport, session } => {
                match OpenSocket::open(self, id, transport, session) {
                    Ok(socket) => self.sockets.borrow_mut().push(socket),
                    Err(error) => {
                        let message = error_message(&error);
                        let now = self.now();
                        self.core.borrow_mut().handle_lost(now, id, &message);
                    }
                }
            }
            // A socket that can't send closes, and says so.
            Transmit::Send { socket: id, message } => {
                self.on_socket(id, |socket| _ = socket.send(&message));
            }
            Transmit::Pause { socket: id } => self.on_socket(id, OpenSocket::pause),
            Transmit::Close { socket: id } => {
                self.sockets.borrow_mut().retain(|socket| socket.id != id);
            }
        }
    }

    fn on_socket(&self, id: SocketId, act: impl FnOnce(&OpenSocket)) {
        if let Some(socket) = self.sockets.borrow().iter().find(|socket| socket.id == id) {
            act(socket);
        }
    }

    fn tell(&self, event: Event<Value>) {
        let host = &self.host;
        let told = match event {
            Event::StateChanged => self.tell_state(),
            Event::SessionChanged => host.session_changed(
                self.ask(|core| core.session().map(|session| session.0.clone()))
                    .unwrap_or_default(),
            ),
            Event::TokenNeeded => host.token_needed(),
            Event::Arrived { event, ack } => self.tell_arrived(event, ack),
            Event::Settled { call, outcome } => match outcome {
                Ok(answer) => host.settled(
                    call.0,
                    JsValue::UNDEFINED,
                    answer.map(|answer| answer.0).unwrap_or_default(),
                ),
                Err(failure) => host.settled(call.0, failure_object(&failure), JsValue::UNDEFINED),
            },
            Event::Joined { handle, room } => {
                self.pausing.set(true);
                host.joined(handle.0, &room)
            }
            Event::Refused { handle, failure } => host.refused(handle.0, failure_object(&failure)),
            Event::Recovered { room, missed } => host.recovered(&room, missed as f64),
            Event::Reset { room, position } => host.reset(&room, position_object(&position)),
            Event::Removed { room, failure } => host.removed(&room, failure_object(&failure)),
            Event::PresenceChanged { room } => host.presence_changed(&room),
            Event::Fault { event, misfit } => host.fault(&event, &misfit.path, &misfit.message),
        };
        if let Err(error) = told {
            host.report(&error);
        }
    }

    fn tell_arrived(&self, event: Arrived<Value>, ack: Option<u64>) -> Result<(), JsValue> {
        let Arrived { name, payload, place, args } = event;
        let name = names::value(&name);
        let payload = payload.map(|payload| payload.0).unwrap_or_default();
        let ack = ack.map(|ack| ack as f64);
        let nothing = JsValue::UNDEFINED;
        match place {
            Some(Place { room, position: Position { epoch, offset } }) => {
                let (room, epoch) = (names::value(&room), names::value(&epoch));
                let offset = offset as f64;
                self.host.arrived(&name, &payload, &room, &epoch, offset, ack, &nothing)
            }
            None => {
                let args = args.map(|args| args.0).unwrap_or_default();
                self.host.arrived(&name, &payload, &nothing, &nothing, 0.0, ack, &args)
            }
        }
    }

    fn tell_state(&self) -> Result<(), JsValue> {
        let (state, transport) = self.ask(|core| (core.state(), core.transport()));
        let (status, attempt, retry_at, reason) = match state {
            ConnectionState::Idle => ("idle", 0, 0, None),
            ConnectionState::Connecting => ("connecting", 0, 0, None),
            ConnectionState::Authenticating => ("authenticating", 0, 0, None),
            ConnectionState::Connected => ("connected", 0, 0, None),
            ConnectionState::Reconnecting { attempt, retry_at, reason } => {
                ("reconnecting", attempt, retry_at.as_millis(), Some(reason))
            }
            ConnectionState::Closed { reason } => ("closed", 0, 0, Some(reason)),
        };
        let reason = reason.as_ref().map(failure_object).unwrap_or_default();
        self.host.state_changed(status, attempt, retry_at as f64, reason, transport.as_str())
    }
}

/// `{ code, message, retryable, retryAfterMs? }`.
pub(crate) fn failure_object(failure: &Failure) -> JsValue {
    object([
        ("code", JsValue::from_str(&failure.code)),
        ("message", JsValue::from_str(&failure.message)),
        ("retryable", failure.retryable.into()),
        ("retryAfterMs", failure.retry_after_ms.into()),
    ])
}

/// `{ epoch, offset }`.
pub(crate) fn position_object(position: &Position) -> JsValue {
    object([
        ("epoch", JsValue::from_str(&position.epoch)),
        ("offset", JsValue::from_f64(position.offset as f64)),
    ])
}

fn object<const COUNT: usize>(fields: [(&str, JsValue); COUNT]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A new object takes any field.
        _ = Reflect::set(&object, &JsValue::from_str(name), &value);
    }
    object.into()
}

fn error_message(error: &JsValue) -> String {
    let message =
        Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.unwrap_or_else(|| "the socket couldn't be opened".to_owned())
}
