//! Servers that share rooms, each with a way to Redis of its own, and a Redis that is there.

mod locks;

use std::{collections::HashSet, sync::Arc};

use redis::Value;
use samewire_protocol::{
    ErrorBody, ErrorCode, Position, RoomAddress, id::UserId, presence::Status, room::ROOM,
    rooms::LoggedEvent,
};
use serde_json::value::to_raw_value;

use super::{
    Connection, Held,
    servers::{Figures, Servers},
    shared::Shared,
    testing::{TestRedis, eventually},
};
use crate::{
    backplane::once::of_emit,
    clock,
    log::LogBounds,
    rooms::{Change, Dismissal, Outgoing, Publishing, Rooms, Tab, Whom},
};

const BOUNDS: LogBounds = LogBounds { events: 20_000, age_ms: 600_000, bytes: 64 * 1024 * 1024 };

/// One of the servers.
struct TestServer {
    shared: Arc<Shared>,
    tasks: [tokio::task::JoinHandle<()>; 3],
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl TestServer {
    fn start(redis: &TestRedis, bounds: LogBounds) -> Self {
        let connection = redis.connect();
        let servers = Servers::new(connection.clone());
        let (rooms, outgoing) = Rooms::of_server(servers.id(), bounds);
        let (rooms, told) = (Arc::new(rooms), servers.clone());
        let shared = Shared::new(rooms, outgoing, connection, told, bounds);
        let shared = Arc::new(shared);
        let run = tokio::spawn({
            let shared = shared.clone();
            async move { shared.run().await }
        });
        let beat = tokio::spawn(async move { servers.beat(Figures::default).await });
        let tell = tokio::spawn({
            let rooms = shared.rooms.clone();
            async move { rooms.tell_presence().await }
        });
        Self { shared, tasks: [run, beat, tell] }
    }

    async fn hold(&self, room: &RoomAddress) -> Held {
        self.shared.hold(room, None).await.unwrap()
    }

    async fn say(&self, room: &RoomAddress, what: &str) -> crate::Result<Position> {
        let payload = to_raw_value(what).unwrap();
        self.shared.publish(room, "said", &payload, Publishing::default()).await
    }

    /// What members of a room were fed here.
    fn heard(&self, room: &RoomAddress) -> (Option<Position>, Vec<LoggedEvent>) {
        let rooms = &self.shared.rooms;
        let Some(state) = rooms.state(room) else { return (None, Vec::new()) };
        let past = rooms.history(room, &state.position.epoch, 0, usize::MAX).unwrap();
        (Some(past.position), past.events)
    }

    fn is_following(&self, room: &RoomAddress) -> bool {
        self.shared.rooms.reach(room).is_some()
    }
}

fn room(name: &str) -> RoomAddress {
    RoomAddress::new(ROOM, name)
}

/// Cuts connections of all servers, as a network does.
async fn cut(redis: &Connection, kind: &str) {
    let mut command = redis::cmd("CLIENT");
    command.arg("KILL").arg("TYPE").arg(kind).arg("SKIPME").arg("yes");
    // Where it was cut itself the command has done what it was to do.
    let _ = redis.command::<Value>("test", &command).await;
}

/// Waits until all servers have heard the same of a room, up to a position.
async fn settled(servers: &[TestServer], room: &RoomAddress, offset: u64) {
    eventually("all have heard it", async || {
        let heard: Vec<_> = servers.iter().map(|server| server.shared.rooms.reach(room)).collect();
        heard.iter().all(|reach| {
            reach.as_ref().is_some_and(|reach| reach.offset >= offset) && *reach == heard[0]
        })
    })
    .await;
}

fn check_order(events: &[LoggedEvent]) {
    for two in events.windows(2) {
        assert_eq!(two[1].offset.get(), two[0].offset.get() + 1, "without a hole");
    }
}

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
    let keys = super::keys::RoomKeys(&lobby);
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

/// Somebody on a server, as it tells the others.
fn tab(server: &TestServer, user: &str) -> Tab {
    Tab {
        server: server.shared.id.clone(),
        user: user.into(),
        name: None,
        status: Some(Status::Online),
        state: None,
        joined_at: clock::timestamp(),
        at: clock::timestamp(),
    }
}

fn present(server: &TestServer, room: &RoomAddress, user: &str) -> Outgoing {
    let change = Change::Present(tab(server, user));
    Outgoing { room: room.clone(), connection: user.into(), change }
}

fn users(server: &TestServer, room: &RoomAddress) -> Vec<String> {
    let users = server.shared.rooms.state(room).map_or_else(Vec::new, |state| state.users);
    users.into_iter().map(|user| user.user_id.0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_a_room_is_known_to_all_servers_until_theirs_is_gone() {
    let redis = TestRedis::start().await;
    let mut servers: Vec<_> = (0..3).map(|_| TestServer::start(&redis, BOUNDS)).collect();
    let lobby = room("lobby");
    // The first follows no room: it would miss members that it has told of and doesn't have.
    let _held = servers[1].hold(&lobby).await;
    let come = [present(&servers[0], &lobby, "ada"), present(&servers[0], &lobby, "grace")];
    servers[0].shared.tell(&come).await.unwrap();
    eventually("they came", async || users(&servers[1], &lobby) == ["ada", "grace"]).await;
    let _later = servers[2].hold(&lobby).await;
    assert_eq!(users(&servers[2], &lobby), ["ada", "grace"], "for one that comes later");

    let left = Change::Left { user: "grace".into() };
    let left = Outgoing { room: lobby.clone(), connection: "grace".into(), change: left };
    servers[0].shared.tell(&[left]).await.unwrap();
    eventually("one left", async || servers[1..].iter().all(|one| users(one, &lobby) == ["ada"]))
        .await;
    // A server that has just started is counted once it is heard of.
    eventually("one is counted", async || {
        let state = servers[1].shared.state(&lobby).await.unwrap().unwrap();
        (state.users.len(), state.connections) == (1, 1)
    })
    .await;

    drop(servers.remove(0));
    eventually("the other is missed", async || {
        servers.iter().all(|one| users(one, &lobby).is_empty())
    })
    .await;
    let state = servers[1].shared.state(&lobby).await.unwrap().unwrap();
    assert_eq!((state.users.len(), state.connections), (0, 0));
}

#[tokio::test]
async fn a_server_that_comes_back_while_it_is_given_up_keeps_the_members_that_it_told_of_then() {
    let redis = TestRedis::start().await;
    let mut servers: Vec<_> = (0..3).map(|_| TestServer::start(&redis, BOUNDS)).collect();
    let (lobby, pub_) = (room("lobby"), room("pub"));
    // The first follows no room: it would miss members that it has told of and doesn't have.
    let _held = [servers[1].hold(&lobby).await, servers[1].hold(&pub_).await];
    let long_ago = |user: &str, room: &RoomAddress| {
        let at = samewire_protocol::Timestamp::from_unix_ms(1000);
        let change = Change::Present(Tab { at, ..tab(&servers[0], user) });
        Outgoing { room: room.clone(), connection: user.into(), change }
    };
    let before = [long_ago("ada", &lobby), long_ago("grace", &lobby), long_ago("ada", &pub_)];
    servers[0].shared.tell(&before).await.unwrap();
    eventually("they are there", async || {
        users(&servers[1], &lobby) == ["ada", "grace"] && users(&servers[1], &pub_) == ["ada"]
    })
    .await;
    // It is given up for what it had told by then. Only one of them is still connected when it is back.
    let told = servers[1].shared.rooms.told_by(&servers[0].shared.id);
    assert_eq!(told.iter().map(|(_, connections)| connections.len()).sum::<usize>(), 3);
    servers[0].shared.tell(&[present(&servers[0], &lobby, "ada")]).await.unwrap();
    eventually("that is heard", async || {
        let told = servers[1].shared.rooms.told_by(&servers[0].shared.id);
        told.iter().flat_map(|(_, connections)| connections).any(|its| its.1.unix_ms() > 1000)
    })
    .await;
    servers[1].shared.gone(&told).await;
    eventually("the others are missed", async || {
        users(&servers[1], &lobby) == ["ada"] && users(&servers[1], &pub_).is_empty()
    })
    .await;
    let _later = [servers[2].hold(&lobby).await, servers[2].hold(&pub_).await];
    assert_eq!(users(&servers[2], &lobby), ["ada"], "for one that comes later");
    assert!(users(&servers[2], &pub_).is_empty());
    // It is looked after as before.
    drop(servers.remove(0));
    eventually("it is gone", async || servers.iter().all(|one| users(one, &lobby).is_empty()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_told_for_a_while_is_told_then() {
    let mut redis = TestRedis::start_keeping().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let lobby = room("lobby");
    let _held = servers[1].hold(&lobby).await;
    redis.stop();
    let change = present(&servers[0], &lobby, "ada").change;
    servers[0].shared.rooms.tell(&lobby, &"ada".into(), change);
    // Nobody waits for a Redis that stays away.
    servers[0].shared.rooms.told().await;
    redis.resume().await;
    eventually("it is known", async || users(&servers[1], &lobby) == ["ada"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_and_left_while_the_channel_was_lost_is_known_after() {
    let redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let (lobby, connection) = (room("lobby"), redis.connect());
    // The first follows no room: it would miss members that it has told of and doesn't have.
    let _held = servers[1].hold(&lobby).await;
    let mut there = HashSet::new();
    for number in 0..20 {
        let user = format!("user {}", number % 7);
        let change = if there.remove(&user) {
            Change::Left { user: user.as_str().into() }
        } else {
            there.insert(user.clone());
            Change::Present(tab(&servers[0], &user))
        };
        let connection_id = user.as_str().into();
        let change = Outgoing { room: lobby.clone(), connection: connection_id, change };
        servers[0].shared.tell(&[change]).await.unwrap();
        cut(&connection, "pubsub").await;
    }
    let mut expected: Vec<_> = there.into_iter().collect();
    expected.sort();
    eventually("it is known", async || users(&servers[1], &lobby) == expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_that_is_taken_back_is_so_on_servers_that_didnt_hear_of_it() {
    let redis = TestRedis::start().await;
    let servers = [TestServer::start(&redis, BOUNDS), TestServer::start(&redis, BOUNDS)];
    let (lobby, connection) = (room("lobby"), redis.connect());
    let _held = [servers[0].hold(&lobby).await, servers[1].hold(&lobby).await];
    for times in 1..=5 {
        cut(&connection, "pubsub").await;
        let reason = ErrorBody::new(ErrorCode::AccessDenied, "no longer");
        let dismissal = Dismissal::Revoked { whom: Whom::User("ada".into()), reason };
        servers[0].shared.dismiss(&lobby, dismissal).await.unwrap();
        eventually("the other did so", async || servers[1].shared.rooms.revocations() >= times)
            .await;
    }
    settled(&servers, &lobby, 0).await;
    assert_eq!(servers[1].shared.rooms.revocations(), 5, "once each");
}
