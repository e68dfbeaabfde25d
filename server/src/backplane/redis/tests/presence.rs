//! Who is in rooms, and who is taken out of them.

use std::collections::HashSet;

use samewire_protocol::{ErrorBody, ErrorCode, RoomAddress, presence::Status};

use super::{
    super::testing::{TestRedis, eventually},
    BOUNDS, TestServer, cut, room, settled,
};
use crate::{
    clock,
    rooms::{Change, Dismissal, Outgoing, Tab, Whom},
};

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
