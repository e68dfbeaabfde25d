//! What is published in rooms: heard once, in one order, whatever happens to Redis.

use std::collections::HashSet;

use samewire_protocol::id::UserId;
use serde_json::value::to_raw_value;

use super::{
    super::{
        keys::RoomKeys,
        testing::{TestRedis, eventually},
    },
    BOUNDS, TestServer, check_order, cut, room, settled,
};
use crate::{backplane::once::of_emit, log::LogBounds, rooms::Publishing};

/// Publishes from both servers at once into a few rooms, while `trouble` goes on. Each event that was
/// acknowledged is to be heard by both, once, in one order.
async fn publish_through(redis: &mut TestRedis, trouble: impl AsyncFn(&mut TestRedis)) {
    const ROOMS: usize = 4;
    const EVENTS: usize = 10_000;
    const AT_ONCE: usize = 20;
    let servers = [TestServer::start(redis, BOUNDS), TestServer::start(redis, BOUNDS)];
    let rooms: Vec<_> = (0..ROOMS).map(|number| room(&number.to_string())).collect();
    let mut held = Vec::new();
    for server in &servers {
        for room in &rooms {
            held.push(server.hold(room).await);
        }
    }
    let publishers = (0..AT_ONCE).map(|publisher| {
        let shared = servers[publisher % 2].shared.clone();
        let rooms = rooms.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for number in (publisher..EVENTS).step_by(AT_ONCE) {
                let at = number / AT_ONCE % ROOMS;
                let payload = to_raw_value(&number).unwrap();
                let (ada, id) = (UserId::from("ada"), number.to_string());
                // As a client does that is answered UNAVAILABLE.
                loop {
                    let act = shared.publish(&rooms[at], "said", &payload, Publishing::default());
                    if of_emit(&ada, &id, act).await.is_ok() {
                        break;
                    }
                }
                acknowledged.push((at, number));
            }
            acknowledged
        })
    });
    let publishers: Vec<_> = publishers.collect();
    trouble(redis).await;
    let mut acknowledged = Vec::new();
    for publisher in publishers {
        acknowledged.extend(publisher.await.unwrap());
    }
    assert_eq!(acknowledged.len(), EVENTS);
    for (at, room) in rooms.iter().enumerate() {
        let expected: HashSet<_> =
            acknowledged.iter().filter(|said| said.0 == at).map(|said| said.1).collect();
        settled(&servers, room, expected.len() as u64).await;
        let (one, other) = (servers[0].heard(room), servers[1].heard(room));
        check_order(&one.1);
        assert_eq!(one.1, other.1, "in the same order");
        let heard: Vec<_> = one
            .1
            .iter()
            .map(|event| usize::try_from(event.payload.as_u64().unwrap()).unwrap())
            .collect();
        assert_eq!(heard.len(), expected.len(), "once");
        assert_eq!(heard.into_iter().collect::<HashSet<_>>(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_servers_hear_every_event_once_in_one_order() {
    publish_through(&mut TestRedis::start().await, async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    publish_through(&mut TestRedis::start().await, async |redis| {
        let connection = redis.connect();
        for kind in ["pubsub", "normal", "pubsub", "pubsub", "normal"] {
            eventually("there is a way", async || connection.is_up()).await;
            cut(&connection, kind).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_keeps_its_data_loses_nothing_by_its_restarts() {
    publish_through(&mut TestRedis::start_keeping().await, async |redis| {
        for _ in 0..2 {
            redis.stop();
            redis.resume().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_lost_begins_anew_on_all_servers() {
    let mut redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let lobby = room("lobby");
    let _held = [servers[0].hold(&lobby).await, servers[1].hold(&lobby).await];
    let before = servers[0].say(&lobby, "a").await.unwrap();
    settled(&servers, &lobby, 1).await;
    redis.stop();
    redis.resume().await;
    // Without another event: whoever missed the last one is not to wait for the next.
    eventually("both follow another epoch", async || {
        servers.iter().all(|server| {
            let reach = server.shared.rooms.reach(&lobby);
            reach.is_some_and(|reach| reach.epoch != before.epoch)
        })
    })
    .await;
    let after = servers[1].say(&lobby, "b").await.unwrap();
    assert_eq!((after.offset.get(), after.epoch == before.epoch), (1, false));
    settled(&servers, &lobby, 1).await;
    assert_eq!(servers[0].heard(&lobby), servers[1].heard(&lobby));
    assert_eq!(servers[0].heard(&lobby).0, Some(after));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_its_end_is_another() {
    let redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let lobby = room("lobby");
    let _held = servers[0].hold(&lobby).await;
    for what in ["a", "b", "c"] {
        servers[0].say(&lobby, what).await.unwrap();
    }
    // As a Redis that is restored from an hour ago: the last event is gone.
    let connection = redis.connect();
    let keys = RoomKeys(&lobby);
    let last = servers[0].shared.rooms.reach(&lobby).unwrap();
    let records: Vec<(String, std::collections::HashMap<String, Vec<u8>>)> = connection
        .command("test", redis::cmd("XRANGE").arg(keys.stream()).arg("2-0").arg("2-0"))
        .await
        .unwrap();
    let mut restore = redis::pipe();
    restore.cmd("XDEL").arg(keys.stream()).arg("3-0").ignore();
    restore.cmd("XSETID").arg(keys.stream()).arg("2-0").ignore();
    restore.hset(keys.meta(), "offset", 2).ignore();
    restore.hset(keys.meta(), "tag", &records[0].1["t"]).ignore();
    connection.pipeline::<()>("test", &restore).await.unwrap();

    // One that has no members goes on with the log as it is. To the other that is another third event.
    let after = servers[1].say(&lobby, "other").await.unwrap();
    assert_eq!((after.offset.get(), &after.epoch), (3, &last.epoch));
    eventually("the other epoch is followed", async || {
        let reach = servers[0].shared.rooms.reach(&lobby);
        reach.is_some_and(|reach| reach.epoch != last.epoch)
    })
    .await;
}

#[tokio::test]
async fn what_an_emit_publishes_again_has_the_same_place() {
    let redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let (lobby, ada) = (room("lobby"), UserId::from("ada"));
    let _held = servers[0].hold(&lobby).await;
    let first = of_emit(&ada, "1", servers[0].say(&lobby, "a")).await.unwrap();
    let again = of_emit(&ada, "1", servers[1].say(&lobby, "a")).await.unwrap();
    assert_eq!(first, again);
    let next = of_emit(&ada, "2", servers[1].say(&lobby, "a")).await.unwrap();
    assert_eq!(next.offset.get(), 2);
    settled(&servers[..1], &lobby, 2).await;
    assert_eq!(servers[0].heard(&lobby).1.len(), 2);
}

#[tokio::test]
async fn a_log_is_trimmed_by_events_and_bytes_and_what_is_left_is_loaded() {
    let bounds = LogBounds { events: 10, age_ms: 600_000, bytes: 4000 };
    let redis = TestRedis::start().await;
    let server = TestServer::start(&redis, bounds);
    let (many, large) = (room("many"), room("large"));
    for number in 0..25 {
        server.say(&many, &number.to_string()).await.unwrap();
        server.say(&large, &"x".repeat(1000)).await.unwrap();
    }
    let _held = [server.hold(&many).await, server.hold(&large).await];
    let (position, events) = server.heard(&many);
    assert_eq!((position.unwrap().offset.get(), events.len()), (25, 10));
    check_order(&events);
    let (position, events) = server.heard(&large);
    assert_eq!(position.unwrap().offset.get(), 25);
    assert!((1..4).contains(&events.len()), "{}", events.len());
    check_order(&events);
}

#[tokio::test]
async fn whoever_is_further_than_the_mirror_is_waited_for() {
    let redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let lobby = room("lobby");
    let _held = servers[0].hold(&lobby).await;
    for number in 0..50 {
        let seen = servers[1].say(&lobby, &number.to_string()).await.unwrap();
        drop(servers[0].shared.hold(&lobby, Some(&seen)).await.unwrap());
        assert!(servers[0].shared.rooms.reach(&lobby).unwrap().offset >= seen.offset.get());
    }
}

#[tokio::test]
async fn what_is_retained_is_there_for_a_server_that_comes_later() {
    use samewire_protocol::assistant::AiTypingStarted;

    use crate::retained::Retain;

    let redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let lobby = room("lobby");
    let started = AiTypingStarted { conversation_id: "c".into(), message_id: "m".into() };
    let payload = to_raw_value("x").unwrap();
    let retaining = |retain| Publishing { retain: vec![retain], ..Publishing::default() };
    let set = retaining(Retain::set(&started).unwrap());
    servers[0].shared.publish(&lobby, "said", &payload, set).await.unwrap();
    let _held = servers[1].hold(&lobby).await;
    let retained = || servers[1].shared.rooms.retained(&lobby);
    assert_eq!(retained().len(), 1);
    assert!(retained()[0].contains("\"messageId\":\"m\""));
    let clear = retaining(Retain::clear::<AiTypingStarted>());
    servers[0].shared.publish(&lobby, "said", &payload, clear).await.unwrap();
    eventually("it is cleared", async || retained().is_empty()).await;
    assert!(servers[1].is_following(&lobby));
}
