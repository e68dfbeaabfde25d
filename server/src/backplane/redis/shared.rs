//! Rooms that several servers share. What is published has its place in the room's log in Redis, and
//! goes over the room's channel to each server that has members in the room, which follows the log by a
//! mirror of it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use redis::{Script, ScriptInvocation, aio::PubSubSink};
use samewire_protocol::{Epoch, Position, RoomAddress};
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc};

use super::{
    Connection, HeldLock, Servers,
    keys::RoomKeys,
    leases,
    locks::SharedLocks,
    new_epoch,
    record::{self, Appended, Dismissed},
};
use crate::{
    backplane::{
        locks::Lock,
        mirror::{NO_TAG, Place, Reach},
        once,
    },
    clock,
    error::{Error, Result},
    log::{LogBounds, safe},
    presence::Presence,
    rooms::{Dismissal, Publishing, Record, RoomState, Rooms, ToTell, present},
};

/// How long it is remembered what an emit published, in milliseconds: as long as emits are.
const EMIT_REMEMBERED_MS: u64 = crate::answer::REMEMBERED_MS;

/// How long it is remembered that anything else was published: as long as that may be tried again, and
/// more, in milliseconds.
const REMEMBERED_MS: u64 = 60_000;

/// How long a room is kept in Redis that nothing is published to, in milliseconds, and twice its log's age
/// at least. While it has members it is kept by [`Shared::keep`].
const KEPT_MS: u64 = 2 * 60 * 60 * 1000;

/// How often what has members is kept for longer.
pub(super) const KEEP_INTERVAL: Duration = Duration::from_millis(KEPT_MS / 4);

/// How long it is remembered that members were taken out of a room, in milliseconds: for servers that lost
/// their connection just then.
const DISMISSALS_REMEMBERED_MS: u64 = 10 * 60 * 1000;

/// Rooms that are loaded at the same time.
const LOADS: usize = 32;

/// How soon a load is tried again that failed, or to tell the others of members.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The rooms of one of several servers.
pub(crate) struct Shared {
    /// Names this run of this server.
    pub(super) id: String,
    pub(super) rooms: Arc<Rooms>,
    pub(super) redis: Connection,
    bounds: LogBounds,
    locks: SharedLocks,
    append: Script,
    pub(super) load: Script,
    dismiss: Script,
    pub(super) loads: Semaphore,
    /// Rooms that are being loaded, and whether it was asked for again meanwhile.
    pub(super) loading: Mutex<HashMap<RoomAddress, bool>>,
    /// The rooms that this server is subscribed to, by channel.
    pub(super) channels: Mutex<HashMap<String, RoomAddress>>,
    /// Subscribes to more; nothing while that connection is lost.
    pub(super) sink: tokio::sync::Mutex<Option<PubSubSink>>,
    /// What the others are to be told of this server's members.
    pub(super) outgoing: tokio::sync::Mutex<mpsc::UnboundedReceiver<ToTell>>,
    pub(super) servers: Servers,
    /// Servers that are said to have members in rooms that are followed here.
    pub(super) others: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        outgoing: mpsc::UnboundedReceiver<ToTell>,
        redis: Connection,
        servers: Servers,
        bounds: LogBounds,
    ) -> Self {
        Self {
            locks: SharedLocks::new(redis.clone(), servers.id(), kept_ms(&bounds)),
            id: servers.id().to_owned(),
            rooms,
            outgoing: tokio::sync::Mutex::new(outgoing),
            servers,
            others: Mutex::default(),
            redis,
            bounds,
            append: Script::new(include_str!("append.lua")),
            load: Script::new(include_str!("load.lua")),
            dismiss: Script::new(include_str!("dismiss.lua")),
            loads: Semaphore::new(LOADS),
            loading: Mutex::default(),
            channels: Mutex::default(),
            sink: tokio::sync::Mutex::default(),
        }
    }

    /// Resolves once Redis can be reached.
    pub(crate) async fn reachable(&self) -> Result<()> {
        self.redis.reachable().await
    }

    /// Keeps others from storing and publishing in a room, on all servers.
    pub(crate) async fn lock(&self, room: &RoomAddress) -> Result<Lock<Option<HeldLock>>> {
        self.locks.lock(room).await
    }

    /// Gives an event the next place in its room's log, and sends it to all members.
    pub(crate) async fn publish(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        let (tag, is_of_emit) = once::tag(room, event);
        let written = record::write(event, payload.get(), &publishing)?;
        let keys = RoomKeys(room);
        let seen = self.rooms.reach(room);
        let fence = leases::fence();
        let mut script = self.append.prepare_invoke();
        script
            .key(keys.meta())
            .key(keys.stream())
            .key(keys.retained())
            .key(keys.once(&tag))
            .key(keys.lock());
        if let Some(fence) = &fence {
            script.key(&fence.key);
        }
        script
            .arg(new_epoch())
            .arg(&tag)
            .arg(written)
            .arg(if is_of_emit { EMIT_REMEMBERED_MS } else { REMEMBERED_MS })
            .arg(self.kept_ms())
            .arg(self.bounds.events)
            .arg(self.bounds.age_ms)
            .arg(self.bounds.bytes)
            .arg(keys.channel());
        arg_reach(&mut script, seen.as_ref());
        script.arg(self.locks.owner_of(room).unwrap_or_default());
        script.arg(fence.map(|fence| fence.whose).unwrap_or_default());
        for change in &publishing.retain {
            script.arg(change.event()).arg(change.text().unwrap_or_default());
        }
        let appended = self.redis.script::<Option<Appended>>("publish", &script).await;
        let appended = appended.inspect_err(|_| self.locks.not_told(room))?;
        let appended = appended.ok_or(Error::LeaseLost)?;
        let Appended { epoch, offset, at_ms, previous, is_new } = appended;
        let position = Position { epoch: epoch.clone(), offset: safe(offset) };
        if is_new && seen.is_some() {
            let at = Reach { epoch, offset, tag: tag.into() };
            let record = Record {
                place: Place { at, previous },
                at_ms,
                event: event.to_owned(),
                payload: payload.get().to_owned(),
                attachments: publishing.attachments,
                except: publishing.except.cloned(),
                ask: publishing.ask,
                retain: publishing.retain,
            };
            self.rooms.answered(room, record)?;
        }
        Ok(position)
    }

    /// Takes members out of a room, on all servers.
    pub(crate) async fn dismiss(&self, room: &RoomAddress, dismissal: Dismissal) -> Result<()> {
        self.rooms.dismiss(room, &dismissal)?;
        let keys = RoomKeys(room);
        let closed = matches!(dismissal, Dismissal::Closed);
        let told = Dismissed { server: self.id.clone(), dismissal };
        let mut script = self.dismiss.prepare_invoke();
        script.key(keys.meta()).key(keys.dismissals()).key(keys.retained());
        script.arg(serde_json::to_string(&told)?).arg(keys.channel()).arg(self.kept_ms());
        script.arg(DISMISSALS_REMEMBERED_MS).arg(i32::from(closed));
        self.redis.script("dismiss", &script).await
    }

    /// Who is in a room, to whichever server, or nothing where the room isn't known.
    pub(crate) async fn state(&self, room: &RoomAddress) -> Result<Option<RoomState>> {
        let keys = RoomKeys(room);
        let mut pipeline = redis::pipe();
        pipeline.cmd("HMGET").arg(keys.meta()).arg("epoch").arg("offset");
        pipeline.hgetall(keys.presence());
        type Parts = ((Option<String>, Option<u64>), Vec<(String, String)>);
        let ((epoch, offset), tabs): Parts = self.redis.pipeline("state", &pipeline).await?;
        let Some(epoch) = epoch else { return Ok(None) };
        let position = Position { epoch: Epoch(epoch), offset: safe(offset.unwrap_or_default()) };
        let mut presence = Presence::default();
        let mut tabs = record::read_tabs(tabs);
        let servers: HashSet<String> = tabs.iter().map(|(_, tab)| tab.server.clone()).collect();
        for server in servers {
            if !self.is_there(&server).await? {
                tabs.retain(|(_, tab)| tab.server != server);
            }
        }
        tabs.sort_by_key(|(_, tab)| tab.at.unix_ms());
        for (id, tab) in &tabs {
            present(&mut presence, id, tab, clock::unix_ms());
        }
        Ok(Some(RoomState { users: presence.users(), connections: tabs.len(), position }))
    }

    pub(super) fn kept_ms(&self) -> u64 {
        kept_ms(&self.bounds)
    }
}

fn kept_ms(bounds: &LogBounds) -> u64 {
    KEPT_MS.max(bounds.age_ms.saturating_mul(2))
}

/// Says how far a server has seen a log.
pub(super) fn arg_reach(script: &mut ScriptInvocation<'_>, seen: Option<&Reach>) {
    match seen {
        Some(Reach { epoch, offset, tag }) => script.arg(&epoch.0).arg(*offset).arg(&**tag),
        None => script.arg("").arg(0).arg(NO_TAG),
    };
}
