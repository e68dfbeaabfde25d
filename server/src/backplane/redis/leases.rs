//! Leases: the right to do something that one server at a time is to do. It is renewed for as long as it
//! is kept, and ends by itself with the server that has it.
//!
//! A server that was paused for longer than its lease lasts doesn't know that when it goes on. So Redis
//! looks at the lease whenever something is published under it ([`fence`]), in the same step.

use std::{sync::LazyLock, time::Duration};

use redis::Script;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{Connection, keys};
use crate::{clock, error::Result};

static LEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease.lua")));
static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// How long a lease outlives its owner.
const LASTS: Duration = Duration::from_secs(10);

/// How often it is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(3);

tokio::task_local! {
    static FENCE: Fence;
}

/// A lease, as Redis is asked whether it is still somebody's.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// The lease's key.
    pub(super) key: String,
    /// What stands there for as long as it is theirs.
    pub(super) whose: String,
}

/// The lease under which this is done, if any.
pub(super) fn fence() -> Option<Fence> {
    FENCE.try_with(Fence::clone).ok()
}

/// A lease, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct HeldLease {
    connection: Connection,
    fence: Fence,
    lost: CancellationToken,
    renewing: AbortHandle,
    is_given_back: bool,
}

impl HeldLease {
    /// Takes a lease by its name; none where another has it.
    ///
    /// # Errors
    /// When Redis is away.
    pub(crate) async fn take(connection: &Connection, name: &str) -> Result<Option<Self>> {
        let fence =
            Fence { key: keys::lease(name), whose: uuid::Uuid::new_v4().simple().to_string() };
        let ends_at = Instant::now() + LASTS;
        if !ask(connection, &LEASE, &fence).await? {
            return Ok(None);
        }
        let lost = CancellationToken::new();
        let renewal = renew(connection.clone(), fence.clone(), ends_at, lost.clone());
        let renewing = tokio::spawn(renewal).abort_handle();
        let connection = connection.clone();
        Ok(Some(Self { connection, fence, lost, renewing, is_given_back: false }))
    }

    /// Does something for as long as the lease is held; nothing where it is lost before that is done. What
    /// it publishes is refused once the lease may be another's.
    pub(crate) async fn hold<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.lost.cancelled() => None,
            done = FENCE.scope(self.fence.clone(), work) => Some(done),
        }
    }

    /// Gives the lease back at once. Where that fails it ends by itself.
    pub(crate) async fn end(mut self) {
        self.renewing.abort();
        self.is_given_back = true;
        end(self.connection.clone(), self.fence.clone()).await;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewing.abort();
        if !self.is_given_back {
            tokio::spawn(end(self.connection.clone(), self.fence.clone()));
        }
    }
}

async fn end(connection: Connection, fence: Fence) {
    let mut release = RELEASE.prepare_invoke();
    release.key(fence.key).arg(fence.whose);
    if let Err(error) = connection.script::<()>("lease", &release).await {
        tracing::debug!(%error, "a lease ends by itself");
    }
}

async fn ask(connection: &Connection, script: &Script, fence: &Fence) -> Result<bool> {
    let mut script = script.prepare_invoke();
    script.key(&fence.key).arg(&fence.whose).arg(clock::whole_ms(LASTS));
    connection.script("lease", &script).await
}

async fn renew(
    connection: Connection,
    fence: Fence,
    mut ends_at: Instant,
    lost: CancellationToken,
) {
    loop {
        sleep(RENEW_INTERVAL).await;
        let asked_at = Instant::now();
        match timeout_at(ends_at, ask(&connection, &RENEW, &fence)).await {
            Ok(Ok(true)) => ends_at = asked_at + LASTS,
            Ok(Err(_)) if Instant::now() < ends_at => {}
            _ => break,
        }
    }
    lost.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backplane::redis::testing::{TestRedis, eventually};

    #[tokio::test]
    async fn a_lease_is_one_servers_until_it_gives_it_back() {
        let redis = TestRedis::start().await;
        let (a, b) = (redis.connect(), redis.connect());
        let held = HeldLease::take(&a, "feed").await.unwrap().unwrap();
        assert!(HeldLease::take(&b, "feed").await.unwrap().is_none());
        assert!(HeldLease::take(&a, "feed").await.unwrap().is_none(), "nor twice by one");
        assert!(HeldLease::take(&b, "another").await.unwrap().is_some());
        held.end().await;
        let held = HeldLease::take(&b, "feed").await.unwrap().unwrap();
        drop(held);
        let free = async || HeldLease::take(&a, "feed").await.unwrap().is_some();
        eventually("it is free", free).await;
    }

    #[tokio::test]
    async fn a_lease_whose_owner_died_is_another_s_in_time() {
        let redis = TestRedis::start().await;
        let (a, b) = (redis.connect(), redis.connect());
        let held = HeldLease::take(&a, "feed").await.unwrap().unwrap();
        held.renewing.abort();
        std::mem::forget(held);
        assert!(HeldLease::take(&b, "feed").await.unwrap().is_none());
        let free = async || HeldLease::take(&b, "feed").await.unwrap().is_some();
        eventually("it is free", free).await;
    }

    #[tokio::test]
    async fn who_lost_a_lease_is_told_and_takes_nothing_from_the_next() {
        let redis = TestRedis::start().await;
        let connection = redis.connect();
        let held = HeldLease::take(&connection, "feed").await.unwrap().unwrap();
        let key = keys::lease("feed");
        let set = redis::cmd("SET").arg(&key).arg("another's").to_owned();
        connection.command::<()>("test", &set).await.unwrap();
        assert!(held.hold(std::future::pending::<()>()).await.is_none());
        held.end().await;
        let kept = connection.command::<String>("test", redis::cmd("GET").arg(&key)).await.unwrap();
        assert_eq!(kept, "another's");
    }
}
