//! From polling to a websocket while the connection stands: the websocket is probed, polling comes
//! to rest, and only then everything goes the new way. What is to be sent in between is held.

use super::{Connection, State, Step};
use crate::{Duration, Instant, Payload, SocketId, Text, Transport, timer::Timer};

/// How long an upgrade may take: as long as servers wait for one.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks whether a websocket reaches our session.
pub(crate) const PROBE: &str = "2probe";

/// Says that everything comes by the websocket from now on.
pub(crate) const UPGRADE: &str = "5";

/// The websocket that may take over.
#[derive(Debug)]
pub(super) struct Upgrade {
    socket: SocketId,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Probing,
    /// The probe was answered; polling comes to rest.
    Pausing,
}

impl<P: Payload> Connection<P> {
    /// Whether nothing may be sent until the websocket took over.
    pub(crate) fn is_upgrading(&self) -> bool {
        self.upgrade.as_ref().is_some_and(|upgrade| upgrade.stage == Stage::Pausing)
    }

    /// Opens a websocket beside polling, where both sides want one.
    pub(super) fn begin_upgrade(&mut self, now: Instant, handshake: &P) {
        let offered = || {
            let websocket = Some(P::Text::known(Transport::Websocket.as_str()));
            let upgrades = handshake.field("upgrades")?;
            let offered = upgrades.items().any(|name| name.text() == websocket);
            handshake.text_of("sid").filter(|_| offered)
        };
        let wanted = self.transport == Transport::Polling
            && self.config.transports.contains(&Transport::Websocket)
            && !std::mem::take(&mut self.upgrade_broke);
        if wanted && let Some(session) = offered() {
            let socket = self.new_socket();
            self.upgrade = Some(Upgrade { socket, stage: Stage::Opening });
            self.timers.set(Timer::Upgrade, now + UPGRADE_TIMEOUT);
            self.steps.push(Step::OpenSocket(socket, Transport::Websocket, Some(session)));
        }
    }

    /// The websocket is open, or polling has come to rest.
    pub(crate) fn ready(&mut self, socket: SocketId) {
        let ours = self.socket();
        let Some(upgrade) = &mut self.upgrade else {
            return;
        };
        if socket == upgrade.socket && upgrade.stage == Stage::Opening {
            upgrade.stage = Stage::Probing;
            self.steps.push(Step::Send(socket, PROBE));
        } else if Some(socket) == ours && upgrade.stage == Stage::Pausing {
            self.take_over();
        }
    }

    /// A probe was answered.
    pub(crate) fn probed(&mut self, socket: SocketId) {
        if let Some(ours) = self.socket()
            && let Some(upgrade) = &mut self.upgrade
            && upgrade.socket == socket
            && upgrade.stage == Stage::Probing
        {
            upgrade.stage = Stage::Pausing;
            self.steps.push(Step::PauseSocket(ours));
        }
    }

    /// A socket is gone that may be the websocket: then polling goes on, unless it rests already or
    /// the server ends the session too. So that it doesn't end each one, the next goes without.
    pub(crate) fn lost_upgrade(&mut self, now: Instant, socket: SocketId, message: P::Text) {
        if self.upgrade.as_ref().is_none_or(|upgrade| upgrade.socket != socket) {
            return;
        }
        if self.is_upgrading() {
            return self.lost(now, message);
        }
        self.upgrade = None;
        self.upgrade_broke = true;
        self.timers.stop(Timer::Upgrade);
        self.steps.push(Step::CloseSocket(socket));
    }

    /// The websocket hasn't taken over, and won't.
    pub(super) fn upgrade_is_late(&mut self, now: Instant) {
        if let Some(Upgrade { socket, .. }) = self.upgrade {
            self.lost_upgrade(now, socket, P::Text::known("the websocket did not take over"));
        }
    }

    /// Gives an upgrade up with its connection. One that broke the connection would do so again:
    /// the next connection goes without.
    pub(super) fn drop_upgrade(&mut self, broken: bool) {
        if let Some(upgrade) = self.upgrade.take() {
            self.steps.push(Step::CloseSocket(upgrade.socket));
            self.upgrade_broke = broken && upgrade.stage != Stage::Opening;
        }
    }

    fn take_over(&mut self) {
        if let Some(Upgrade { socket: new, .. }) = self.upgrade.take()
            && let State::AwaitingToken { socket }
            | State::Greeting { socket, .. }
            | State::SigningIn { socket }
            | State::Open { socket } = &mut self.state
        {
            let old = std::mem::replace(socket, new);
            self.timers.stop(Timer::Upgrade);
            self.transport = Transport::Websocket;
            self.fell_back = false;
            self.steps.push(Step::TakeOver { old, new });
            if self.open_socket().is_some() {
                self.steps.push(Step::StateChanged);
            }
        }
    }
}
