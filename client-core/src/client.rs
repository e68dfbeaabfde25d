//! The whole client: what goes in and what comes out. What happens in between is in `reactions`.

use crate::{
    CallId, Checks, ClientErrorCode, Config, ConnectionState, EmitOptions, Event, Failure,
    HandleId, Holdings, Instant, PageEvent, Payload, Place, Position, SocketId, Text as _,
    Transmit, Transport,
    assembly::Assembly,
    connection::{Connection, Peer},
    framing::{Frame, FrameError, Packet},
    message::{self, Request},
    outbox::{Emit, Outbox, Purpose},
    queue::Queue,
    reactions::{ABOUT_US, LATE},
    rooms::Rooms,
    timer::Timer,
};

/// A client without IO. Every call and every input may leave something in each of the outputs
/// [`Self::poll_transmit`], [`Self::poll_event`] and [`Self::poll_timeout`].
pub struct Client<P: Payload> {
    pub(crate) checks: Box<dyn Checks<P>>,
    pub(crate) connection: Connection<P>,
    pub(crate) assembly: Assembly<P>,
    pub(crate) outbox: Outbox<P>,
    pub(crate) rooms: Rooms<P>,
    /// [`ABOUT_US`], as they come.
    pub(crate) about_us: Vec<P::Text>,
    /// What the server said of us at sign-in.
    pub(crate) session: Option<P>,
    /// A fresh token was asked for, to bring it on a connection that stands.
    pub(crate) renewing: bool,
    /// What is to be sent once a websocket took over.
    pub(crate) held: Vec<P::Message>,
    pub(crate) transmits: Queue<Transmit<P>>,
    pub(crate) events: Queue<Event<P>>,
}

/// Calls of the application.
impl<P: Payload> Client<P> {
    /// A client that is not connected. `seed` should differ from client to client.
    pub fn new(config: Config, seed: u64, checks: impl Checks<P> + 'static) -> Self {
        let mut about_us = Vec::new();
        for (name, _) in ABOUT_US {
            about_us.push(P::Text::known(name));
        }
        Self {
            connection: Connection::new(config, seed),
            outbox: Outbox::new(config.queue_limit),
            assembly: Assembly::new(config.max_attachment_bytes),
            checks: Box::new(checks),
            rooms: Rooms::new(),
            about_us,
            session: None,
            renewing: false,
            held: Vec::new(),
            transmits: Queue::new(),
            events: Queue::new(),
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
        let message = "the client was closed";
        let unanswered = self.outbox.drain();
        self.fail(unanswered, ClientErrorCode::Closed, message);
        self.rooms.close(&Failure::new(ClientErrorCode::Closed, message));
        self.disconnect(now);
    }

    /// The answer to [`Event::TokenNeeded`]: a token, none, or why there is none.
    pub fn token(&mut self, now: Instant, token: Result<Option<P::Text>, P::Text>) {
        if std::mem::take(&mut self.renewing) && self.connection.open_socket().is_some() {
            if let Ok(Some(token)) = token {
                self.ask(Request::Authenticate { token });
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
        name: impl Into<P::Text>,
        payload: P::Message,
        options: EmitOptions<P::Text>,
    ) {
        let emit = Emit {
            name: name.into(),
            payload: Some(payload),
            id: Some(options.id),
            purpose: Purpose::Call(call),
            timeout: options.timeout.unwrap_or(self.connection.config.ack_timeout),
            retries: options.retries.unwrap_or(self.connection.config.retries),
        };
        if let Err(failure) = self.outbox.add(emit) {
            self.events.push(Event::Settled { call, outcome: Err(failure) });
        }
        self.go_on(now);
    }

    /// Sends an event now, or fails. Nothing is heard of it again.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn emit_volatile(
        &mut self,
        name: impl Into<P::Text>,
        payload: P::Message,
    ) -> Result<(), Failure<P>> {
        let Some(socket) = self.connection.open_socket() else {
            return Err(Failure::new(ClientErrorCode::NotConnected, "there is no connection"));
        };
        self.send(socket, message::event::<P>(&name.into(), &payload, None, None));
        Ok(())
    }

    /// Gives an emit up: it won't be told of.
    pub fn cancel(&mut self, now: Instant, call: CallId) {
        self.outbox.forget(&Purpose::Call(call));
        self.go_on(now);
    }

    /// Answers an event that the server wants acknowledged.
    pub fn acknowledge(&mut self, ack: u64, answer: P::Message) {
        if let Some(socket) = self.connection.open_socket() {
            self.send(socket, message::answer::<P>(ack, &answer));
        }
    }

    /// Joins a room, or waits until there is a connection. With `events`, only those are sent.
    pub fn join(
        &mut self,
        now: Instant,
        handle: HandleId,
        room: impl Into<P::Text>,
        events: Option<Vec<P::Text>>,
    ) {
        let online = self.connection.open_socket().is_some();
        self.rooms.join(handle, room.into(), events, online);
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
            if matches!(frame, Ok(Frame::Pong)) {
                self.connection.probed(socket);
                self.go_on(now);
            }
            return;
        }
        match frame {
            Ok(frame) => {
                if let Some(packet) = self.connection.frame(now, frame) {
                    let packet = self.assembly.packet(packet);
                    self.assembled(now, packet);
                }
            }
            Err(error) => {
                self.fault("frame", error);
                if self.assembly.is_waiting() {
                    self.assembled(now, Err(FrameError::OutOfPlace));
                }
            }
        }
        self.go_on(now);
    }

    /// An event of a room came, and fits its type. Whether nothing is to be done but to hand it to the
    /// application, as with nearly all; else nothing happened, and its frame is one for
    /// [`Self::handle_frame`]. A short way past that, for what comes thousands of times a second.
    pub fn passes(
        &mut self,
        now: Instant,
        socket: SocketId,
        name: &P::Text,
        place: &Place<P::Text>,
    ) -> bool {
        let passes =
            self.rests(socket) && !self.about_us.contains(name) && self.rooms.passes(place);
        if passes {
            self.connection.hear(now);
        }
        passes
    }

    /// An answer came that says `ok`, with data or without. The emit that is settled by it, where nothing is
    /// to be done but to tell the application, as with nearly all; else nothing happened, and its frame is
    /// one for [`Self::handle_frame`]. A short way past that, as [`Self::passes`] is for events.
    pub fn settles(
        &mut self,
        now: Instant,
        socket: SocketId,
        ack: u64,
        data: Option<&P>,
    ) -> Option<CallId> {
        let ours = self.rests(socket) && self.connection.peer() == Peer::Samewire;
        let checks = &self.checks;
        let fits = |name: &P::Text| checks.answer(name, data).is_ok();
        let call = if ours { self.outbox.settled(ack, fits) } else { None };
        if call.is_some() {
            self.connection.hear(now);
            self.await_answers();
        }
        call
    }

    /// Whether events flow by this socket, and nothing else is to be done first.
    fn rests(&self, socket: SocketId) -> bool {
        self.connection.open_socket() == Some(socket)
            && self.is_idle()
            && !self.assembly.is_waiting()
    }

    /// A binary message came.
    pub fn handle_attachment(&mut self, now: Instant, socket: SocketId, attachment: P) {
        if self.connection.socket() != Some(socket) {
            return;
        }
        self.connection.hear(now);
        let packet = self.assembly.attachment(attachment);
        self.assembled(now, packet);
        self.go_on(now);
    }

    /// A packet is whole, or waits. Where texts and binary values don't follow each other as they
    /// should, those to come might end up in the wrong packet: another connection begins anew.
    fn assembled(&mut self, now: Instant, packet: Result<Option<Packet<P>>, FrameError>) {
        match packet {
            Ok(Some(packet)) => self.packet(packet),
            Ok(None) => {}
            Err(error) => {
                self.fault("attachment", error);
                if error == FrameError::OutOfPlace {
                    self.connection.lost(now, P::Text::known("the server lost the thread"));
                }
            }
        }
    }

    /// A socket is gone, or couldn't be opened.
    pub fn handle_lost(&mut self, now: Instant, socket: SocketId, message: impl Into<P::Text>) {
        let message = message.into();
        if self.connection.socket() == Some(socket) {
            self.connection.lost(now, message);
        } else {
            self.connection.lost_upgrade(now, socket, message);
        }
        self.go_on(now);
    }

    /// A socket that may take over is open, or one that was to pause rests.
    pub fn handle_ready(&mut self, now: Instant, socket: SocketId) {
        self.connection.ready(socket);
        self.go_on(now);
    }

    /// Something happened to the page.
    pub fn handle_page(&mut self, now: Instant, event: PageEvent) {
        self.connection.page(now, event);
        self.go_on(now);
    }

    /// The time that [`Self::poll_timeout`] gave may have come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.connection.timers().expired(now) {
            match timer {
                Timer::Ack => {
                    let given_up = self.outbox.expire(now);
                    self.fail(given_up, ClientErrorCode::Timeout, LATE);
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
        self.transmits.pop()
    }

    /// What the application is to be told next.
    pub fn poll_event(&mut self) -> Option<Event<P>> {
        self.events.pop()
    }

    /// Whether nothing is left to be done or told for now.
    pub fn is_idle(&self) -> bool {
        self.transmits.is_empty() && self.events.is_empty()
    }

    /// When to call [`Self::handle_timeout`]; another time replaces it.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connection.next_deadline()
    }

    /// How the connection is.
    pub fn state(&self) -> ConnectionState<P> {
        self.connection.public_state()
    }

    /// What the newest socket goes by.
    pub fn transport(&self) -> Transport {
        self.connection.transport()
    }

    /// What the server said of us at sign-in, while connected.
    pub fn session(&self) -> Option<&P> {
        self.session.as_ref()
    }

    /// How much of a room's log was delivered.
    pub fn position(&self, room: &P::Text) -> Option<&Position<P::Text>> {
        self.rooms.position(room)
    }

    /// Who is in a room.
    pub fn users(&self, room: &P::Text) -> impl Iterator<Item = &P> {
        self.rooms.users(room)
    }

    /// Names what the client holds, and says that this was all of it. It isn't, where something is about to be
    /// sent or told: who would let go of the rest has to ask again.
    ///
    /// For values that are numbers, and nobody counts the holders of.
    pub fn holds(&self, holdings: &mut impl Holdings<P>) -> bool {
        let rests = self.is_idle() && self.held.is_empty();
        if rests {
            for text in &self.about_us {
                holdings.text(text);
            }
            if let Some(session) = &self.session {
                holdings.value(session);
            }
            self.connection.holds(holdings);
            self.assembly.holds(holdings);
            self.outbox.holds(holdings);
            self.rooms.holds(holdings);
        }
        rests
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
