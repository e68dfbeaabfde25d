//! The whole client: what the parts do is brought together here.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use samewire_protocol::{
    VERSION,
    connection::{
        AuthError, AuthRequestError, Authenticate, Authenticated, ErrorEvent, Handshake, Resumed,
        ServerShutdown, TokenExpiring,
    },
    event::Event as _,
    presence::{PresenceChanged, PresenceState},
    room::USER,
    rooms::{RoomHistory, RoomJoin, RoomLeave},
};
use serde::Serialize;

use crate::{
    Arrived, CallId, Checks, ClientErrorCode, Config, ConnectionState, Encoded, Failure, HandleId,
    Instant, Message, Misfit, Payload, Position, SocketId, Transmit,
    assembly::Assembly,
    connection::{Connection, Peer, Step},
    framing::{self, Frame, FrameError, Packet},
    outbox::{Answered, Body, Emit, Outbox, Purpose},
    rooms::{Ask, News, Rooms},
    timer::Timer,
};

/// A client without IO. Every call and every input may leave something in each of the outputs
/// [`Self::poll_transmit`], [`Self::poll_event`] and [`Self::poll_timeout`].
pub struct Client<P> {
    config: Config,
    checks: Box<dyn Checks<P>>,
    connection: Connection,
    assembly: Assembly<P>,
    outbox: Outbox<P>,
    rooms: Rooms<P>,
    /// What the server said of us at sign-in.
    session: Option<P>,
    /// A fresh token was asked for, to bring it on a connection that stands.
    renewing: bool,
    transmits: VecDeque<Transmit<P>>,
    events: VecDeque<Event<P>>,
}

/// What the application is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<P> {
    /// [`Client::state`] is another.
    StateChanged,
    /// [`Client::session`] is another.
    SessionChanged,
    /// Somebody has to call [`Client::token`].
    TokenNeeded,
    /// An event came. `ack` is the number that [`Client::acknowledge`] takes, where the server wants
    /// to hear.
    Arrived {
        /// What came.
        event: Arrived<P>,
        /// By which number it is acknowledged.
        ack: Option<u64>,
    },
    /// An emit is over. Told once for each.
    Settled {
        /// Which.
        call: CallId,
        /// What the server answered, or why it failed.
        outcome: Result<Option<P>, Failure>,
    },
    /// A join is granted.
    Joined {
        /// Whose.
        handle: HandleId,
        /// The room, as the server calls it.
        room: Arc<str>,
    },
    /// A join is refused; its handle is forgotten.
    Refused {
        /// Whose.
        handle: HandleId,
        /// Why.
        failure: Failure,
    },
    /// What was missed of a room while there was no connection has been told.
    Recovered {
        /// The room.
        room: Arc<str>,
        /// How many events it was.
        missed: u64,
    },
    /// What was missed of a room is lost.
    Reset {
        /// The room.
        room: Arc<str>,
        /// From where on nothing is missing.
        position: Position,
    },
    /// The server took a room away; its handles are forgotten.
    Removed {
        /// The room.
        room: Arc<str>,
        /// Why.
        failure: Failure,
    },
    /// [`Client::users`] of a room are others.
    PresenceChanged {
        /// The room.
        room: Arc<str>,
    },
    /// What came doesn't fit its type, and is told nobody else.
    Fault {
        /// The event it belongs to.
        event: Arc<str>,
        /// Where it doesn't fit.
        misfit: Misfit,
    },
}

/// How an emit is treated.
#[derive(Debug, Clone, PartialEq)]
pub struct EmitOptions {
    /// A UUID, so that the server doesn't act twice on an emit that is sent again.
    pub id: String,
    /// How long to wait for the answer, each try. None means as configured.
    pub timeout: Option<Duration>,
    /// Times it may be sent again. None means as configured.
    pub retries: Option<u32>,
}

/// Calls of the application.
impl<P: Payload> Client<P> {
    /// A client that is not connected. `seed` should differ from client to client.
    pub fn new(config: Config, seed: u64, checks: impl Checks<P> + 'static) -> Self {
        Self {
            connection: Connection::new(config.clone(), seed),
            outbox: Outbox::new(config.queue_limit),
            config,
            checks: Box::new(checks),
            assembly: Assembly::new(),
            rooms: Rooms::new(),
            session: None,
            renewing: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Connects, at once even where a later try is set.
    pub fn connect(&mut self, now: Instant) {
        self.connection.connect(now);
        self.go_on(now);
    }

    /// Ends the connection. Rooms and emits stay until the next [`Self::connect`].
    pub fn disconnect(&mut self, now: Instant) {
        self.connection.disconnect(now);
        self.go_on(now);
    }

    /// Ends everything. What waits for an answer fails; no deadline stays.
    pub fn close(&mut self, now: Instant) {
        let failure = Failure::new(ClientErrorCode::Closed, "the client was closed");
        for answered in self.outbox.drain() {
            self.settle(answered, Err(failure.clone()));
        }
        self.rooms.close(&failure);
        self.disconnect(now);
    }

    /// The answer to [`Event::TokenNeeded`]: a token, none, or why there is none.
    pub fn token(&mut self, now: Instant, token: Result<Option<String>, String>) {
        if std::mem::take(&mut self.renewing) && self.connection.open_socket().is_some() {
            if let Ok(Some(token)) = token {
                self.ask(Authenticate::NAME, &Authenticate { token }, Purpose::Nobody);
            }
        } else {
            self.connection.token(now, token);
        }
        self.go_on(now);
    }

    /// Sends an event, now or when connected, and tells what comes of it as [`Event::Settled`].
    pub fn emit(
        &mut self,
        now: Instant,
        call: CallId,
        name: &str,
        payload: Encoded<P>,
        options: EmitOptions,
    ) {
        let emit = Emit {
            name: name.into(),
            body: Body::Theirs(payload),
            id: Some(options.id),
            purpose: Purpose::Call(call),
            timeout: options.timeout.unwrap_or(self.config.ack_timeout),
            retries: options.retries.unwrap_or(self.config.retries),
        };
        if let Err(failure) = self.outbox.add(emit) {
            self.events.push_back(Event::Settled { call, outcome: Err(failure) });
        }
        self.go_on(now);
    }

    /// Sends an event now, or fails. Nothing is heard of it again.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn emit_volatile(&mut self, name: &str, payload: Encoded<P>) -> Result<(), Failure> {
        let Some(socket) = self.connection.open_socket() else {
            return Err(Failure::new(ClientErrorCode::NotConnected, "there is no connection"));
        };
        let message = Body::Theirs(payload).message(name, None, None);
        self.transmits.push_back(Transmit::Send { socket, message });
        Ok(())
    }

    /// Gives an emit up: it won't be told of.
    pub fn cancel(&mut self, now: Instant, call: CallId) {
        self.outbox.forget(&Purpose::Call(call));
        self.go_on(now);
    }

    /// Answers an event that the server wants acknowledged.
    pub fn acknowledge(&mut self, ack: u64, answer: Encoded<P>) {
        if let Some(socket) = self.connection.open_socket() {
            let message = framing::acknowledgement(ack, answer);
            self.transmits.push_back(Transmit::Send { socket, message });
        }
    }

    /// Joins a room, or waits until there is a connection. With `events`, only those are sent.
    pub fn join(
        &mut self,
        now: Instant,
        handle: HandleId,
        room: &str,
        events: Option<Vec<String>>,
    ) {
        let online = self.connection.open_socket().is_some();
        self.rooms.join(handle, room, events, online);
        self.go_on(now);
    }

    /// Ends a handle. The last one of a room leaves it.
    pub fn leave(&mut self, now: Instant, handle: HandleId) {
        let online = self.connection.open_socket().is_some();
        self.rooms.leave(handle, online);
        self.go_on(now);
    }
}

/// What the network and the clock bring.
impl<P: Payload> Client<P> {
    /// A frame came.
    pub fn handle_frame(
        &mut self,
        now: Instant,
        socket: SocketId,
        frame: Result<Frame<P>, FrameError>,
    ) {
        if self.connection.socket() != Some(socket) {
            return;
        }
        match frame {
            Ok(frame) => {
                if let Some(packet) = self.connection.frame(now, frame)
                    && let Some(packet) = self.assembly.packet(packet)
                {
                    self.packet(packet);
                }
            }
            Err(error) => self.fault("frame", error),
        }
        self.go_on(now);
    }

    /// A binary message came.
    pub fn handle_attachment(&mut self, now: Instant, socket: SocketId, attachment: P) {
        if self.connection.socket() != Some(socket) {
            return;
        }
        self.connection.hear(now);
        match self.assembly.attachment(attachment) {
            Ok(Some(packet)) => self.packet(packet),
            Ok(None) => {}
            Err(error) => self.fault("attachment", error),
        }
        self.go_on(now);
    }

    /// A socket is gone, or couldn't be opened.
    pub fn handle_lost(&mut self, now: Instant, socket: SocketId, message: &str) {
        if self.connection.socket() == Some(socket) {
            self.connection.lost(now, message);
            self.go_on(now);
        }
    }

    /// The time that [`Self::poll_timeout`] gave may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.connection.timers().expired(now) {
            match timer {
                Timer::Ack => {
                    let late = Failure::new(ClientErrorCode::Timeout, "no answer came in time");
                    for answered in self.outbox.expire(now) {
                        self.settle(answered, Err(late.clone()));
                    }
                }
                Timer::Resume => self.rooms.resume_unanswered(),
                timer => self.connection.timeout(now, timer),
            }
            self.go_on(now);
        }
    }
}

/// What comes out.
impl<P: Payload> Client<P> {
    /// What is to be done with the network next.
    pub fn poll_transmit(&mut self) -> Option<Transmit<P>> {
        self.transmits.pop_front()
    }

    /// What the application is to be told next.
    pub fn poll_event(&mut self) -> Option<Event<P>> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`]; another time replaces it.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connection.next_deadline()
    }

    /// How the connection is.
    pub fn state(&self) -> ConnectionState {
        self.connection.public_state()
    }

    /// What the server said of us at sign-in, while connected.
    pub fn session(&self) -> Option<&P> {
        self.session.as_ref()
    }

    /// How much of a room's log was delivered.
    pub fn position(&self, room: &str) -> Option<&Position> {
        self.rooms.position(room)
    }

    /// Who is in a room.
    pub fn users(&self, room: &str) -> impl Iterator<Item = &P> {
        self.rooms.users(room)
    }

    /// Rooms that are joined, or being joined.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Emits that wait for their answer.
    pub fn pending_emits(&self) -> usize {
        self.outbox.pending()
    }
}

/// What follows from what.
impl<P: Payload> Client<P> {
    /// Does what each part wants done, until none wants anything.
    fn go_on(&mut self, now: Instant) {
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
            let named = self.connection.peer() == Peer::Samewire;
            while let Some(message) = self.outbox.next_message(now, named) {
                self.transmits.push_back(Transmit::Send { socket, message });
            }
        }
        match self.outbox.deadline() {
            Some(deadline) => self.connection.timers().set(Timer::Ack, deadline),
            None => self.connection.timers().stop(Timer::Ack),
        }
    }

    fn step(&mut self, now: Instant, step: Step) {
        match step {
            Step::OpenSocket(socket) => self.transmits.push_back(Transmit::Open { socket }),
            Step::CloseSocket(socket) => self.transmits.push_back(Transmit::Close { socket }),
            Step::Send(socket, text) => {
                self.transmits.push_back(Transmit::Send { socket, message: Message::text(text) });
            }
            Step::AskForToken => self.events.push_back(Event::TokenNeeded),
            Step::Greet(socket, token) => self.greet(now, socket, token),
            Step::Up => self.rooms.connected(),
            Step::Down => self.go_down(),
            Step::StateChanged => self.events.push_back(Event::StateChanged),
        }
    }

    fn greet(&mut self, now: Instant, socket: SocketId, token: Option<String>) {
        let resume = self.rooms.resume();
        if !resume.is_empty() {
            self.connection.timers().set(Timer::Resume, now + self.config.ack_timeout);
        }
        let resume = (!resume.is_empty()).then_some(resume);
        let auth = Handshake { token, protocol: Some(VERSION.to_owned()), resume };
        let message = Message::text(framing::connect(&auth));
        self.transmits.push_back(Transmit::Send { socket, message });
    }

    fn go_down(&mut self) {
        self.assembly.clear();
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

    fn packet(&mut self, packet: Packet<P>) {
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
        let data = match answer
            .as_ref()
            .and_then(|answer| Some((answer.field("ok")?.flag()?, answer)))
        {
            Some((true, answer)) => answer.field("data"),
            Some((false, answer)) => {
                let failure = answer.field("error").and_then(|error| Failure::read(&error));
                return Err(failure.unwrap_or_else(|| invalid("a refusal without a reason".into())));
            }
            None => answer,
        };
        self.checks.answer(name, data.as_ref()).map(|()| data).map_err(|misfit| {
            let failure = invalid(format!("{}: {}", misfit.path, misfit.message));
            self.events.push_back(Event::Fault { event: name.clone(), misfit });
            failure
        })
    }

    fn settle(&mut self, answered: Answered, outcome: Result<Option<P>, Failure>) {
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

    /// Emits on the client's own account. Asking twice does no harm, so it needs no id.
    fn ask(&mut self, name: &str, payload: &impl Serialize, purpose: Purpose) {
        let emit = Emit {
            name: name.into(),
            body: Body::Ours(framing::json(payload)),
            id: None,
            purpose,
            timeout: self.config.ack_timeout,
            retries: self.config.retries,
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

    fn fault(&mut self, event: &str, error: FrameError) {
        let misfit = Misfit { path: "frame".to_owned(), message: error.to_string() };
        self.events.push_back(Event::Fault { event: event.into(), misfit });
    }
}

/// What a Samewire server may send before it has said who we are.
const ABOUT_SIGN_IN: [&str; 4] =
    [Authenticated::NAME, AuthError::NAME, Resumed::NAME, PresenceState::NAME];
