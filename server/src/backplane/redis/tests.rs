//! Servers that share rooms, each with a way to Redis of its own, and a Redis that is there.

mod leases;
mod locks;
mod logs;
mod presence;

use std::sync::Arc;

use redis::Value;
use samewire_protocol::{Position, RoomAddress, room::ROOM, rooms::LoggedEvent};
use serde_json::value::to_raw_value;

use super::{
    Connection, Held,
    servers::{Figures, Servers},
    shared::Shared,
    testing::{TestRedis, eventually},
};
use crate::{
    log::LogBounds,
    rooms::{Publishing, Rooms},
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
