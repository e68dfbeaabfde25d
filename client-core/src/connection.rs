//! The connection's life: one explicit state, and what each thing that happens does to it.

mod opening;
mod state;
mod upgrade;
mod vigil;

use samewire_protocol::ErrorCode;

use crate::{
    ClientErrorCode, Config, Duration, Failure, Holdings, Instant, Payload, SocketId, Text,
    Transport,
    backoff::Backoff,
    framing::{self, Frame, Packet},
    queue::Queue,
    timer::{Timer, Timers},
};
pub use state::ConnectionState;
pub(crate) use state::{Peer, Step};
use state::{State, Token};
pub(crate) use upgrade::UPGRADE;
use upgrade::Upgrade;

/// How long the server may take to say who we are, once it let us in. A Samewire server does so at
/// once; another one never does.
const SIGN_IN_GRACE: Duration = Duration::from_secs(1);

/// Why there is no connection where the server wants none, be it of Engine.IO or of Socket.IO.
const ENDED: &str = "the server ended the connection";

/// Tokens that may be refused in a row.
const MAX_REFUSED_TOKENS: u32 = 2;

/// What becomes of a connection that ended.
enum Recovery {
    /// It is tried again after a delay.
    Backoff,
    /// It is tried again after this long.
    After(Duration),
    /// It isn't.
    Never,
}

#[derive(Debug)]
pub(crate) struct Connection<P: Payload> {
    pub(crate) config: Config,
    state: State<P>,
    backoff: Backoff,
    timers: Timers,
    steps: Queue<Step<P::Text>>,
    next_socket: u32,
    token: Token<P::Text>,
    refused_tokens: u32,
    peer: Peer,
    /// How often the server sends a ping.
    interval: Duration,
    /// How long the server may be silent.
    patience: Duration,
    /// When something last came.
    heard: Instant,
    /// It was asked whether it is there, and didn't answer yet.
    checking: bool,
    /// No try is made: there is no network, or the page is away.
    paused: bool,
    /// What the socket goes by.
    transport: Transport,
    /// What else this try may go by, in order.
    untried: &'static [Transport],
    /// When this try is over.
    try_ends: Instant,
    /// What comes first in order didn't work, and polling did.
    fell_back: bool,
    upgrade: Option<Upgrade>,
    /// The last connection was lost in the middle of an upgrade.
    upgrade_broke: bool,
    /// Why the server said that it will end the connection, and how long to stay away then.
    parting: Option<(Failure<P>, Option<Duration>)>,
}

impl<P: Payload> Connection<P> {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        Self {
            backoff: Backoff::new(&config, seed),
            interval: config.timeout,
            patience: config.timeout,
            heard: Instant::default(),
            checking: false,
            paused: false,
            transport: Transport::Websocket,
            untried: &[],
            try_ends: Instant::default(),
            fell_back: false,
            upgrade: None,
            upgrade_broke: false,
            config,
            state: State::Idle,
            timers: Timers::new(),
            steps: Queue::new(),
            next_socket: 0,
            token: Token::Known(None),
            refused_tokens: 0,
            peer: Peer::Unknown,
            parting: None,
        }
    }

    pub(crate) fn public_state(&self) -> ConnectionState<P> {
        self.state.public()
    }

    pub(crate) fn poll_step(&mut self) -> Option<Step<P::Text>> {
        self.steps.pop()
    }

    pub(crate) fn timers(&mut self) -> &mut Timers {
        &mut self.timers
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The socket that is open or being opened. There is never another. In one place: it is asked for in many.
    #[inline(never)]
    pub(crate) fn socket(&self) -> Option<SocketId> {
        match self.state {
            State::Opening { socket }
            | State::AwaitingToken { socket }
            | State::Greeting { socket, .. }
            | State::SigningIn { socket }
            | State::Open { socket } => Some(socket),
            State::Idle | State::Waiting { .. } | State::Closed { .. } => None,
        }
    }

    /// The socket, where events flow.
    pub(crate) fn open_socket(&self) -> Option<SocketId> {
        match self.state {
            State::Open { socket } => Some(socket),
            _ => None,
        }
    }

    /// What the newest socket goes by.
    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        if let State::Waiting { reason, .. } | State::Closed { reason } = &self.state {
            holdings.value(reason.body());
        }
        if let Some((reason, _)) = &self.parting {
            holdings.value(reason.body());
        }
        if let Token::Known(Some(token)) = &self.token {
            holdings.text(token);
        }
    }

    /// The application wants to be connected: at once, even if a later try is set.
    pub(crate) fn connect(&mut self, now: Instant) {
        if self.socket().is_none() {
            self.paused = false;
            self.backoff.reset();
            self.refused_tokens = 0;
            self.open(now);
        }
    }

    /// The application wants it to end.
    pub(crate) fn disconnect(&mut self, now: Instant) {
        if !matches!(self.state, State::Idle | State::Closed { .. }) {
            if let Some(socket) = self.open_socket() {
                self.steps.push(Step::Send(socket, framing::DISCONNECT));
            }
            let reason = Failure::new(ClientErrorCode::Closed, "the client was closed");
            self.end(now, reason, Recovery::Never);
        }
    }

    /// A token, or why there is none.
    pub(crate) fn token(&mut self, now: Instant, token: Result<Option<P::Text>, P::Text>) {
        let waits = matches!(self.state, State::Opening { .. } | State::AwaitingToken { .. });
        match token {
            _ if !waits => {}
            Ok(token) => {
                self.token = Token::Known(token);
                self.greet();
            }
            Err(message) => {
                self.end(
                    now,
                    Failure::told(ClientErrorCode::TokenUnavailable, &message),
                    Recovery::Backoff,
                );
            }
        }
    }

    /// Takes a frame, and gives the packet in it that is not about the connection itself.
    pub(crate) fn frame(&mut self, now: Instant, frame: Frame<P>) -> Option<Packet<P>> {
        self.hear(now);
        match frame {
            Frame::Open(handshake) => self.opened(now, &handshake),
            Frame::Ping => {
                if let Some(socket) = self.socket() {
                    self.steps.push(Step::Send(socket, framing::PONG));
                }
            }
            Frame::Close => self.lost(now, P::Text::known(ENDED)),
            Frame::Pong | Frame::Noop => {}
            Frame::Packet(Packet::Connect) => self.let_in(now),
            Frame::Packet(Packet::ConnectError(error)) => {
                let message = error.text_of("message").unwrap_or_else(|| P::Text::known(""));
                self.refused(now, Failure::of_connect(&message));
            }
            Frame::Packet(Packet::Disconnect) => self.dismissed(now),
            Frame::Packet(packet) => return Some(packet),
        }
        None
    }

    /// The socket is gone.
    pub(crate) fn lost(&mut self, now: Instant, message: P::Text) {
        if self.fall_back(now) {
            return;
        }
        let code = match &self.state {
            State::Opening { .. } => ClientErrorCode::ConnectFailed,
            _ => ClientErrorCode::ConnectionLost,
        };
        self.part(now, Failure::told(code, &message), Recovery::Backoff);
    }

    /// The server said who we are.
    pub(crate) fn signed_in(&mut self) {
        self.peer = Peer::Samewire;
        self.become_open();
    }

    /// The server sent an event of another kind than it would before signing us in.
    pub(crate) fn spoke(&mut self) {
        if self.peer == Peer::Unknown && matches!(self.state, State::SigningIn { .. }) {
            self.peer = Peer::Plain;
            self.become_open();
        }
    }

    /// The server will end the connection because of the token.
    pub(crate) fn sign_in_failed(&mut self, failure: Failure<P>) {
        self.parting = Some((failure, None));
    }

    /// The server will end the connection because it stops.
    pub(crate) fn shutdown_announced(&mut self, message: P::Text, stay_away: Duration) {
        let reason = Failure::told(ClientErrorCode::ServerShutdown, &message);
        self.parting = Some((reason, Some(stay_away)));
    }

    pub(crate) fn timeout(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Attempt if self.fall_back(now) => {}
            Timer::Attempt => {
                let reason = Failure::new(ClientErrorCode::Timeout, "connecting took too long");
                self.end(now, reason, Recovery::Backoff);
            }
            Timer::Heartbeat => self.silent(now),
            Timer::SignIn => self.spoke(),
            Timer::Upgrade => self.upgrade_is_late(now),
            Timer::Reconnect => self.open(now),
            Timer::Resume | Timer::Ack => {}
        }
    }

    /// Sends CONNECT once the socket is open and the token there, whichever comes last.
    fn greet(&mut self) {
        if let State::AwaitingToken { socket } = self.state
            && let Token::Known(token) = &mut self.token
        {
            let token = token.take();
            let with_token = token.is_some();
            self.steps.push(Step::Greet(socket, token));
            self.enter(State::Greeting { socket, with_token });
        }
    }

    fn let_in(&mut self, now: Instant) {
        let State::Greeting { socket, with_token } = self.state else {
            return;
        };
        self.enter(State::SigningIn { socket });
        if with_token && self.peer != Peer::Plain {
            self.timers.set(Timer::SignIn, now + SIGN_IN_GRACE);
        } else {
            self.become_open();
        }
    }

    fn become_open(&mut self) {
        let State::SigningIn { socket } = self.state else {
            return;
        };
        self.timers.stop(Timer::Attempt);
        self.timers.stop(Timer::SignIn);
        self.backoff.reset();
        self.refused_tokens = 0;
        self.enter(State::Open { socket });
        self.steps.push(Step::Up);
    }

    /// CONNECT was refused.
    fn refused(&mut self, now: Instant, failure: Failure<P>) {
        let recovery = self.after_refusal(&failure);
        self.end(now, failure, recovery);
    }

    /// The server ended the connection, though not the socket.
    fn dismissed(&mut self, now: Instant) {
        let reason = Failure::new(ClientErrorCode::Disconnected, ENDED);
        self.part(now, reason, Recovery::Never);
    }

    /// Ends the connection, for the reason that the server gave before if it gave one.
    fn part(&mut self, now: Instant, reason: Failure<P>, recovery: Recovery) {
        match self.parting.take() {
            Some((reason, Some(stay_away))) => self.end(now, reason, Recovery::After(stay_away)),
            Some((failure, None)) => self.refused(now, failure),
            None => self.end(now, reason, recovery),
        }
    }

    fn after_refusal(&mut self, failure: &Failure<P>) -> Recovery {
        if failure.asks_for_a_token() && self.config.has_token {
            self.refused_tokens += 1;
            if self.refused_tokens < MAX_REFUSED_TOKENS {
                return Recovery::After(Duration::ZERO);
            }
        } else if failure.is_retryable()
            && !failure.is(const { ErrorCode::UpgradeRequired.as_str() })
        {
            return match failure.retry_after_ms() {
                Some(millis) => Recovery::After(Duration::from_millis(millis)),
                None => Recovery::Backoff,
            };
        }
        Recovery::Never
    }

    fn end(&mut self, now: Instant, reason: Failure<P>, recovery: Recovery) {
        if let Some(socket) = self.socket() {
            self.steps.push(Step::CloseSocket(socket));
        }
        self.drop_upgrade(matches!(recovery, Recovery::Backoff));
        self.timers.stop_all();
        self.parting = None;
        let tries_left = self.config.reconnection
            && self.config.reconnection_attempts.is_none_or(|most| self.backoff.attempt() < most);
        let delay = match recovery {
            _ if !tries_left => None,
            Recovery::Never => None,
            Recovery::Backoff => Some(self.backoff.next_delay()),
            Recovery::After(delay) => {
                self.backoff.skip_delay();
                Some(delay)
            }
        };
        self.steps.push(Step::Down);
        match delay {
            Some(delay) => {
                let retry_at = now + delay;
                if !self.paused {
                    self.timers.set(Timer::Reconnect, retry_at);
                }
                self.enter(State::Waiting { attempt: self.backoff.attempt(), retry_at, reason });
            }
            None => self.enter(State::Closed { reason }),
        }
    }

    fn enter(&mut self, state: State<P>) {
        let before = self.state.stage();
        self.state = state;
        // Each wait has a number and a reason of its own.
        if self.state.stage() != before || matches!(self.state, State::Waiting { .. }) {
            self.steps.push(Step::StateChanged);
        }
    }
}
