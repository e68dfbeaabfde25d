//! Leases: the right to do something that one server at a time is to do. It is renewed for as long as it
//! is kept, and ends by itself with the server that has it.

use std::{sync::LazyLock, time::Duration};

use redis::Script;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Connection, keys};
use crate::{clock, error::Result};

static LEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// How long a lease outlives its owner.
const LASTS: Duration = Duration::from_secs(10);

/// How often it is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(3);

/// A lease, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct HeldLease {
    connection: Connection,
    key: String,
    whose: String,
    lost: CancellationToken,
    renewing: AbortHandle,
}

impl HeldLease {
    /// Takes a lease by its name; none where another has it.
    ///
    /// # Errors
    /// When Redis is away.
    pub(crate) async fn take(connection: &Connection, name: &str) -> Result<Option<Self>> {
        let key = keys::lease(name);
        let whose = uuid::Uuid::new_v4().simple().to_string();
        if !take_or_renew(connection, &key, &whose).await? {
            return Ok(None);
        }
        let lost = CancellationToken::new();
        let renewal = renew(connection.clone(), key.clone(), whose.clone(), lost.clone());
        let renewing = tokio::spawn(renewal).abort_handle();
        Ok(Some(Self { connection: connection.clone(), key, whose, lost, renewing }))
    }

    /// Resolves when the lease may be another's.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Gives the lease back at once. Where that fails it ends by itself.
    pub(crate) async fn end(self) {
        self.renewing.abort();
        self.lost.cancel();
        end(self.connection.clone(), self.key.clone(), self.whose.clone()).await;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewing.abort();
        if !self.lost.is_cancelled() {
            tokio::spawn(end(self.connection.clone(), self.key.clone(), self.whose.clone()));
        }
    }
}

async fn end(connection: Connection, key: String, whose: String) {
    let mut release = RELEASE.prepare_invoke();
    release.key(key).arg(whose);
    if let Err(error) = connection.script::<()>("lease", &release).await {
        tracing::debug!(%error, "a lease ends by itself");
    }
}

async fn take_or_renew(connection: &Connection, key: &str, whose: &str) -> Result<bool> {
    let mut lease = LEASE.prepare_invoke();
    lease.key(key).arg(whose).arg(clock::whole_ms(LASTS));
    connection.script("lease", &lease).await
}

async fn renew(connection: Connection, key: String, whose: String, lost: CancellationToken) {
    let mut renewed = Instant::now();
    loop {
        sleep(RENEW_INTERVAL).await;
        let asked = Instant::now();
        match take_or_renew(&connection, &key, &whose).await {
            // It may have ended meanwhile, and been another's for a moment.
            Ok(true) if renewed.elapsed() < LASTS => renewed = asked,
            Ok(_) => break,
            Err(_) if renewed.elapsed() < LASTS => {}
            Err(_) => break,
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
        held.lost().await;
        drop(held);
        let kept = connection.command::<String>("test", redis::cmd("GET").arg(&key)).await.unwrap();
        assert_eq!(kept, "another's");
    }
}
