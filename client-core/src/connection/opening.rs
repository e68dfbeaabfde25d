//! A try to connect: by one transport after another, until one is open.

use super::{Connection, State, Step, Token};
use crate::{Duration, Instant, Payload, SocketId, Transport, timer::Timer};

impl<P: Payload> Connection<P> {
    pub(super) fn open(&mut self, now: Instant) {
        self.timers.stop_all();
        self.parting = None;
        self.checking = false;
        self.untried = self.config.transports;
        // What didn't work last time is left to an upgrade: then nobody waits for it.
        if std::mem::take(&mut self.fell_back) {
            self.untried = &[Transport::Polling];
        }
        self.try_ends = now + self.config.timeout;
        self.open_next(now);
        self.token = if self.config.has_token {
            self.steps.push(Step::AskForToken);
            Token::Asked
        } else {
            Token::Known(None)
        };
    }

    /// Opens a socket by the next transport.
    fn open_next(&mut self, now: Instant) {
        // Who names no transport gets the usual one.
        let (next, untried) = self.untried.split_first().unwrap_or((&Transport::Websocket, &[]));
        (self.transport, self.untried) = (*next, untried);
        let socket = self.new_socket();
        self.steps.push(Step::OpenSocket(socket, self.transport, None));
        let share = now.until(self.try_ends) / (self.untried.len() as u32 + 1);
        self.timers.set(Timer::Attempt, now + share);
        self.enter(State::Opening { socket });
    }

    /// The same, once a socket couldn't be opened and another transport is left.
    pub(super) fn fall_back(&mut self, now: Instant) -> bool {
        let State::Opening { socket } = self.state else {
            return false;
        };
        if self.untried.is_empty() {
            return false;
        }
        self.steps.push(Step::CloseSocket(socket));
        self.open_next(now);
        true
    }

    pub(super) fn new_socket(&mut self) -> SocketId {
        self.next_socket += 1;
        SocketId::new(self.next_socket)
    }

    pub(super) fn opened(&mut self, now: Instant, handshake: &P) {
        let State::Opening { socket } = self.state else {
            return;
        };
        let millis = |name| handshake.field(name)?.count();
        self.interval = Duration::from_millis(millis("pingInterval").unwrap_or(25_000));
        self.patience =
            self.interval + Duration::from_millis(millis("pingTimeout").unwrap_or(20_000));
        self.fell_back = self.transport == Transport::Polling
            && self.config.transports.first() != Some(&Transport::Polling);
        self.timers.set(Timer::Attempt, self.try_ends);
        self.enter(State::AwaitingToken { socket });
        self.hear(now);
        self.greet();
        self.begin_upgrade(now, handshake);
    }
}
