//! How long to wait before the next try.

use crate::{Config, Duration};

/// Delays that double, each drawn from a range around its middle, so that clients that lost the
/// same server don't come back in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    /// How far a delay may be from its middle, as a part of it: 0 to 1.
    spread: f64,
    attempt: u32,
    random: Random,
}

impl Backoff {
    /// Draws from `seed`, which should differ from client to client.
    pub(crate) fn new(config: &Config, seed: u64) -> Self {
        Self {
            first: config.reconnection_delay,
            longest: config.reconnection_delay_max,
            spread: config.randomization_factor.clamp(0.0, 1.0),
            attempt: 0,
            random: Random(seed),
        }
    }

    /// Tries since the last [`Self::reset`].
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Begins anew: the connection stands.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The delay before the next try.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let random = self.random.next();
        let delay = self.delay(self.attempt, random);
        self.attempt = self.attempt.saturating_add(1);
        delay
    }

    /// Counts a try that doesn't wait.
    pub(crate) fn skip_delay(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
    }

    /// The delay before a try, counted from 0. `random` is from 0 to 1.
    ///
    /// socket.io-client cuts a drawn delay off at the longest, which brings most clients of a long
    /// outage back at the same moment. Here the range ends there, and the draw is from within it.
    fn delay(&self, attempt: u32, random: f64) -> Duration {
        let longest = self.longest.as_millis() as f64;
        let doubled = self.first.as_millis() as f64 * (1_u64 << attempt.min(40)) as f64;
        let middle = doubled.min(longest);
        let least = middle * (1.0 - self.spread);
        let most = (middle * (1.0 + self.spread)).min(longest);
        Duration::from_millis((least + (most - least) * random) as u64)
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014):
/// enough to spread clients, and for nothing else.
#[derive(Debug)]
struct Random(u64);

impl Random {
    /// From 0 up to, but not including, 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usual() -> Backoff {
        Backoff::new(&Config::default(), 7)
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let middle = |attempt| (usual().delay(attempt, 0.0) + usual().delay(attempt, 1.0)) / 2;
        assert_eq!(middle(0), Duration::from_secs(1));
        assert_eq!(middle(1), Duration::from_secs(2));
        assert_eq!(usual().delay(9, 0.0), Duration::from_millis(2_500));
        assert_eq!(usual().delay(9, 1.0), Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn a_delay_is_never_longer_than_the_longest(attempt: u32, random in 0.0..=1.0) {
            let delay = usual().delay(attempt, random);
            prop_assert!(delay >= Duration::from_millis(500) && delay <= Duration::from_secs(5));
        }

        #[test]
        fn draws_are_spread(seed: u64) {
            let mut random = Random(seed);
            let draws: Vec<f64> = (0..64).map(|_| random.next()).collect();
            prop_assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
            prop_assert!(draws.iter().any(|draw| *draw < 0.5) && draws.iter().any(|draw| *draw >= 0.5));
        }
    }
}
