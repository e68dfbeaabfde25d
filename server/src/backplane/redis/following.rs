//! Rooms are followed: what their channels bring is taken up, and what is missing is loaded.

use std::{sync::Arc, time::Duration};

use samewire_protocol::{Position, RoomAddress};
use tokio::time::{Instant, sleep, timeout};

use super::{
    connection::is_away,
    keys::RoomKeys,
    new_epoch,
    record::{Changed, Dismissed, LoadedRoom, Message},
    shared::{RETRY_INTERVAL, Shared, arg_reach},
};
use crate::error::{Error, Result};

/// How long a join waits for the room's log.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long Redis may take to confirm a subscription.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(4);

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
}
