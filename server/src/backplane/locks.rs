//! Locks by room, of one server: each is there for as long as somebody has it or waits for it.

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use parking_lot::Mutex;
use samewire_protocol::RoomAddress;
use tokio::sync::OwnedMutexGuard;

/// The locks. With each goes a value, from one who has the lock to the next that waits for it; it is
/// dropped when nobody does.
#[derive(Debug, Default)]
pub(crate) struct Locks<T>(Mutex<HashMap<RoomAddress, Arc<tokio::sync::Mutex<T>>>>);

impl<T: Default> Locks<T> {
    /// Keeps others out until what it gives is dropped. Who waits longest is next.
    pub(crate) async fn lock(self: &Arc<Self>, room: &RoomAddress) -> Lock<T> {
        let lock = self.0.lock().entry(room.clone()).or_default().clone();
        let place = Place { locks: self.clone(), room: room.clone(), lock: Some(lock.clone()) };
        Lock { guard: lock.lock_owned().await, _place: place }
    }
}

/// A lock that somebody has.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    // Let go of before the place: whoever looks who else is there counts it.
    guard: OwnedMutexGuard<T>,
    _place: Place<T>,
}

impl<T> Deref for Lock<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Lock<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Of whoever has a lock or waits for it.
#[derive(Debug)]
struct Place<T> {
    locks: Arc<Locks<T>>,
    room: RoomAddress,
    lock: Option<Arc<tokio::sync::Mutex<T>>>,
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let mut rooms = self.locks.0.lock();
        // The map has one and this has one: nobody else is there, and nobody comes meanwhile.
        let last = self.lock.as_ref().is_some_and(|lock| Arc::strong_count(lock) == 2);
        let unused = if last { rooms.remove(&self.room) } else { None };
        self.lock = None;
        drop(rooms);
        drop(unused);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use samewire_protocol::room::ROOM;

    use super::*;

    fn room(name: &str) -> RoomAddress {
        RoomAddress::new(ROOM, name)
    }

    #[test]
    fn a_lock_that_nobody_has_is_had_at_once() {
        let locks = Arc::new(Locks::<()>::default());
        let one = locks.lock(&room("a")).now_or_never().unwrap();
        let other = locks.lock(&room("b")).now_or_never().unwrap();
        assert!(locks.lock(&room("a")).now_or_never().is_none());
        drop((one, other));
        drop(locks.lock(&room("a")).now_or_never().unwrap());
        assert!(locks.0.lock().is_empty(), "and is no more when nobody needs it");
    }

    #[tokio::test]
    async fn its_value_goes_to_whoever_waits_and_no_further() {
        let (locks, lobby) = (Arc::new(Locks::<u32>::default()), room("a"));
        let mut first = locks.lock(&lobby).await;
        *first = 7;
        let mut second = Box::pin(locks.lock(&lobby));
        let mut given_up = Box::pin(locks.lock(&lobby));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut given_up).now_or_never().is_none());
        drop(first);
        drop(given_up);
        assert_eq!(*second.await, 7);
        assert_eq!(*locks.lock(&lobby).await, 0);
        assert!(locks.0.lock().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_when_it_is_their_turn_leaves_nothing_behind() {
        let (locks, lobby) = (Arc::new(Locks::<u32>::default()), room("a"));
        let mut first = locks.lock(&lobby).await;
        *first = 7;
        let mut given_up = Box::pin(locks.lock(&lobby));
        assert!((&mut given_up).now_or_never().is_none());
        drop(first);
        drop(given_up);
        assert!(locks.0.lock().is_empty());
    }
}
