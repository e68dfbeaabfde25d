//! What is stored first is told first, whichever server stores it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use samewire_protocol::{Epoch, ErrorCode, RoomAddress};
use tokio::time::timeout;

use super::{
    super::{
        keys::RoomKeys,
        testing::{TestRedis, eventually},
    },
    BOUNDS, TestServer, check_order, room, settled,
};

/// Far more than a busy machine needs for anything.
const DEADLINE: Duration = Duration::from_secs(30);

fn start<const COUNT: usize>(redis: &TestRedis) -> [TestServer; COUNT] {
    std::array::from_fn(|_| TestServer::start(redis, BOUNDS))
}

fn epoch(server: &TestServer, room: &RoomAddress) -> Option<Epoch> {
    server.shared.rooms.reach(room).map(|reach| reach.epoch)
}

/// Somebody takes a room's lock and stands still from then on, or is dead.
async fn stand_still(server: &TestServer, room: &RoomAddress) {
    let mut lock = server.shared.lock(room).await.unwrap();
    lock.as_mut().unwrap().stand_still();
    std::mem::forget(lock);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_hears_of_things_in_the_order_they_were_stored() {
    const CHANGES: usize = 300;
    const AT_ONCE: usize = 12;
    let redis = TestRedis::start().await;
    let servers: [TestServer; 3] = start(&redis);
    let lobby = room("lobby");
    let _held = servers[0].hold(&lobby).await;
    let (stored, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let changing = (0..AT_ONCE).map(|at| {
        let (shared, lobby) = (servers[at % servers.len()].shared.clone(), lobby.clone());
        let (stored, inside) = (stored.clone(), inside.clone());
        tokio::spawn(async move {
            for _ in 0..CHANGES / AT_ONCE {
                let lock = shared.lock(&lobby).await.unwrap();
                assert!(!inside.swap(true, Ordering::SeqCst), "one at a time");
                let version = stored.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                let payload = serde_json::value::to_raw_value(&version).unwrap();
                shared.publish(&lobby, "changed", &payload, Default::default()).await.unwrap();
                inside.store(false, Ordering::SeqCst);
                drop(lock);
            }
        })
    });
    for changing in changing.collect::<Vec<_>>() {
        changing.await.unwrap();
    }
    settled(&servers[..1], &lobby, CHANGES as u64).await;
    let (_, told) = servers[0].heard(&lobby);
    check_order(&told);
    let told: Vec<_> = told.iter().map(|event| event.payload.as_u64().unwrap()).collect();
    assert_eq!(told, (1..=CHANGES as u64).collect::<Vec<_>>());
    let connection = redis.connect();
    eventually("nothing is left of the lock", async || {
        let exists = redis::cmd("EXISTS").arg(RoomKeys(&lobby).lock()).to_owned();
        !connection.command::<bool>("test", &exists).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_starves_behind_a_server_that_changes_much() {
    let redis = TestRedis::start().await;
    let [busy, others @ ..]: [TestServer; 3] = start(&redis);
    let lobby = room("lobby");
    let done = Arc::new(AtomicBool::new(false));
    let changing = [(); 4].map(|()| {
        let (shared, lobby, done) = (busy.shared.clone(), lobby.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                drop(shared.lock(&lobby).await.unwrap());
                tokio::task::yield_now().await;
            }
        })
    });
    for _ in 0..20 {
        for other in &others {
            let lock = timeout(DEADLINE, other.shared.lock(&lobby)).await.expect("its turn comes");
            drop(lock.unwrap());
        }
    }
    done.store(true, Ordering::Relaxed);
    for changing in changing {
        changing.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_do_not_wait_for_each_other_nor_for_who_gave_up() {
    let redis = TestRedis::start().await;
    let servers: [TestServer; 3] = start(&redis);
    let lobby = room("lobby");
    let before = servers[0].say(&lobby, "a").await.unwrap().epoch;
    let lock = servers[0].shared.lock(&lobby).await.unwrap();
    drop(servers[1].shared.lock(&room("another")).await.unwrap());
    let asking = servers[1].shared.lock(&lobby);
    assert!(timeout(Duration::from_millis(50), asking).await.is_err(), "it is taken");
    drop(lock);
    drop(servers[2].shared.lock(&lobby).await.unwrap());
    assert_eq!(servers[2].say(&lobby, "b").await.unwrap().epoch, before, "nobody is missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_whose_owner_died_is_anothers_in_time_and_the_members_read_anew() {
    let redis = TestRedis::start().await;
    let servers: [TestServer; 2] = start(&redis);
    let lobby = room("lobby");
    let _held = servers[1].hold(&lobby).await;
    let before = servers[0].say(&lobby, "a").await.unwrap().epoch;
    stand_still(&servers[0], &lobby).await;
    let lock = servers[1].shared.lock(&lobby).await.unwrap();
    // What it stored may never have been told.
    eventually("the log begins anew", async || {
        epoch(&servers[1], &lobby).is_some_and(|epoch| epoch != before)
    })
    .await;
    let after = servers[1].say(&lobby, "b").await.unwrap();
    assert_eq!(after.offset.get(), 1);
    drop(lock);
    drop(servers[1].shared.lock(&lobby).await.unwrap());
    assert_eq!(servers[1].say(&lobby, "c").await.unwrap().epoch, after.epoch, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_too_late_begins_the_log_anew() {
    let redis = TestRedis::start().await;
    let servers: [TestServer; 2] = start(&redis);
    let lobby = room("lobby");
    stand_still(&servers[0], &lobby).await;
    let lock = servers[1].shared.lock(&lobby).await.unwrap();
    let later = servers[1].say(&lobby, "stored later").await.unwrap();
    drop(lock);
    let late = servers[0].say(&lobby, "stored first").await.unwrap();
    assert_ne!(late.epoch, later.epoch, "the members read how things stand");
    assert_eq!(servers[1].say(&lobby, "c").await.unwrap().epoch, late.epoch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_is_kept_for_as_long_as_somebody_has_it() {
    let redis = TestRedis::start().await;
    let servers: [TestServer; 1] = start(&redis);
    let (lobby, connection) = (room("lobby"), redis.connect());
    let lasts_until = async || {
        let asked = redis::cmd("HGET").arg(RoomKeys(&lobby).lock()).arg("until").to_owned();
        connection.command::<Option<u64>>("test", &asked).await.unwrap()
    };
    let lock = servers[0].shared.lock(&lobby).await.unwrap();
    let first = lasts_until().await;
    assert!(first.is_some());
    eventually("it is renewed", async || lasts_until().await > first).await;
    drop(lock);
    eventually("it is given back", async || lasts_until().await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nothing_is_locked_and_what_could_not_be_told_is_seen() {
    let mut redis = TestRedis::start_keeping().await;
    let servers: [TestServer; 2] = start(&redis);
    let lobby = room("lobby");
    let before = servers[0].say(&lobby, "a").await.unwrap().epoch;
    let lock = servers[0].shared.lock(&lobby).await.unwrap();
    redis.stop();
    let (untold, refused) =
        tokio::join!(servers[0].say(&lobby, "stored"), servers[1].shared.lock(&lobby));
    assert_eq!(untold.unwrap_err().code(), ErrorCode::Unavailable);
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Unavailable);
    redis.resume().await;
    eventually("Redis is there", async || servers[0].shared.reachable().await.is_ok()).await;
    drop(lock);
    let lock = async || servers[1].shared.lock(&lobby).await.is_ok();
    eventually("it is free", lock).await;
    assert_ne!(servers[1].say(&lobby, "b").await.unwrap().epoch, before);
}
