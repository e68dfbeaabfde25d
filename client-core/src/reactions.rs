//! What follows from what: how the parts of a client act on each other.

use samewire_protocol::{
    connection::{
        AuthError, AuthRequestError, Authenticated, ErrorEvent, Resumed, ServerShutdown,
        TokenExpiring,
    },
    event::Event as _,
    presence::{PresenceChanged, PresenceState},
};

use crate::{
    Arrived, Client, ClientErrorCode, Duration, Event, Failure, Instant, Payload, SocketId,
    Text as _, Transmit,
    connection::{Peer, Step, UPGRADE},
    framing::{FrameError, Packet},
    message::{Greeting, Request, signal},
    outbox::{Emit, Emits, Purpose},
    timer::Timer,
};

/// The events that say something about us, and what. The first four may come before who we are is said.
pub(crate) const ABOUT_US: [(&str, About); 9] = [
    (Authenticated::NAME, About::SignedIn),
    (AuthError::NAME, About::SignInFailed),
    (Resumed::NAME, About::Resumed),
    (PresenceState::NAME, About::PresenceState),
    (AuthRequestError::NAME, About::SignInFailed),
    (TokenExpiring::NAME, About::TokenExpiring),
    (ServerShutdown::NAME, About::Shutdown),
    (PresenceChanged::NAME, About::PresenceChanged),
    (ErrorEvent::NAME, About::Error),
];

/// What an event says about us.
#[derive(Clone, Copy)]
pub(crate) enum About {
    SignedIn,
    SignInFailed,
    Resumed,
    PresenceState,
    TokenExpiring,
    Shutdown,
    PresenceChanged,
    Error,
}

const ABOUT_SIGN_IN: usize = 4;

/// What an emit fails by that the server never answered.
pub(crate) const LATE: &str = "no answer came in time";

impl<P: Payload> Client<P> {
    /// Does what each part wants done, until none wants anything.
    pub(crate) fn go_on(&mut self, now: Instant) {
        loop {
            if let Some(step) = self.connection.poll_step() {
                self.step(now, step);
            } else if let Some(event) = self.rooms.poll_event() {
                match event {
                    Event::Arrived { event } => self.arrived(event),
                    event => self.events.push(event),
                }
            } else if let Some(request) = self.rooms.poll_ask() {
                self.ask(request);
            } else {
                break;
            }
        }
        if let Some(socket) = self.connection.open_socket() {
            let outlived = self.outbox.outlived(now);
            self.fail(outlived, ClientErrorCode::Timeout, LATE);
            let named = self.connection.peer() == Peer::Samewire;
            while let Some(message) = self.outbox.next_message(now, named) {
                self.send(socket, message);
            }
        }
        self.await_answers();
    }

    /// Sets the timer for the first answer that may be late.
    pub(crate) fn await_answers(&mut self) {
        self.connection.timers().set(Timer::Ack, self.outbox.deadline());
    }

    fn step(&mut self, now: Instant, step: Step<P::Text>) {
        match step {
            Step::OpenSocket(socket, transport, session) => {
                self.transmits.push(Transmit::Open { socket, transport, session });
            }
            Step::PauseSocket(socket) => self.transmits.push(Transmit::Pause { socket }),
            Step::TakeOver { old, new } => {
                self.send(new, signal::<P>(UPGRADE));
                self.transmits.push(Transmit::Close { socket: old });
                for message in std::mem::take(&mut self.held) {
                    self.send(new, message);
                }
            }
            Step::CloseSocket(socket) => self.transmits.push(Transmit::Close { socket }),
            Step::Send(socket, text) => self.send(socket, signal::<P>(text)),
            Step::AskForToken => self.events.push(Event::TokenNeeded),
            Step::Greet(socket, token) => self.greet(now, socket, token),
            Step::Up => self.rooms.connected(),
            Step::Down => self.go_down(),
            Step::StateChanged => self.events.push(Event::StateChanged),
            Step::Ping => self.ask(Request::Ping),
        }
    }

    /// Sends a message, or holds it while a websocket takes over.
    pub(crate) fn send(&mut self, socket: SocketId, message: P::Message) {
        if self.connection.is_upgrading() {
            self.held.push(message);
        } else {
            self.transmits.push(Transmit::Send { socket, message });
        }
    }

    fn greet(&mut self, now: Instant, socket: SocketId, token: Option<P::Text>) {
        let mut greeting = Greeting::new(token.as_ref());
        self.rooms.resume(&mut greeting);
        if greeting.resumes {
            let deadline = now + self.connection.config.ack_timeout;
            self.connection.timers().set(Timer::Resume, deadline);
        }
        self.send(socket, greeting.finish());
    }

    fn go_down(&mut self) {
        self.assembly.clear();
        self.held.clear();
        self.renewing = false;
        if self.session.take().is_some() {
            self.events.push(Event::SessionChanged);
        }
        self.rooms.disconnected();
        let given_up = self.outbox.disconnected();
        self.fail(given_up, ClientErrorCode::ConnectionLost, "the connection was lost");
    }

    pub(crate) fn packet(&mut self, packet: Packet<P>) {
        match packet {
            Packet::Event { args, ack, .. } => match args.event(ack) {
                Some(event) => {
                    if let Some(event) = self.rooms.accept(event) {
                        self.arrived(event);
                    }
                }
                None => self.fault("event", FrameError::Body),
            },
            Packet::Ack { id, args, .. } => {
                if let Some(answered) = self.outbox.answered(id) {
                    let answer = args.item(0);
                    let outcome = self.read_answer(&answered.emit.name, answer);
                    self.settle(answered.emit.purpose, outcome);
                }
            }
            Packet::Connect | Packet::Disconnect | Packet::ConnectError(_) => {}
        }
    }

    /// An event whose turn it is: it is checked, acted on where it is about us, and told.
    fn arrived(&mut self, event: Box<Arrived<P>>) {
        if let Err(problem) = self.checks.payload(&event.name, event.payload.as_ref()) {
            self.events.push(Event::Fault { event: event.name, problem });
            return;
        }
        let about_us = self.about_us.iter().position(|name| *name == event.name);
        if let (Some(index), Some(payload)) = (about_us, &event.payload) {
            self.act_on(ABOUT_US[index].1, payload);
        }
        if event.place.is_none() && about_us.is_none_or(|index| index >= ABOUT_SIGN_IN) {
            self.connection.spoke();
        }
        self.events.push(Event::Arrived { event });
    }

    fn act_on(&mut self, what: About, payload: &P) {
        match what {
            About::SignedIn => self.signed_in(payload),
            About::SignInFailed => {
                if let Some(failure) = Failure::refused(payload.clone()) {
                    self.connection.sign_in_failed(failure);
                }
            }
            About::TokenExpiring => {
                if self.connection.config.has_token {
                    self.renewing = true;
                    self.events.push(Event::TokenNeeded);
                }
            }
            About::Shutdown => {
                let stay_away = payload.field("reconnectAfterMs").and_then(|millis| millis.count());
                let reason = payload.text_of("reason").unwrap_or_else(|| P::Text::known(""));
                let stay_away = Duration::from_millis(stay_away.unwrap_or(0));
                self.connection.shutdown_announced(reason, stay_away);
            }
            About::Resumed => {
                self.connection.timers().stop(Timer::Resume);
                self.rooms.resumed(payload);
            }
            About::PresenceState => self.rooms.presence_state(payload),
            About::PresenceChanged => self.rooms.presence_update(payload),
            About::Error => self.taken_back(payload),
        }
    }

    fn signed_in(&mut self, session: &P) {
        self.session = Some(session.clone());
        self.events.push(Event::SessionChanged);
        self.connection.signed_in();
        if let Some(user) = session.text_of("userId") {
            self.rooms.joined_own(&user);
        }
    }

    /// An `error` about a room, and about no event of ours: the server took the room away.
    fn taken_back(&mut self, error: &P) {
        if let Some(room) = error.text_of("room")
            && error.field("event").is_none()
            && let Some(failure) = Failure::refused(error.clone())
        {
            self.rooms.remove(&room, failure);
        }
    }

    /// What an acknowledgement says: `{ ok, data }` or `{ ok, error }`; of another server, anything.
    fn read_answer(&mut self, name: &P::Text, answer: Option<P>) -> Result<Option<P>, Failure<P>> {
        // Another server may say `ok` too, and mean something else by the rest.
        let ours = self.connection.peer() == Peer::Samewire;
        let ok = answer.as_ref().and_then(|answer| answer.field("ok")?.flag());
        let field = |name| answer.as_ref().and_then(|answer| answer.field(name));
        let data = match (ok, field("data")) {
            (Some(true), data) if ours || data.is_some() => data,
            (Some(false), _) => match field("error").and_then(Failure::refused) {
                Some(failure) => return Err(failure),
                None if ours => {
                    let message = "a refusal without a reason";
                    return Err(Failure::new(ClientErrorCode::InvalidAnswer, message));
                }
                None => answer,
            },
            _ => answer,
        };
        self.checks.answer(name, data.as_ref()).map(|()| data).map_err(|problem| {
            self.events.push(Event::Fault { event: name.clone(), problem: problem.clone() });
            Failure::told(ClientErrorCode::InvalidAnswer, &problem)
        })
    }

    /// Emits failed, all of them for the same reason.
    pub(crate) fn fail(&mut self, emits: Emits<P>, code: ClientErrorCode, message: &'static str) {
        for waiting in &emits {
            self.settle(waiting.emit.purpose.clone(), Err(Failure::new(code, message)));
        }
    }

    fn settle(&mut self, purpose: Purpose<P::Text>, outcome: Result<Option<P>, Failure<P>>) {
        match purpose {
            Purpose::Call(call) => self.events.push(Event::Settled { call, outcome }),
            Purpose::Join(room) => {
                let nothing = || Failure::new(ClientErrorCode::InvalidAnswer, "an empty answer");
                let answer = outcome.and_then(|answer| answer.ok_or_else(nothing));
                self.rooms.join_answered(&room, answer.as_ref().map_err(Clone::clone));
            }
            Purpose::History(room) => {
                self.rooms.history_answered(&room, outcome.ok().flatten().as_ref())
            }
            Purpose::Nobody => {}
        }
    }

    /// Emits on the client's own account. Once: it arrives as long as the connection stands, and what
    /// came again would undo what was asked since. The answer has all the time of an emit's tries.
    pub(crate) fn ask(&mut self, request: Request<P::Text>) {
        let purpose = match &request {
            Request::Join { room, .. } => {
                // The answer to the one before doesn't speak of what this one asks for.
                let purpose = Purpose::Join(room.clone());
                self.outbox.forget(&purpose);
                purpose
            }
            Request::Leave { room } => {
                self.outbox.forget(&Purpose::Join(room.clone()));
                self.outbox.forget(&Purpose::History(room.clone()));
                Purpose::Nobody
            }
            Request::History { room, .. } => Purpose::History(room.clone()),
            Request::Ping | Request::Authenticate { .. } => Purpose::Nobody,
        };
        self.outbox.add_ours(Emit {
            name: P::Text::known(request.event()),
            payload: Some(request.payload::<P>()),
            id: None,
            purpose,
            timeout: self.connection.config.ack_timeout
                * self.connection.config.retries.saturating_add(1),
            retries: 0,
        });
    }

    pub(crate) fn fault(&mut self, event: &'static str, error: FrameError) {
        let problem = P::Text::known("frame").join(": ", &P::Text::known(error.as_str()));
        self.events.push(Event::Fault { event: P::Text::known(event), problem });
    }
}
