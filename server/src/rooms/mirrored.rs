//! Rooms whose log is kept elsewhere, and mirrored here while they have members (wire.md, section 4).

use samewire_protocol::{RoomAddress, id::ConnectionId};
use tokio::sync::watch;

use super::{Cursor, Room, Rooms, Tab, changes::Elsewhere, membership::Dismissal};
use crate::{
    attachments::Attachments,
    backplane::mirror::{Install, Mirror, Place, Reach, Verdict},
    clock,
    error::Result,
    log::RoomLog,
    retained::{Retain, Retained},
};

/// How long a mirror is kept that nobody needs, in milliseconds.
const UNUSED_MS: u64 = 30_000;

/// An event as it comes from where the log is kept.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) place: Place,
    /// When it was published, in Unix milliseconds.
    pub(crate) at_ms: u64,
    pub(crate) event: String,
    /// JSON.
    pub(crate) payload: String,
    pub(crate) attachments: Attachments,
    /// Who caused it and isn't sent it now.
    pub(crate) except: Option<ConnectionId>,
    /// Whether whoever is sent it is asked to acknowledge it.
    pub(crate) ask: bool,
    /// What the room keeps from now on for whoever joins.
    pub(crate) retain: Vec<Retain>,
}

/// What was loaded of a room.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Where the log ends.
    pub(crate) reach: Reach,
    /// What it holds that the mirror lacked.
    pub(crate) records: Vec<Record>,
    pub(crate) retained: Retained,
    /// Who is in the room, to whichever server.
    pub(crate) tabs: Vec<(ConnectionId, Tab)>,
    /// How often members were taken out of it.
    pub(crate) dismissals: u64,
    /// The last of these times, by number.
    pub(crate) dismissed: Vec<(u64, Dismissal)>,
}

/// What is known here of a log that is kept elsewhere.
#[derive(Debug)]
pub(super) struct Mirrored {
    mirror: Mirror,
    /// Joins that are under way.
    holds: usize,
    /// Whether the mirror follows the log.
    follows: watch::Sender<bool>,
    pub(super) elsewhere: Elsewhere,
    /// How many dismissals of the room were heard of; nothing before it was loaded.
    dismissals: Option<u64>,
}

impl Mirrored {
    fn new() -> Self {
        Self {
            mirror: Mirror::new(),
            holds: 0,
            follows: watch::Sender::new(false),
            elsewhere: Elsewhere::default(),
            dismissals: None,
        }
    }

    /// Whether what is known is being loaded.
    pub(super) fn is_loading(&self) -> bool {
        !self.mirror.is_following()
    }

    /// Whether it may be dropped, where the room has no members.
    pub(super) fn is_unused(&self, idle_since_ms: u64, now_ms: u64) -> bool {
        self.holds == 0 && idle_since_ms.saturating_add(UNUSED_MS) < now_ms
    }
}

impl Rooms {
    /// Keeps a room, mirrored, until it is released as often. Gives whether its mirror follows the log:
    /// where it doesn't, it is to be loaded.
    pub(crate) fn hold(&self, address: &RoomAddress) -> watch::Receiver<bool> {
        self.enter(address, |room| {
            let mirrored = room.mirrored.get_or_insert_with(|| Box::new(Mirrored::new()));
            mirrored.holds += 1;
            mirrored.follows.subscribe()
        })
    }

    /// Gives up a hold.
    pub(crate) fn release(&self, address: &RoomAddress) {
        self.mirrored(address, |room, mirrored| {
            mirrored.holds -= 1;
            room.idle_since_ms = clock::unix_ms();
        });
    }

    /// Whether a room is mirrored.
    pub(crate) fn is_mirrored(&self, address: &RoomAddress) -> bool {
        self.mirrored(address, |_, _| ()).is_some()
    }

    /// How far a room's mirror goes, where it follows the log.
    pub(crate) fn reach(&self, address: &RoomAddress) -> Option<Reach> {
        self.mirrored(address, |_, Mirrored { mirror, .. }| {
            mirror.is_following().then(|| mirror.reach().clone())
        })?
    }

    /// A mirror is about to be loaded: gives the load's number, and how far it goes so far.
    pub(crate) fn load(&self, address: &RoomAddress) -> Option<(u64, Reach)> {
        self.mirrored(address, |_, mirrored| {
            mirrored.follows.send_replace(false);
            mirrored.elsewhere.forget_touched();
            (mirrored.mirror.load(), mirrored.mirror.reach().clone())
        })
    }

    /// A mirror was loaded. Says whether it is to be loaded again, as more came meanwhile.
    ///
    /// # Errors
    /// When a record can't be written as JSON.
    pub(crate) fn loaded(&self, address: &RoomAddress, load: u64, loaded: Loaded) -> Result<bool> {
        let Loaded { reach, records, retained, tabs, dismissals, dismissed } = loaded;
        let mut missed = Vec::new();
        let again = self.mirrored(address, |room, mirrored| {
            let first = records.first().map(|record| record.place.at.offset);
            let (epoch, offset) = (reach.epoch.clone(), reach.offset);
            match mirrored.mirror.loaded(load, reach, first) {
                Install::Drop => return Ok(false),
                Install::Continue => {}
                Install::Anew => {
                    let before = first.map_or(offset, |first| first.saturating_sub(1));
                    room.log = RoomLog::beginning_after(epoch, before, self.bounds);
                    // They come back, and are told that the log doesn't reach back to what they saw.
                    for member in room.members.values_mut() {
                        member.cursor = Cursor::Lost;
                        member.connection.close();
                    }
                }
            }
            for record in records {
                room.feed(address, record)?;
            }
            room.retained = retained;
            // Where there was a loss they are counted anew, and whoever was here has gone.
            let known = mirrored.dismissals.replace(dismissals).unwrap_or(dismissals);
            let unheard = dismissed.into_iter().filter(|(number, _)| *number > known);
            missed.extend(unheard.map(|(_, dismissal)| dismissal));
            self.reconcile(address, room, &mut mirrored.elsewhere, tabs);
            mirrored.elsewhere.forget_touched();
            let again = mirrored.mirror.follow();
            mirrored.follows.send_replace(!again);
            Ok(again)
        });
        for dismissal in missed {
            self.dismiss(address, &dismissal)?;
        }
        again.unwrap_or(Ok(false))
    }

    /// A dismissal came over a room's channel, as its so-manieth. Says whether it wasn't heard of.
    pub(crate) fn hear_dismissal(&self, address: &RoomAddress, number: u64) -> bool {
        let is_new = self.mirrored(address, |_, mirrored| {
            let known = mirrored.dismissals?;
            mirrored.dismissals = Some(number.max(known));
            Some(number > known)
        });
        is_new.flatten().unwrap_or(false)
    }

    /// A record came over a room's channel. Says whether the mirror is to be loaded.
    ///
    /// # Errors
    /// When the record can't be written as JSON.
    pub(crate) fn hear(&self, address: &RoomAddress, record: Record) -> Result<bool> {
        self.mirrored(address, |room, mirrored| match mirrored.mirror.hear(&record.place) {
            Verdict::Append => room.feed(address, record).map(|()| false),
            Verdict::Drop => Ok(false),
            Verdict::Load => {
                // What comes until it is loaded is part of that.
                mirrored.mirror.load();
                mirrored.follows.send_replace(false);
                Ok(true)
            }
        })
        .unwrap_or(Ok(false))
    }

    /// What was published here has its place: members needn't wait for the channel to bring it, where it
    /// is the next.
    ///
    /// # Errors
    /// When the record can't be written as JSON.
    pub(crate) fn answered(&self, address: &RoomAddress, record: Record) -> Result<()> {
        self.mirrored(address, |room, mirrored| {
            if mirrored.mirror.answered(&record.place) {
                room.feed(address, record)
            } else {
                Ok(())
            }
        })
        .unwrap_or(Ok(()))
    }

    /// Runs `act` on a room that is mirrored.
    fn mirrored<T>(
        &self,
        address: &RoomAddress,
        act: impl FnOnce(&mut Room, &mut Mirrored) -> T,
    ) -> Option<T> {
        self.peek(address, |room| {
            // Apart for the moment, as both are changed together.
            let mut mirrored = room.mirrored.take()?;
            let done = act(room, &mut mirrored);
            room.mirrored = Some(mirrored);
            Some(done)
        })?
    }
}

impl Room {
    /// Appends a record to the mirror, and sends it to the members.
    fn feed(&mut self, address: &RoomAddress, record: Record) -> Result<()> {
        let Record { event, payload, attachments, at_ms, ask, retain, except, .. } = record;
        let logged = self.log.append(address, &event, &payload, attachments, at_ms, ask)?;
        retain.into_iter().for_each(|change| self.retained.apply(change));
        self.fan_out(address, &logged, except.as_ref());
        Ok(())
    }
}
