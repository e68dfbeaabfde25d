//! What follows from what: how the parts of a client act on each other.

use std::{sync::Arc, time::Duration};

use samewire_protocol::{
    VERSION,
    connection::{
        AuthError, AuthRequestError, Authenticated, ErrorEvent, Handshake, Ping, Resumed,
        ServerShutdown, TokenExpiring,
    },
    event::Event as _,
    presence::{PresenceChanged, PresenceState},
    room::USER,
    rooms::{RoomHistory, RoomJoin, RoomLeave},
};
use serde::Serialize;

use crate::{
    Arrived, Client, ClientErrorCode, Event, Failure, Instant, Message, Misfit, Payload, SocketId,
    Transmit,
    connection::{Peer, Step, UPGRADE},
    framing::{self, FrameError, Packet},
    outbox::{Answered, Body, Emit, Purpose},
    rooms::{Ask, News},
    timer::Timer,
};

/// What a Samewire server may send before it has said who we are.
const ABOUT_SIGN_IN: [&str; 4] =
    [Authenticated::NAME, AuthError::NAME, Resumed::NAME, PresenceState::NAME];

impl<P: Payload> Client<P> {
    /// Does what each part wants done, until none wants anything.
    pub(crate) fn go_on(&mut self, now: Instant) {
        loop {
            if let Some(step) = self.connection.poll_step() {
                self.step(now, step);
            } else if let Some(news) = self.rooms.poll_news() {
                self.news(news);
            } else if let Some(ask) = self.rooms.poll_ask() {
                self.ask_for_room(ask);
            } else {
                break;
            }
        }
        if let Some(socket) = self.connection.open_socket() {
            for answered in self.outbox.outlived(now) {
                let message = "no answer came for so long that it can't be sent again";
                self.settle(answered, Err(Failure::new(ClientErrorCode::Timeout, message)));
            }
            let named = self.connection.peer() == Peer::Samewire;
            while let Some(message) = self.outbox.next_message(now, named) {
                self.send(socket, message);
            }
        }
        match self.outbox.deadline() {
            Some(deadline) => self.connection.timers().set(Timer::Ack, deadline),
            None => self.connection.timers().stop(Timer::Ack),
        }
    }

    fn step(&mut self, now: Instant, step: Step) {
        match step {
            Step::OpenSocket(socket, transport, session) => {
                self.transmits.push_back(Transmit::Open { socket, transport, session });
            }
            Step::PauseSocket(socket) => self.transmits.push_back(Transmit::Pause { socket }),
            Step::TakeOver { old, new } => {
                self.send(new, Message::text(UPGRADE.to_owned()));
                self.transmits.push_back(Transmit::Close { socket: old });
                for message in std::mem::take(&mut self.held) {
                    self.send(new, message);
                }
            }
            Step::CloseSocket(socket) => self.transmits.push_back(Transmit::Close { socket }),
            Step::Send(socket, text) => self.send(socket, Message::text(text)),
            Step::AskForToken => self.events.push_back(Event::TokenNeeded),
            Step::Greet(socket, token) => self.greet(now, socket, token),
            Step::Up => self.rooms.connected(),
            Step::Down => self.go_down(),
            Step::StateChanged => self.events.push_back(Event::StateChanged),
            Step::Ping => self.ask(Ping::NAME, &Ping {}, Purpose::Nobody),
        }
    }

    /// Sends a message, or holds it while a websocket takes over.
    pub(crate) fn send(&mut self, socket: SocketId, message: Message<P>) {
        if self.connection.is_upgrading() {
            self.held.push(message);
        } else {
            self.transmits.push_back(Transmit::Send { socket, message });
        }
    }

    fn greet(&mut self, now: Instant, socket: SocketId, token: Option<String>) {
        let resume = self.rooms.resume();
        if !resume.is_empty() {
            self.connection.timers().set(Timer::Resume, now + self.config.ack_timeout);
        }
        let resume = (!resume.is_empty()).then_some(resume);
        let auth = Handshake { token, protocol: Some(VERSION.to_owned()), resume };
        self.send(socket, Message::text(framing::connect(&auth)));
    }

    fn go_down(&mut self) {
        self.assembly.clear();
        self.held.clear();
        self.renewing = false;
        if self.session.take().is_some() {
            self.events.push_back(Event::SessionChanged);
        }
        self.rooms.disconnected();
        let lost = Failure::new(
            ClientErrorCode::ConnectionLost,
            "the connection was lost before an answer came",
        );
        for answered in self.outbox.disconnected() {
            self.settle(answered, Err(lost.clone()));
        }
    }

    pub(crate) fn packet(&mut self, packet: Packet<P>) {
        match packet {
            Packet::Event { args, ack, .. } => match args.event() {
                Some(mut event) => match event.place.take() {
                    Some(place) => self.rooms.accept(place, event),
                    None => self.arrived(event, ack),
                },
                None => self.fault("event", FrameError::Body),
            },
            Packet::Ack { id, args, .. } => {
                if let Some(answered) = self.outbox.answered(id) {
                    let outcome = self.read_answer(&answered.name, args.item(0));
                    self.settle(answered, outcome);
                }
            }
            Packet::Connect | Packet::Disconnect | Packet::ConnectError(_) => {}
        }
    }

    /// An event whose turn it is: it is checked, acted on where it is about us, and told.
    fn arrived(&mut self, event: Arrived<P>, ack: Option<u64>) {
        if let Err(misfit) = self.checks.payload(&event.name, event.payload.as_ref()) {
            self.events.push_back(Event::Fault { event: event.name, misfit });
            return;
        }
        if let Some(payload) = &event.payload {
            self.act_on(&event.name, payload);
        }
        if event.place.is_none() && !ABOUT_SIGN_IN.contains(&&*event.name) {
            self.connection.spoke();
        }
        self.events.push_back(Event::Arrived { event, ack });
    }

    fn act_on(&mut self, name: &str, payload: &P) {
        match name {
            Authenticated::NAME => self.signed_in(payload),
            AuthError::NAME | AuthRequestError::NAME => {
                if let Some(failure) = Failure::read(payload) {
                    self.connection.sign_in_failed(failure);
                }
            }
            TokenExpiring::NAME if self.config.has_token => {
                self.renewing = true;
                self.events.push_back(Event::TokenNeeded);
            }
            ServerShutdown::NAME => {
                let text = |name| payload.field(name)?.text();
                let stay_away = payload
                    .field("reconnectAfterMs")
                    .and_then(|millis| millis.count())
                    .unwrap_or(0);
                let reason = text("reason").unwrap_or_default();
                self.connection.shutdown_announced(&reason, Duration::from_millis(stay_away));
            }
            Resumed::NAME => {
                self.connection.timers().stop(Timer::Resume);
                self.rooms.resumed(payload);
            }
            PresenceState::NAME => self.rooms.presence_state(payload),
            PresenceChanged::NAME => self.rooms.presence_update(payload),
            ErrorEvent::NAME => self.taken_back(payload),
            _ => {}
        }
    }

    fn signed_in(&mut self, session: &P) {
        self.session = Some(session.clone());
        self.events.push_back(Event::SessionChanged);
        self.connection.signed_in();
        if let Some(user) = session.field("userId").and_then(|user| user.text()) {
            self.rooms.joined_own(&format!("{}:{user}", USER.0));
        }
    }

    /// An `error` about a room, and about no event of ours: the server took the room away.
    fn taken_back(&mut self, error: &P) {
        if let Some(room) = error.field("room").and_then(|room| room.text())
            && error.field("event").is_none()
            && let Some(failure) = Failure::read(error)
        {
            self.rooms.remove(&room, failure);
        }
    }

    /// What an acknowledgement says: `{ ok, data }` or `{ ok, error }`; of another server, anything.
    fn read_answer(&mut self, name: &Arc<str>, answer: Option<P>) -> Result<Option<P>, Failure> {
        let invalid = |message: String| Failure::new(ClientErrorCode::InvalidAnswer, message);
        // Another server may say `ok` too, and mean something else by the rest.
        let ours = self.connection.peer() == Peer::Samewire;
        let ok = answer.as_ref().and_then(|answer| answer.field("ok")?.flag());
        let field = |name| answer.as_ref().and_then(|answer| answer.field(name));
        let data = match (ok, field("data")) {
            (Some(true), data) if ours || data.is_some() => data,
            (Some(false), _) => match field("error").and_then(|error| Failure::read(&error)) {
                Some(failure) => return Err(failure),
                None if ours => return Err(invalid("a refusal without a reason".into())),
                None => answer,
            },
            _ => answer,
        };
        self.checks.answer(name, data.as_ref()).map(|()| data).map_err(|misfit| {
            let failure = invalid(format!("{}: {}", misfit.path, misfit.message));
            self.events.push_back(Event::Fault { event: name.clone(), misfit });
            failure
        })
    }

    pub(crate) fn settle(&mut self, answered: Answered, outcome: Result<Option<P>, Failure>) {
        match answered.purpose {
            Purpose::Call(call) => self.events.push_back(Event::Settled { call, outcome }),
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

    fn ask_for_room(&mut self, ask: Ask) {
        match ask {
            Ask::Join(join) => {
                let purpose = Purpose::Join(join.room.as_str().into());
                // The answer to the one before doesn't speak of what this one asks for.
                self.outbox.forget(&purpose);
                self.ask(RoomJoin::NAME, &join, purpose);
            }
            Ask::Leave(leave) => {
                let room: Arc<str> = leave.room.as_str().into();
                self.outbox.forget(&Purpose::Join(room.clone()));
                self.outbox.forget(&Purpose::History(room));
                self.ask(RoomLeave::NAME, &leave, Purpose::Nobody);
            }
            Ask::History(history) => {
                let purpose = Purpose::History(history.room.as_str().into());
                self.ask(RoomHistory::NAME, &history, purpose);
            }
        }
    }

    /// Emits on the client's own account. Once: it arrives as long as the connection stands, and what
    /// came again would undo what was asked since. The answer has all the time of an emit's tries.
    pub(crate) fn ask(&mut self, name: &str, payload: &impl Serialize, purpose: Purpose) {
        let emit = Emit {
            name: name.into(),
            body: Body::Ours(framing::json(payload)),
            id: None,
            purpose,
            timeout: self.config.ack_timeout * (self.config.retries + 1),
            retries: 0,
        };
        self.outbox.add_ours(emit);
    }

    fn news(&mut self, news: News<P>) {
        let event = match news {
            News::Released(event) => return self.arrived(event, None),
            News::Joined { handle, room } => Event::Joined { handle, room },
            News::Refused { handle, failure } => Event::Refused { handle, failure },
            News::Recovered { room, missed } => Event::Recovered { room, missed },
            News::Reset { room, position } => Event::Reset { room, position },
            News::Removed { room, failure } => Event::Removed { room, failure },
            News::PresenceChanged { room } => Event::PresenceChanged { room },
        };
        self.events.push_back(event);
    }

    pub(crate) fn fault(&mut self, event: &str, error: FrameError) {
        let misfit = Misfit { path: "frame".to_owned(), message: error.to_string() };
        self.events.push_back(Event::Fault { event: event.into(), misfit });
    }
}
