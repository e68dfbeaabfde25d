//! Turns at something that costs: so many for each user at the same time.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use samewire_protocol::id::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Turns of a user at the same time.
const AT_ONCE: usize = 10;

type Users = Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>;

/// Turns, by user.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Users);

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    users: Users,
    user: UserId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for a turn of this user.
    pub(super) async fn take(&self, user: &UserId) -> Turn {
        // Made first: whoever gives up waiting leaves nothing behind either.
        let mut turn = Turn { users: self.0.clone(), user: user.clone(), permit: None };
        let semaphore = self
            .0
            .lock()
            .entry(user.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)))
            .clone();
        // Never closed, so there is always a permit in the end.
        turn.permit = semaphore.acquire_owned().await.ok();
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        let mut users = self.users.lock();
        // Who waits or has a turn holds the semaphore, too.
        if users.get(&self.user).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_user_waits_past_so_many_and_others_do_not() {
        let turns = Turns::default();
        let (ada, ben) = (UserId::from("ada"), UserId::from("ben"));
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(turns.take(&ada).await);
        }
        let mut next = Box::pin(turns.take(&ada));
        assert!(next.as_mut().now_or_never().is_none());
        assert!(turns.take(&ben).now_or_never().is_some());
        taken.pop();
        assert!(next.now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_has_no_turn_and_waits_for_none_is_forgotten() {
        let turns = Turns::default();
        let ada = UserId::from("ada");
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(turns.take(&ada).await);
        }
        assert!(turns.take(&ada).now_or_never().is_none(), "and gave up");
        drop(taken);
        assert!(turns.0.lock().is_empty());
    }
}
