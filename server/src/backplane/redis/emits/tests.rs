//! Two servers with users who send to both.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32},
    },
};

use samewire_protocol::ErrorCode;
use serde_json::value::to_raw_value;

use super::*;
use crate::{
    backplane::redis::testing::{TestRedis, eventually},
    log::LogBounds,
};

fn limits(max: u32, window: Duration) -> Limits {
    Limits {
        rate_max: NonZeroU32::new(max).unwrap(),
        rate_window: window,
        connections_per_second: NonZeroU32::MIN,
        connect_timeout: Duration::ZERO,
        auth_timeout: Duration::ZERO,
        log: LogBounds { events: 1, age_ms: 1, bytes: 1 },
        queue_bytes: 1,
    }
}

/// What a server of its own has; it is alive until the task is aborted.
fn server(redis: &TestRedis, limits: &Limits) -> (SharedEmits, tokio::task::JoinHandle<()>) {
    let connection = redis.connect();
    let servers = Servers::new(connection.clone());
    let beating = servers.clone();
    let beat = tokio::spawn(async move { beating.beat(Default::default).await });
    (SharedEmits::new(connection, servers, limits), beat)
}

struct Acts(AtomicU32);

impl Acts {
    async fn act(&self) -> Outcome {
        let times = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Arc::new(to_raw_value(&times).unwrap().into()))
    }
}

fn number(answer: Outcome) -> String {
    answer.unwrap().answer.get().to_owned()
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_users_window_counts_over_servers() {
    let redis = TestRedis::start().await;
    let limits = limits(6, HOUR);
    let ((a, _), (b, _)) = (server(&redis, &limits), server(&redis, &limits));
    let (ada, grace) = (UserId::from("ada"), UserId::from("grace"));
    for _ in 0..3 {
        a.count(&ada).await.unwrap();
        b.count(&ada).await.unwrap();
    }
    for server in [&a, &b] {
        let body = server.count(&ada).await.unwrap_err().body();
        assert_eq!(body.code, ErrorCode::RateLimitExceeded);
        let wait_ms = body.retry_after_ms.unwrap();
        assert!((500_000..=600_000).contains(&wait_ms), "{wait_ms}");
    }
    b.count(&grace).await.unwrap();
}

#[tokio::test]
async fn a_window_gives_back_as_time_passes() {
    let redis = TestRedis::start().await;
    let (emits, _) = server(&redis, &limits(2, Duration::from_millis(400)));
    let ada = UserId::from("ada");
    let mut refused = 0;
    let deadline = Instant::now() + Duration::from_secs(30);
    // On a slow machine as much comes back as is asked for, for a while.
    while refused < 3 {
        assert!(Instant::now() < deadline, "nobody is refused");
        while let Err(error) = emits.count(&ada).await {
            refused += 1;
            let wait_ms = error.body().retry_after_ms.unwrap();
            assert!(wait_ms <= 200, "{wait_ms}");
            sleep(Duration::from_millis(wait_ms.into())).await;
        }
    }
}

#[tokio::test]
async fn an_emit_is_acted_on_by_one_server_and_answered_by_all() {
    let redis = TestRedis::start().await;
    let limits = limits(3, HOUR);
    let ((a, _), (b, _)) = (server(&redis, &limits), server(&redis, &limits));
    let (ada, acts) = (UserId::from("ada"), Acts(0.into()));
    assert_eq!(number(a.once(&ada, "1", true, acts.act()).await), "1");
    for _ in 0..5 {
        assert_eq!(number(b.once(&ada, "1", true, acts.act()).await), "1", "nor is it counted");
    }
    assert_eq!(number(b.once(&ada, "2", true, acts.act()).await), "2");
    assert_eq!(number(a.once(&ada, "2", true, acts.act()).await), "2");
    let grace = UserId::from("grace");
    assert_eq!(number(a.once(&grace, "1", true, acts.act()).await), "3");
    a.once(&ada, "3", true, acts.act()).await.unwrap();
    let limited = a.once(&ada, "4", true, acts.act()).await.unwrap_err();
    assert_eq!(limited.code(), ErrorCode::RateLimitExceeded);
    a.once(&ada, "5", false, acts.act()).await.unwrap();
}

#[tokio::test]
async fn who_comes_while_it_is_worked_out_waits_for_the_answer() {
    let redis = TestRedis::start().await;
    let limits = limits(100, HOUR);
    let ((a, _), (b, _)) = (server(&redis, &limits), server(&redis, &limits));
    let (ada, acts, done) = (UserId::from("ada"), Acts(0.into()), AtomicBool::new(false));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let slow = a.once(&ada, "1", true, async {
        receiver.await.unwrap();
        done.store(true, Ordering::SeqCst);
        acts.act().await
    });
    let repeat = async {
        let is_known = redis::cmd("HEXISTS").arg(UserKeys(&ada).emits()).arg("1").to_owned();
        eventually("it is claimed", async || {
            a.connection.command("test", &is_known).await.unwrap()
        })
        .await;
        let waits = b.once(&ada, "1", true, acts.act());
        let (answer, ()) = tokio::join!(waits, async {
            sleep(3 * POLL_INTERVAL).await;
            sender.send(()).unwrap();
        });
        assert!(done.load(Ordering::SeqCst));
        answer
    };
    let (first, second) = tokio::join!(slow, repeat);
    assert_eq!((number(first), number(second)), ("1".into(), "1".into()));
}

#[tokio::test]
async fn what_a_server_left_undone_is_done_by_another() {
    let redis = TestRedis::start().await;
    let limits = limits(100, HOUR);
    let ((a, beat), (b, _)) = (server(&redis, &limits), server(&redis, &limits));
    let (ada, acts) = (UserId::from("ada"), Acts(0.into()));
    let Ok(Claimed::ByUs(claim)) = a.claim(&ada, "1", true).await else {
        panic!("nobody else has it");
    };
    std::mem::forget(claim);
    beat.abort();
    a.servers.leave().await;
    assert_eq!(number(b.once(&ada, "1", true, acts.act()).await), "1");
    assert_eq!(number(b.once(&ada, "1", true, acts.act()).await), "1");
}

#[tokio::test]
async fn a_claim_that_came_to_nothing_is_given_back() {
    let redis = TestRedis::start().await;
    let limits = limits(100, HOUR);
    let ((a, _), (b, _)) = (server(&redis, &limits), server(&redis, &limits));
    let (ada, acts) = (UserId::from("ada"), Acts(0.into()));
    let passing = async { Err(Error::BackplaneAway.into()) };
    a.once(&ada, "1", true, passing).await.unwrap_err();
    assert_eq!(number(b.once(&ada, "1", true, acts.act()).await), "1");
    let refused = async { Err(Error::refused(ErrorCode::NotFound, "no such thing").into()) };
    a.once(&ada, "2", true, refused).await.unwrap_err();
    let again = b.once(&ada, "2", true, acts.act()).await.unwrap_err();
    assert_eq!(again.body().message, "no such thing");
}

#[tokio::test]
async fn so_many_answers_are_kept_of_a_user_and_so_many_bytes() {
    let redis = TestRedis::start().await;
    let (emits, _) = server(&redis, &limits(10_000, HOUR));
    let (ada, acts) = (UserId::from("ada"), Acts(0.into()));
    let kept = async |key: String| {
        let count = redis::cmd("ZCARD").arg(key).to_owned();
        emits.connection.command::<usize>("test", &count).await.unwrap()
    };
    for n in 0..REMEMBERED_PER_USER + 10 {
        emits.once(&ada, &n.to_string(), true, acts.act()).await.unwrap();
    }
    let all = REMEMBERED_PER_USER;
    eventually("the oldest are gone", async || kept(UserKeys(&ada).emit_order()).await == all)
        .await;
    let before = acts.0.load(Ordering::SeqCst);
    emits.once(&ada, "0", true, acts.act()).await.unwrap();
    assert_eq!(acts.0.load(Ordering::SeqCst), before + 1);
    let large = || async {
        let text = "x".repeat(REMEMBERED_BYTES_PER_USER / 4);
        Ok(Arc::new(to_raw_value(&text).unwrap().into()))
    };
    for n in 0..8 {
        emits.once(&ada, &format!("large {n}"), true, large()).await.unwrap();
    }
    eventually("three fit", async || kept(UserKeys(&ada).emit_order()).await == 3).await;
}
