//! What the client waits for.

use crate::Instant;

/// What a deadline is of. There is one of each at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// This try to connect took too long.
    Attempt,
    /// The server has to tell by now whether it is a Samewire server.
    SignIn,
    /// A websocket should have taken over.
    Upgrade,
    /// The server should have sent a ping.
    Heartbeat,
    /// Time for the next try.
    Reconnect,
    /// The server should have said what became of the rooms to resume.
    Resume,
    /// The first of the acknowledgements that are waited for is late.
    Ack,
}

impl Timer {
    const ALL: [Self; 7] = [
        Self::Attempt,
        Self::SignIn,
        Self::Upgrade,
        Self::Heartbeat,
        Self::Reconnect,
        Self::Resume,
        Self::Ack,
    ];
}

/// The deadlines that are set; the others are never.
#[derive(Debug)]
pub(crate) struct Timers([Instant; Timer::ALL.len()]);

impl Timers {
    pub(crate) fn new() -> Self {
        Self([Instant::NEVER; Timer::ALL.len()])
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.set(timer, Instant::NEVER);
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::new();
    }

    /// The first deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        let mut first = Instant::NEVER;
        for deadline in &self.0 {
            first = first.min(*deadline);
        }
        (first != Instant::NEVER).then_some(first)
    }

    /// Takes out a timer whose deadline has come.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Timer> {
        for timer in &Timer::ALL {
            if self.0[*timer as usize] <= now {
                self.stop(*timer);
                return Some(*timer);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_expires_once() {
        let mut timers = Timers::new();
        timers.set(Timer::Ack, Instant::from_millis(20));
        timers.set(Timer::Reconnect, Instant::from_millis(10));
        assert_eq!(timers.next(), Some(Instant::from_millis(10)));
        assert_eq!(timers.expired(Instant::from_millis(9)), None);
        assert_eq!(timers.expired(Instant::from_millis(10)), Some(Timer::Reconnect));
        assert_eq!(timers.expired(Instant::from_millis(10)), None);
        assert_eq!(timers.next(), Some(Instant::from_millis(20)));
    }
}
