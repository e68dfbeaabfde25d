//! Who is in rooms over servers: each server tells the others of its own members, and writes them down for
//! those who come later. Who is connected to a server that is gone is lost.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures::future::try_join_all;
use redis::Script;
use samewire_protocol::{RoomAddress, Timestamp, id::ConnectionId};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    keys::RoomKeys,
    record::Changed,
    servers::{HEARTBEAT_INTERVAL, HEARTBEAT_LASTS},
    shared::{RETRY_INTERVAL, Shared},
};
use crate::{
    error::Result,
    presence::{GATHER_MS, GRACE_MS},
    rooms::{Change, Outgoing, ToTell, Told},
};

static STRIKE_OFF: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("strike_off.lua")));

/// Changes that are told in one round trip, and rooms that are looked after at the same time.
const AT_ONCE: usize = 256;

/// How long a server has to be missing before it counts as gone: when Redis comes back all are missing
/// for a moment.
const MISSING: Duration = Duration::from_secs(2);

/// How long it takes at most until nobody sees those any more who were connected to a server that is gone,
/// besides the time that Redis and the machines need: its heartbeat is believed for a while, and its absence
/// noticed with the next one of another, it is missed, and its connections might have been reloads.
/// Specified are 15 s (wire.md, section 6).
const TRUE_AFTER: Duration = HEARTBEAT_LASTS
    .saturating_add(HEARTBEAT_INTERVAL)
    .saturating_add(MISSING)
    .saturating_add(Duration::from_millis(GRACE_MS + GATHER_MS));

const _: () = assert!(TRUE_AFTER.as_secs() < 11, "some seconds are left for what takes time");

impl Shared {
    /// Tells the others what becomes of this server's members. Runs until it is dropped.
    pub(super) async fn tell_changes(self: &Arc<Self>) {
        let mut outgoing = self.outgoing.lock().await;
        let mut batch = Vec::with_capacity(AT_ONCE);
        // What couldn't be told yet, in order: no more than members do while nobody can join.
        let mut untold: Vec<Outgoing> = Vec::new();
        loop {
            let more = outgoing.recv_many(&mut batch, AT_ONCE);
            let is_over = match untold.is_empty() {
                true => more.await == 0,
                false => timeout(RETRY_INTERVAL, more).await == Ok(0),
            };
            if is_over {
                return;
            }
            let mut flushes = Vec::new();
            for to_tell in batch.drain(..) {
                match to_tell {
                    ToTell::Change(change) => untold.push(*change),
                    ToTell::Flush(told) => flushes.push(told),
                }
            }
            while !untold.is_empty() {
                let some = untold.len().min(AT_ONCE);
                if let Err(error) = self.tell(&untold[..some]).await {
                    tracing::debug!(%error, "others aren't told of members yet");
                    break;
                }
                untold.drain(..some);
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
                    self.miss(&server).await;
                }
            }
        }
    }

    /// A server is missing: where it is gone, its connections are lost.
    async fn miss(&self, server: &str) {
        // What is told of it from now on is noted, and what was told before is all that may be lost: it may
        // come back at any moment, and tells all of its members anew then.
        self.others.lock().remove(server);
        let told = self.rooms.told_by(server);
        // Redis may have been away since: then nobody could say that they are there.
        if matches!(self.servers.is_alive(server).await, Ok(false)) {
            tracing::warn!(server, "another server is gone");
            self.gone(&told).await;
        } else {
            self.note_server(server);
        }
    }

    /// What a server has told is so no longer: these connections are lost, and no longer written down.
    pub(super) async fn gone(&self, told: &[Told]) {
        self.rooms.server_gone(told);
        for rooms in told.chunks(AT_ONCE) {
            let struck_off = rooms.iter().map(|(room, told)| self.strike_off(room, told));
            if let Err(error) = try_join_all(struck_off).await {
                tracing::debug!(%error, "a server that is gone is still written down");
            }
        }
    }

    /// Writes connections down no longer, but for those of which something was told since.
    async fn strike_off(
        &self,
        room: &RoomAddress,
        told: &[(ConnectionId, Timestamp)],
    ) -> Result<()> {
        let mut script = STRIKE_OFF.prepare_invoke();
        script.key(RoomKeys(room).presence());
        for (id, told_at) in told {
            script.arg(id.as_str()).arg(told_at.to_string());
        }
        self.redis.script("presence", &script).await
    }
}
