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
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, timeout},
};

use super::{
    Connection, HeldLock, Servers,
    connection::is_away,
    keys::RoomKeys,
    locks::SharedLocks,
    new_epoch,
    record::{self, Appended, Changed, Dismissed, LoadedRoom, Message},
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

/// How soon a load is tried again that failed.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// How long a join waits for the room's log.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long Redis may take to confirm a subscription.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(4);

/// The rooms of one of several servers.
pub(crate) struct Shared {
    /// Names this run of this server.
    pub(super) id: String,
    pub(super) rooms: Arc<Rooms>,
    pub(super) redis: Connection,
    bounds: LogBounds,
    locks: SharedLocks,
    append: Script,
    load: Script,
    dismiss: Script,
    loads: Semaphore,
    /// Rooms that are being loaded, and whether it was asked for again meanwhile.
    loading: Mutex<HashMap<RoomAddress, bool>>,
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

/// Keeps a room's mirror while somebody joins.
#[derive(Debug)]
pub(crate) struct Held {
    shared: Arc<Shared>,
    address: RoomAddress,
    is_new: bool,
}

impl Held {
    /// Whether the room wasn't followed before.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.rooms.release(&self.address);
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
        let mut script = self.append.prepare_invoke();
        script
            .key(keys.meta())
            .key(keys.stream())
            .key(keys.retained())
            .key(keys.once(&tag))
            .key(keys.lock())
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
        for change in &publishing.retain {
            script.arg(change.event()).arg(change.text().unwrap_or_default());
        }
        let appended = self.redis.script::<Appended>("publish", &script).await;
        let appended = appended.inspect_err(|_| self.locks.not_told(room))?;
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

    /// Sees to it that a room's log is followed here, at least to where somebody saw it who comes back.
    pub(crate) async fn hold(
        self: &Arc<Self>,
        room: &RoomAddress,
        since: Option<&Position>,
    ) -> Result<Held> {
        let mut follows = self.rooms.hold(room);
        let was_followed = *follows.borrow();
        let held = Held { shared: self.clone(), address: room.clone(), is_new: !was_followed };
        if !was_followed {
            self.see_to_load(room, false);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut was_loaded_for_it = false;
        loop {
            let following = timeout(PATIENCE, follows.wait_for(|follows| *follows)).await;
            following.map(drop).map_err(|_| Error::BackplaneAway)?;
            // Nothing where it is being loaded again by now: that is waited for, too.
            let Some(at) = self.rooms.reach(room) else { continue };
            let is_ahead = since
                .is_some_and(|since| at.epoch == since.epoch && at.offset < since.offset.get());
            if !is_ahead || was_loaded_for_it {
                return Ok(held);
            }
            match self.load_once(room).await {
                Ok(again) => {
                    was_loaded_for_it = true;
                    if again {
                        self.begin_load(room);
                    }
                }
                // Nothing is known of where the log ends: whoever was told that it ends here would be told
                // of a loss that there isn't.
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => {
                    self.begin_load(room);
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
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

    /// A message came over a room's channel.
    pub(super) fn heard(self: &Arc<Self>, channel: &str, text: &[u8]) {
        let Some(room) = self.channels.lock().get(channel).cloned() else { return };
        let done = match Message::read(text.to_vec()) {
            Some(Message::Event(record)) => self.rooms.hear(&room, record),
            Some(Message::Renewed) => Ok(true),
            Some(Message::Dismissed(number, Dismissed { server, dismissal })) => {
                let is_new = self.rooms.hear_dismissal(&room, number);
                let done = is_new && server != self.id;
                if done { self.rooms.dismiss(&room, &dismissal).map(|()| false) } else { Ok(false) }
            }
            Some(Message::Changed(Changed { server, connection, change })) => {
                if server != self.id {
                    self.note_server(&server);
                    self.rooms.changed_elsewhere(&room, &connection, change);
                }
                Ok(false)
            }
            // Of a newer server.
            None => Ok(false),
        };
        match done {
            Ok(true) => self.begin_load(&room),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, %room, "what another server tells is lost"),
        }
    }

    /// Has a room loaded, however long that takes: by one task at a time.
    pub(super) fn begin_load(self: &Arc<Self>, room: &RoomAddress) {
        self.see_to_load(room, true);
    }

    /// As [`Shared::begin_load`]; where it is being loaded, that is enough unless it is to be loaded
    /// `again`, for what happened since that began.
    fn see_to_load(self: &Arc<Self>, room: &RoomAddress, again: bool) {
        let mut loading = self.loading.lock();
        if let Some(asked) = loading.get_mut(room) {
            *asked |= again;
            return;
        }
        loading.insert(room.clone(), false);
        drop(loading);
        let (shared, room) = (self.clone(), room.clone());
        tokio::spawn(async move {
            loop {
                if shared.rooms.is_mirrored(&room) {
                    let loaded = {
                        let Ok(_permit) = shared.loads.acquire().await else { return };
                        shared.load_once(&room).await
                    };
                    match loaded {
                        Ok(true) => continue,
                        Ok(false) => {}
                        Err(error) => {
                            tracing::debug!(%error, %room, "a room can't be loaded");
                            sleep(RETRY_INTERVAL).await;
                            continue;
                        }
                    }
                }
                let mut loading = shared.loading.lock();
                if !loading.get_mut(&room).is_some_and(std::mem::take) {
                    loading.remove(&room);
                    return;
                }
            }
        });
    }

    /// Loads what a room's mirror lacks. Says whether it is to be loaded again.
    async fn load_once(&self, room: &RoomAddress) -> Result<bool> {
        self.subscribe(room).await?;
        let Some((load, seen)) = self.rooms.load(room) else { return Ok(false) };
        let keys = RoomKeys(room);
        let mut script = self.load.prepare_invoke();
        script.key(keys.meta()).key(keys.stream()).key(keys.retained()).key(keys.presence());
        script.key(keys.dismissals()).arg(new_epoch());
        arg_reach(&mut script, Some(&seen));
        script.arg(self.kept_ms()).arg(keys.channel());
        let LoadedRoom(loaded) = self.redis.script("load", &script).await?;
        for (_, tab) in &loaded.tabs {
            self.note_server(&tab.server);
        }
        self.rooms.loaded(room, load, loaded)
    }

    /// Subscribes to a room's channel, where this server isn't.
    async fn subscribe(&self, room: &RoomAddress) -> Result<()> {
        let channel = RoomKeys(room).channel();
        let mut sink = self.sink.lock().await;
        let Some(to) = sink.as_mut() else { return Err(Error::BackplaneAway) };
        if self.channels.lock().contains_key(&channel) {
            return Ok(());
        }
        match timeout(SUBSCRIBE_TIMEOUT, to.subscribe(&channel)).await {
            Ok(Ok(())) => {
                self.channels.lock().insert(channel, room.clone());
                Ok(())
            }
            Ok(Err(error)) if !is_away(&error) => Err(error.into()),
            Ok(Err(_)) | Err(_) => Err(Error::BackplaneAway),
        }
    }

    /// Follows rooms no longer that were forgotten.
    pub(crate) async fn forget(&self, rooms: Vec<RoomAddress>) {
        let mut sink = self.sink.lock().await;
        for room in rooms {
            // Somebody may have come meanwhile.
            if self.rooms.is_mirrored(&room) {
                continue;
            }
            let channel = RoomKeys(&room).channel();
            if self.channels.lock().remove(&channel).is_some()
                && let Some(to) = sink.as_mut()
            {
                // Where it fails the connection is lost, and the subscription with it.
                let _ = timeout(SUBSCRIBE_TIMEOUT, to.unsubscribe(&channel)).await;
            }
        }
    }

    /// Keeps the rooms in Redis that are followed here.
    pub(super) async fn keep(&self) {
        let rooms: Vec<_> = self.channels.lock().values().cloned().collect();
        for rooms in rooms.chunks(500) {
            let mut pipeline = redis::pipe();
            for room in rooms {
                let keys = RoomKeys(room);
                let kept_ms = i64::try_from(self.kept_ms()).unwrap_or(i64::MAX);
                pipeline.pexpire(keys.meta(), kept_ms).ignore();
                pipeline.pexpire(keys.retained(), kept_ms).ignore();
                pipeline.pexpire(keys.presence(), kept_ms).ignore();
            }
            if let Err(error) = self.redis.pipeline::<()>("keep", &pipeline).await {
                tracing::debug!(%error, "rooms aren't kept");
            }
        }
    }

    pub(super) fn kept_ms(&self) -> u64 {
        kept_ms(&self.bounds)
    }
}

fn kept_ms(bounds: &LogBounds) -> u64 {
    KEPT_MS.max(bounds.age_ms.saturating_mul(2))
}

/// Says how far a server has seen a log.
fn arg_reach(script: &mut ScriptInvocation<'_>, seen: Option<&Reach>) {
    match seen {
        Some(Reach { epoch, offset, tag }) => script.arg(&epoch.0).arg(*offset).arg(&**tag),
        None => script.arg("").arg(0).arg(NO_TAG),
    };
}
