//! What is published under a lease.

use redis::cmd;

use super::{
    super::{HeldLease, keys, testing::TestRedis},
    BOUNDS, TestServer, room,
};
use crate::error::Error;

/// A server that was paused for longer than its lease lasts doesn't know that when it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_under_a_lease_that_is_anothers_by_now_is_refused() {
    let redis = TestRedis::start().await;
    let (server, lobby) = (TestServer::start(&redis, BOUNDS), room("lobby"));
    let connection = redis.connect();
    let held = HeldLease::take(&connection, "job").await.unwrap().unwrap();
    let first = held.hold(server.say(&lobby, "a")).await.unwrap().unwrap();
    let set = cmd("SET").arg(keys::lease("job")).arg("another's").to_owned();
    connection.command::<()>("test", &set).await.unwrap();
    let refused = held.hold(server.say(&lobby, "b")).await.unwrap();
    assert!(matches!(refused, Err(Error::LeaseLost)), "{refused:?}");
    let next = server.say(&lobby, "c").await.unwrap();
    assert_eq!((next.epoch, next.offset.get()), (first.epoch, 2), "nor does it take a place");
}
