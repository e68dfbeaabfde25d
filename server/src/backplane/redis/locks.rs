//! Locks by room over servers: of each server one at a time asks for a room's. What ends a lock without
//! a word, or leaves something stored that wasn't told, is seen by whoever has it next, and by who tells
//! something under a lock that is lost: the room's log begins anew then, so that its members read how
//! things stand.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rand::RngExt;
use redis::Script;
use samewire_protocol::{ErrorCode, RoomAddress};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep, timeout_at},
};

use super::{Connection, keys::RoomKeys, new_epoch};
use crate::{
    backplane::locks::{Lock, Locks},
    clock,
    error::{Error, Result},
};

static LOCK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lock.lua")));
static UNLOCK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("unlock.lua")));

/// How long a lock outlives its owner.
const LASTS: Duration = Duration::from_secs(6);

/// How often it is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(2);

/// How long those of one server hand a lock on to each other, before others have their turn.
const TURN: Duration = Duration::from_millis(50);

/// How long the next turn is kept for who waits, without being asked for.
const TURN_KEPT_FOR: Duration = Duration::from_millis(250);

/// How soon it is asked again for a lock that is another's, in milliseconds.
const RETRY_MS: std::ops::Range<u64> = 4..12;

/// How long a lock is waited for: longer than one outlives its owner.
const PATIENCE: Duration = Duration::from_secs(12);

/// The locks of rooms, as one of several servers has them.
#[derive(Debug)]
pub(super) struct SharedLocks {
    connection: Connection,
    /// Names this run of this server.
    server: String,
    /// How long a room is kept in Redis that nothing is published to, in milliseconds.
    kept_ms: u64,
    /// Locks asked for so far.
    asked: AtomicU64,
    /// What orders those of this server; the lock in Redis goes from one to the next.
    here: Arc<Locks<Option<HeldLock>>>,
    held: Arc<Mutex<HashMap<RoomAddress, Arc<Owner>>>>,
}

/// Whose a lock is.
#[derive(Debug)]
struct Owner {
    /// Another for each that is taken.
    name: String,
    /// Whether something was stored under it that couldn't be told.
    is_untold: AtomicBool,
}

/// A lock in Redis, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct HeldLock {
    connection: Connection,
    room: RoomAddress,
    owner: Arc<Owner>,
    since: Instant,
    renewing: Option<AbortHandle>,
    held: Arc<Mutex<HashMap<RoomAddress, Arc<Owner>>>>,
    is_given_back: bool,
}

impl SharedLocks {
    pub(super) fn new(connection: Connection, server: &str, kept_ms: u64) -> Self {
        Self {
            connection,
            server: server.to_owned(),
            kept_ms,
            asked: AtomicU64::new(0),
            here: Arc::default(),
            held: Arc::default(),
        }
    }

    /// Keeps others out of a room, on all servers.
    pub(super) async fn lock(&self, room: &RoomAddress) -> Result<Lock<Option<HeldLock>>> {
        let deadline = Instant::now() + PATIENCE;
        let lock = timeout_at(deadline, self.here.lock(room)).await;
        let mut lock = lock.map_err(|_| taken())?;
        if lock.as_ref().is_some_and(HeldLock::may_be_handed_on) {
            return Ok(lock);
        }
        if let Some(held) = lock.take() {
            held.give_back().await;
        }
        let mut asking = self.owner(room);
        while !asking.ask(self.kept_ms).await? {
            if Instant::now() > deadline {
                return Err(taken());
            }
            let pause_ms = rand::rng().random_range(RETRY_MS);
            sleep(Duration::from_millis(pause_ms)).await;
        }
        asking.keep(self.kept_ms);
        *lock = Some(asking);
        Ok(lock)
    }

    /// Whose a room's lock is, where it is this server's. What is told under it is told only after what
    /// others stored before.
    pub(super) fn owner_of(&self, room: &RoomAddress) -> Option<String> {
        self.held.lock().get(room).map(|owner| owner.name.clone())
    }

    /// Something couldn't be told in a room: where it was stored under its lock, that is to be seen.
    pub(super) fn not_told(&self, room: &RoomAddress) {
        if let Some(owner) = self.held.lock().get(room) {
            owner.is_untold.store(true, Ordering::Relaxed);
        }
    }

    /// Somebody who has no lock yet. Dropped, it gives back what it has by then: also where the answer is
    /// lost with who asked.
    fn owner(&self, room: &RoomAddress) -> HeldLock {
        let name = format!("{}:{}", self.server, self.asked.fetch_add(1, Ordering::Relaxed));
        HeldLock {
            connection: self.connection.clone(),
            room: room.clone(),
            owner: Arc::new(Owner { name, is_untold: AtomicBool::new(false) }),
            since: Instant::now(),
            renewing: None,
            held: self.held.clone(),
            is_given_back: false,
        }
    }
}

impl HeldLock {
    /// Whether the next of this server may have it without asking.
    fn may_be_handed_on(&self) -> bool {
        self.since.elapsed() < TURN && !self.owner.is_untold.load(Ordering::Relaxed)
    }

    async fn ask(&mut self, kept_ms: u64) -> Result<bool> {
        let is_theirs = take_or_renew(&self.connection, &self.room, &self.owner, false, kept_ms);
        let is_theirs = is_theirs.await?;
        self.since = Instant::now();
        Ok(is_theirs)
    }

    /// It was taken: keeps it until it is dropped.
    fn keep(&mut self, kept_ms: u64) {
        self.held.lock().insert(self.room.clone(), self.owner.clone());
        let (connection, room, owner) =
            (self.connection.clone(), self.room.clone(), self.owner.clone());
        let renew = async move {
            loop {
                sleep(RENEW_INTERVAL).await;
                // While Redis is away nobody takes it. Who tells something under a lock that was lost
                // is seen there.
                let renewed = take_or_renew(&connection, &room, &owner, true, kept_ms).await;
                if let Ok(false) = renewed {
                    return tracing::warn!(%room, "a lock is lost");
                }
            }
        };
        self.renewing = Some(tokio::spawn(renew).abort_handle());
    }

    /// As the server of a test that is dead, or stands still.
    #[cfg(test)]
    pub(super) fn stand_still(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }

    async fn give_back(mut self) {
        self.end();
        unlock(&self.connection, &self.room, &self.owner).await;
    }

    /// It is no longer kept here.
    fn end(&mut self) {
        self.is_given_back = true;
        if let Some(renewing) = self.renewing.take() {
            renewing.abort();
            self.held.lock().remove(&self.room);
        }
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        if self.is_given_back {
            return;
        }
        self.end();
        let (connection, room, owner) =
            (self.connection.clone(), self.room.clone(), self.owner.clone());
        tokio::spawn(async move { unlock(&connection, &room, &owner).await });
    }
}

async fn take_or_renew(
    connection: &Connection,
    room: &RoomAddress,
    owner: &Owner,
    is_theirs: bool,
    kept_ms: u64,
) -> Result<bool> {
    let keys = RoomKeys(room);
    let mut lock = LOCK.prepare_invoke();
    lock.key(keys.lock()).key(keys.meta()).key(keys.stream());
    lock.arg(&owner.name).arg(i32::from(is_theirs));
    lock.arg(clock::whole_ms(LASTS)).arg(clock::whole_ms(TURN_KEPT_FOR)).arg(kept_ms);
    lock.arg(new_epoch()).arg(keys.channel());
    connection.script("lock", &lock).await
}

async fn unlock(connection: &Connection, room: &RoomAddress, owner: &Owner) {
    let mut unlock = UNLOCK.prepare_invoke();
    unlock.key(RoomKeys(room).lock()).arg(&owner.name);
    unlock.arg(i32::from(owner.is_untold.load(Ordering::Relaxed)));
    if let Err(error) = connection.script::<()>("unlock", &unlock).await {
        tracing::debug!(%error, %room, "a lock ends by itself");
    }
}

fn taken() -> Error {
    Error::refused(ErrorCode::Unavailable, "others are changing it; try again")
}

#[cfg(test)]
mod tests {
    use samewire_protocol::room::ROOM;

    use super::*;
    use crate::backplane::redis::testing::TestRedis;

    const KEPT_MS: u64 = 60_000;

    /// Who got a room's lock of those who asked for it, in the order they did; nothing where that took
    /// longer than a turn is kept.
    async fn turns(locks: &SharedLocks, room: &RoomAddress) -> Option<Vec<bool>> {
        let began = Instant::now();
        let (mut first, mut second) = (locks.owner(room), locks.owner(room));
        let mut got = vec![first.ask(KEPT_MS).await.unwrap()];
        // As where the answer was lost.
        got.push(first.ask(KEPT_MS).await.unwrap());
        got.push(second.ask(KEPT_MS).await.unwrap());
        first.give_back().await;
        let (mut again, mut third) = (locks.owner(room), locks.owner(room));
        got.push(again.ask(KEPT_MS).await.unwrap());
        got.push(second.ask(KEPT_MS).await.unwrap());
        got.push(again.ask(KEPT_MS).await.unwrap());
        second.give_back().await;
        got.push(third.ask(KEPT_MS).await.unwrap());
        // Who no longer waits is in nobody's way.
        again.give_back().await;
        got.push(third.ask(KEPT_MS).await.unwrap());
        third.give_back().await;
        (began.elapsed() < TURN_KEPT_FOR).then_some(got)
    }

    #[tokio::test]
    async fn who_waits_has_the_next_turn() {
        let redis = TestRedis::start().await;
        let locks = SharedLocks::new(redis.connect(), "server", KEPT_MS);
        let lobby = RoomAddress::new(ROOM, "lobby");
        let got = loop {
            if let Some(got) = turns(&locks, &lobby).await {
                break got;
            }
        };
        assert_eq!(got, [true, true, false, false, true, false, false, true]);
    }
}
