//! What a client may cost (wire.md, section 7). What an operator
//! may want to change is a setting; the rest are constants where they are kept.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};
use samewire_protocol::id::UserId;

use crate::error::{Error, Result};

pub use crate::log::LogBounds;

/// The bounds of an engine.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Events that a user may send in a window, over all of their connections.
    pub rate_max: NonZeroU32,
    /// The window.
    pub rate_window: Duration,
    /// Connections that an address may open in a second.
    pub connections_per_second: NonZeroU32,
    /// How long a connection may take to ask for being let in.
    pub connect_timeout: Duration,
    /// How long a connection may stay without signing in.
    pub auth_timeout: Duration,
    /// What a room's log keeps.
    pub log: LogBounds,
    /// Bytes of messages that wait for one connection's task.
    pub queue_bytes: usize,
}

/// Counts what each user sends.
#[derive(Debug)]
pub(crate) struct RateLimits {
    limiter: RateLimiter<UserId, DefaultKeyedStateStore<UserId>, DefaultClock>,
    clock: DefaultClock,
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        let period = limits.rate_window / limits.rate_max.get();
        // A window too short to be divided is no limit worth the name.
        let quota = Quota::with_period(period.max(Duration::from_nanos(1)))
            .unwrap_or(Quota::per_second(limits.rate_max))
            .allow_burst(limits.rate_max);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts an event of a user.
    ///
    /// # Errors
    /// When it is one too many.
    pub(crate) fn count(&self, user: &UserId) -> Result<()> {
        self.limiter.check_key(user).map_err(|not_until| Error::RateLimited {
            retry_after: not_until.wait_time_from(self.clock.now()),
        })
    }

    /// Users who sent something within the window.
    pub(crate) fn active_users(&self) -> usize {
        self.limiter.retain_recent();
        self.limiter.len()
    }

    /// Forgets users who sent nothing within the window; to be called now and then.
    pub(crate) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// Counts the connections that each address opens.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    limiter: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
    clock: DefaultClock,
}

impl ConnectionLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = Quota::per_second(limits.connections_per_second);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts a connection of an address.
    ///
    /// # Errors
    /// When it is one too many.
    pub(crate) fn count(&self, address: IpAddr) -> Result<()> {
        self.limiter.check_key(&subscriber(address)).map_err(|not_until| Error::Throttled {
            retry_after: not_until.wait_time_from(self.clock.now()),
        })
    }

    /// Forgets addresses that opened none of late; to be called now and then.
    pub(crate) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// What stands for whoever has an address: of IPv6, everybody has a network of 64 bits to choose from.
fn subscriber(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = u128::MAX << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::ErrorCode;

    use super::*;

    fn limits() -> Limits {
        Limits {
            rate_max: NonZeroU32::MIN,
            rate_window: Duration::from_secs(1),
            connections_per_second: NonZeroU32::MIN,
            connect_timeout: Duration::ZERO,
            auth_timeout: Duration::ZERO,
            log: LogBounds { events: 1, age_ms: 1, bytes: 1 },
            queue_bytes: 1,
        }
    }

    #[test]
    fn an_address_opens_so_many_connections_and_a_network_of_ipv6_is_one() {
        let connections = ConnectionLimits::new(&limits());
        let count = |address: &str| connections.count(address.parse().unwrap());
        count("192.0.2.1").unwrap();
        let body = count("192.0.2.1").unwrap_err().body();
        assert_eq!(body.code, ErrorCode::ConnectionThrottled);
        assert!((1..=1000).contains(&body.retry_after_ms.unwrap()), "{body:?}");
        count("::ffff:192.0.2.1").unwrap_err();
        count("192.0.2.2").unwrap();
        count("2001:db8:0:1::1").unwrap();
        count("2001:db8:0:1:ffff::2").unwrap_err();
        count("2001:db8:0:2::1").unwrap();
    }

    #[test]
    fn the_window_is_full_after_its_maximum_for_that_user_alone() {
        let limits = Limits {
            rate_max: NonZeroU32::new(3).unwrap(),
            rate_window: Duration::from_secs(3600),
            ..limits()
        };
        let rates = RateLimits::new(&limits);
        let (ada, grace) = (UserId::from("ada"), UserId::from("grace"));
        (0..3).for_each(|_| rates.count(&ada).unwrap());
        let body = rates.count(&ada).unwrap_err().body();
        let wait_ms = body.retry_after_ms.unwrap();
        assert!((1_000_000..=1_200_000).contains(&wait_ms), "{wait_ms}");
        rates.count(&grace).unwrap();
        assert_eq!(rates.active_users(), 2);
    }
}
