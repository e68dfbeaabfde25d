//! Time, as the caller tells it.

use std::ops::{Add, Div, Mul};

/// A moment: milliseconds since 1970, by a [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// No moment that comes.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The moment so many milliseconds after the first of 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long until a later moment; nothing when it has passed.
    pub fn until(self, later: Self) -> Duration {
        Duration(later.0.saturating_sub(self.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    // Where it saturates in one place, the rest is lighter.
    #[inline(never)]
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }
}

/// A span of time in milliseconds, which are all that a page tells. The standard library's has
/// nanoseconds, too, and weighs a kilobyte of WebAssembly by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Duration(u64);

impl Duration {
    /// None.
    pub const ZERO: Self = Self(0);

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// How many milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl Add for Duration {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Mul<u32> for Duration {
    type Output = Self;

    fn mul(self, times: u32) -> Self {
        Self(self.0 * u64::from(times))
    }
}

impl Mul<Duration> for u32 {
    type Output = Duration;

    fn mul(self, duration: Duration) -> Duration {
        duration * self
    }
}

impl Div<u32> for Duration {
    type Output = Self;

    fn div(self, parts: u32) -> Self {
        Self(self.0 / u64::from(parts))
    }
}

/// Makes moments of a wall clock's readings, none before the one before it.
///
/// A wall clock, because a monotonic one may stand still while a laptop sleeps, and a connection
/// that slept through its deadline is to be found dead. A wall clock can be set back, though: then
/// time goes on from where it was, so that no deadline moves away.
#[derive(Debug, Default)]
pub struct Clock {
    latest: Instant,
    set_back: u64,
}

impl Clock {
    /// The moment at which the wall clock shows so many milliseconds since 1970.
    pub fn at(&mut self, wall_millis: u64) -> Instant {
        let told = wall_millis.saturating_add(self.set_back);
        if told < self.latest.0 {
            self.set_back += self.latest.0 - told;
        } else {
            self.latest = Instant(told);
        }
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_takes_no_time_away() {
        let mut clock = Clock::default();
        assert_eq!(clock.at(10_000).as_millis(), 10_000);
        assert_eq!(clock.at(4_000).as_millis(), 10_000);
        assert_eq!(clock.at(4_500).as_millis(), 10_500);
        assert_eq!(clock.at(60_000).as_millis(), 66_000);
    }
}
