//! Locks by key, of which there is a fixed number.

use tokio::sync::{Mutex, MutexGuard};

/// Keys that share a lock wait for each other.
const STRIPES: usize = 64;

/// Held from storing to publishing, so that a room hears of things in the order they were stored.
#[derive(Debug)]
pub(crate) struct StripedLocks([Mutex<()>; STRIPES]);

impl Default for StripedLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl StripedLocks {
    /// Keeps others with this key out until what it gives is dropped.
    pub(crate) async fn lock(&self, key: &str) -> MutexGuard<'_, ()> {
        let sum = key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.0[sum % STRIPES].lock().await
    }
}
