//! Who is in rooms over servers: each server tells the others of its own members, and writes them down for
//! those who come later. Who is connected to a server that is gone is lost.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{keys::RoomKeys, record::Changed, shared::Shared};
use crate::{
    error::Result,
    rooms::{Change, Outgoing, ToTell},
};

/// Changes that are told in one round trip.
const AT_ONCE: usize = 256;

/// How long a server has to be missing before it counts as gone: when Redis comes back all are missing
/// for a moment.
const MISSING: Duration = Duration::from_millis(2500);

impl Shared {
    /// Tells the others what becomes of this server's members. Runs until it is dropped.
    pub(super) async fn tell_changes(self: &Arc<Self>) {
        let mut outgoing = self.outgoing.lock().await;
        let mut batch = Vec::with_capacity(AT_ONCE);
        while outgoing.recv_many(&mut batch, AT_ONCE).await > 0 {
            let (mut changes, mut flushes) = (Vec::new(), Vec::new());
            for to_tell in batch.drain(..) {
                match to_tell {
                    ToTell::Change(change) => changes.push(*change),
                    ToTell::Flush(told) => flushes.push(told),
                }
            }
            if !changes.is_empty()
                && let Err(error) = self.tell(&changes).await
            {
                tracing::debug!(%error, "others aren't told of members");
                // What is written of the room is compared with its members once it can be read.
                let rooms: HashSet<_> = changes.into_iter().map(|change| change.room).collect();
                rooms.iter().for_each(|room| self.begin_load(room));
            }
            for told in flushes {
                // Who waited for it may be gone.
                let _ = told.send(());
            }
        }
    }

    pub(super) async fn tell(&self, changes: &[Outgoing]) -> Result<()> {
        let mut pipeline = redis::pipe();
        for Outgoing { room, connection, change } in changes {
            let keys = RoomKeys(room);
            match change {
                Change::Present(tab) => {
                    let tab = serde_json::to_string(tab)?;
                    pipeline.hset(keys.presence(), connection.as_str(), tab).ignore();
                }
                Change::Left { .. } | Change::Lost { .. } => {
                    pipeline.hdel(keys.presence(), connection.as_str()).ignore();
                }
                Change::Began { .. } | Change::Ended { .. } => {}
            }
            let (server, connection, change) =
                (self.id.clone(), connection.clone(), change.clone());
            let told = serde_json::to_string(&Changed { server, connection, change })?;
            pipeline.publish(keys.channel(), format!("c{told}")).ignore();
        }
        self.redis.pipeline::<()>("presence", &pipeline).await
    }

    /// Notes that a server is said to have members.
    pub(super) fn note_server(&self, server: &str) {
        if server != self.id {
            let mut others = self.others.lock();
            if !others.contains(server) {
                others.insert(server.to_owned());
            }
        }
    }

    /// Whether a server is there. One that has just started is in no heartbeat that was seen.
    pub(super) async fn is_there(&self, server: &str) -> Result<bool> {
        let is_seen = self.servers.seen().borrow().servers.contains_key(server);
        if is_seen { Ok(true) } else { self.servers.is_alive(server).await }
    }

    /// Looks after servers that are gone, and tells all anew where this one was taken for gone. Runs until
    /// it is dropped.
    pub(super) async fn watch_servers(&self) {
        let mut seen = self.servers.seen();
        let mut lapses = 0;
        let mut missing: HashMap<String, Instant> = HashMap::new();
        loop {
            let due = missing.values().min().map(|since| *since + MISSING);
            let changed = async {
                match due {
                    Some(due) => tokio::select! {
                        changed = seen.changed() => changed.is_ok(),
                        () = sleep_until(due) => true,
                    },
                    None => seen.changed().await.is_ok(),
                }
            };
            if !changed.await {
                return;
            }
            let now = seen.borrow_and_update().clone();
            if now.lapses != lapses {
                lapses = now.lapses;
                self.rooms.tell_all();
            }
            let others: HashSet<String> = self.others.lock().clone();
            missing
                .retain(|server, _| others.contains(server) && !now.servers.contains_key(server));
            for server in others {
                if now.servers.contains_key(&server) {
                    continue;
                }
                let since = *missing.entry(server.clone()).or_insert_with(Instant::now);
                if since.elapsed() >= MISSING {
                    missing.remove(&server);
                    // Redis may have been away since: then nobody could say that they are there.
                    if matches!(self.servers.is_alive(&server).await, Ok(false)) {
                        self.others.lock().remove(&server);
                        self.gone(&server).await;
                    }
                }
            }
        }
    }

    /// A server is gone: its connections are lost, and no longer written down.
    async fn gone(&self, server: &str) {
        tracing::warn!(server, "another server is gone");
        let lost = self.rooms.server_gone(server);
        for rooms in lost.chunks(AT_ONCE) {
            let mut pipeline = redis::pipe();
            for (room, connections) in rooms {
                let connections: Vec<_> = connections.iter().map(|id| id.as_str()).collect();
                pipeline.hdel(RoomKeys(room).presence(), connections).ignore();
            }
            if let Err(error) = self.redis.pipeline::<()>("presence", &pipeline).await {
                tracing::debug!(%error, "a server that is gone is still written down");
            }
        }
    }
}
