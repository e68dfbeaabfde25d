//! Whether the server is still there, and what the page's life does to the connection.
//!
//! Time alone never ends a connection: a timer may be late, and what it waits for may lie unread.
//! A deadline that passes brings a question first, and the answer has a short time to come.

use super::{Connection, Peer, Recovery, State, Step};
use crate::{ClientErrorCode, Duration, Failure, Instant, PageEvent, Payload, timer::Timer};

/// How long the server may take to answer when it is asked whether it is there.
const CHECK: Duration = Duration::from_secs(5);

impl<P: Payload> Connection<P> {
    /// Something came: the server is there. It is asked after twice the interval at the latest: a
    /// ping of its own is missing then, be it that the laptop slept.
    pub(crate) fn hear(&mut self, now: Instant) {
        if !matches!(self.state, State::Opening { .. }) {
            self.heard = now;
            self.checking = false;
            self.timers.set(Timer::Heartbeat, now + self.patience.min(self.interval * 2));
        }
    }

    /// The server should have been heard of by now.
    pub(super) fn silent(&mut self, now: Instant) {
        if self.checking {
            let reason = Failure::new(ClientErrorCode::PingTimeout, "the server went silent");
            self.part(now, reason, Recovery::Backoff);
        } else {
            self.check(now);
        }
    }

    /// What happens to the page.
    pub(crate) fn page(&mut self, now: Instant, event: PageEvent) {
        match event {
            PageEvent::Offline => self.pause(),
            PageEvent::Away => {
                self.pause();
                if self.socket().is_some() {
                    let reason = Failure::new(ClientErrorCode::ConnectionLost, "the page is away");
                    self.end(now, reason, Recovery::After(Duration::ZERO));
                }
            }
            PageEvent::Shown if self.paused => {}
            PageEvent::Online | PageEvent::Shown | PageEvent::Back => {
                self.paused = false;
                if matches!(self.state, State::Waiting { .. }) {
                    self.connect(now);
                }
                self.check(now);
            }
        }
    }

    /// No try is made until the page says that it may succeed.
    fn pause(&mut self) {
        self.paused = true;
        self.timers.stop(Timer::Reconnect);
    }

    /// Asks the server whether it is there. One that can't be asked has until shortly after its next
    /// ping is due.
    fn check(&mut self, now: Instant) {
        if self.checking || self.socket().is_none() || matches!(self.state, State::Opening { .. }) {
            return;
        }
        self.checking = true;
        let mut from = now.max(self.heard + self.interval);
        if self.peer == Peer::Samewire && self.open_socket().is_some() {
            from = now;
            self.steps.push(Step::Ping);
        }
        self.timers.set(Timer::Heartbeat, from + CHECK);
    }
}
