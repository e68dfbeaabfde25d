//! A room with its log and its members, as `server/src/rooms.rs` and `server/src/log.rs` have it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::model_presence::Presence;

/// Few, so that logs that no longer reach back are common.
const LOG_EVENTS: usize = 10;
const LOG_AGE_MS: u64 = 5 * 60 * 1_000;

/// Events that a member is sent of the log before others have a turn.
const AT_A_TIME: usize = 3;

/// Events that one answer to `room:history` holds.
const HISTORY_EVENTS: usize = 8;

pub(crate) struct Room {
    pub(crate) address: String,
    pub(crate) epoch: String,
    pub(crate) offset: u64,
    log: VecDeque<Logged>,
    /// By the number of their links.
    pub(crate) members: BTreeMap<u32, Member>,
    pub(crate) presence: Presence,
    /// The next event reaches no member.
    pub(crate) loses_next: bool,
}

#[derive(Clone)]
struct Logged {
    offset: u64,
    name: &'static str,
    at: u64,
}

pub(crate) struct Member {
    pub(crate) filter: Option<Vec<String>>,
    pub(crate) cursor: Cursor,
    pub(crate) presence_missed: bool,
}

/// How far a member was sent the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    Live,
    Behind(u64),
}

/// What a member that is behind is sent next.
pub(crate) enum Missed {
    Frames(Vec<String>),
    /// There is no more: it is live.
    Nothing,
    /// Its filter hides from the client that the log no longer reaches back.
    Unreachable,
}

/// What a join found.
pub(crate) struct Entry {
    pub(crate) position: Value,
    pub(crate) recovered: bool,
    pub(crate) missed: usize,
}

impl Member {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }
}

impl Room {
    pub(crate) fn new(address: &str, epoch: String) -> Self {
        Self {
            address: address.to_owned(),
            epoch,
            offset: 0,
            log: VecDeque::new(),
            members: BTreeMap::new(),
            presence: Presence::default(),
            loses_next: false,
        }
    }

    /// The room as another life of the server finds it.
    pub(crate) fn restarted(&mut self, new_epoch: Option<String>) {
        self.members.clear();
        self.presence = Presence::default();
        if let Some(epoch) = new_epoch {
            self.epoch = epoch;
            self.offset = 0;
            self.log.clear();
        }
    }

    /// Puts a link into the room, or says anew what it wants of it.
    pub(crate) fn insert(
        &mut self,
        link: u32,
        since: Option<(&str, u64)>,
        filter: Option<Vec<String>>,
        now: u64,
    ) -> Entry {
        self.trim(now);
        let recovered =
            since.is_none_or(|(epoch, offset)| epoch == self.epoch && self.reaches(offset));
        let from = match since {
            Some((_, offset)) if recovered => offset,
            _ => self.offset,
        };
        let cursor = match (self.members.get(&link), since) {
            (Some(known), None) => known.cursor,
            _ => Cursor::Behind(from),
        };
        let member = Member { filter, cursor, presence_missed: false };
        let wanted = |logged: &&Logged| logged.offset > from && member.wants(logged.name);
        let missed = self.log.iter().filter(wanted).count();
        self.members.insert(link, member);
        self.presence.join("ada", &link.to_string(), now);
        Entry {
            position: self.position(),
            recovered,
            missed: if since.is_some() { missed } else { 0 },
        }
    }

    /// Appends an event, and gives its frame with the members that are to be sent it.
    pub(crate) fn append(&mut self, name: &'static str, now: u64) -> (String, Vec<u32>) {
        self.offset += 1;
        let logged = Logged { offset: self.offset, name, at: now };
        let frame = self.frame(&logged);
        self.log.push_back(logged);
        self.trim(now);
        let lost = std::mem::take(&mut self.loses_next);
        let sent = |member: &Member| {
            // A filtered member has no means to find a hole: the server may make none for it.
            let lost = lost && member.filter.is_none();
            member.cursor == Cursor::Live && member.wants(name) && !lost
        };
        let members = self.members.iter().filter(|(_, member)| sent(member));
        (frame, members.map(|(link, _)| *link).collect())
    }

    /// A member's buffer was full when the newest event was published.
    pub(crate) fn fell_behind(&mut self, link: u32) {
        if let Some(member) = self.members.get_mut(&link) {
            member.cursor = Cursor::Behind(self.offset - 1);
        }
    }

    /// The next frames that a member wasn't sent yet.
    pub(crate) fn next_missed(&mut self, link: u32, hides_gaps: bool) -> Missed {
        let Some(Member { cursor: Cursor::Behind(from), filter, .. }) = self.members.get(&link)
        else {
            return Missed::Nothing;
        };
        let mut offset = *from;
        if filter.is_some() && !self.reaches(offset) && !hides_gaps {
            return Missed::Unreachable;
        }
        let mut frames = Vec::new();
        for logged in self.log.iter().filter(|logged| logged.offset > *from) {
            offset = logged.offset;
            if self.members[&link].wants(logged.name) {
                frames.push(self.frame(logged));
                if frames.len() == AT_A_TIME {
                    break;
                }
            }
        }
        let live = frames.is_empty();
        if let Some(member) = self.members.get_mut(&link) {
            member.cursor = if live { Cursor::Live } else { Cursor::Behind(offset) };
        }
        if live { Missed::Nothing } else { Missed::Frames(frames) }
    }

    pub(crate) fn history(&mut self, epoch: &str, after: u64, now: u64) -> Value {
        self.trim(now);
        let mut complete = epoch == self.epoch && self.reaches(after);
        let later = self.log.iter().filter(|logged| epoch == self.epoch && logged.offset > after);
        let mut events: Vec<Value> = later
            .map(|logged| json!({ "event": logged.name, "payload": logged.offset, "offset": logged.offset }))
            .collect();
        if events.len() > HISTORY_EVENTS {
            events.truncate(HISTORY_EVENTS);
            complete = false;
        }
        json!({ "events": events, "position": self.position(), "complete": complete })
    }

    pub(crate) fn position(&self) -> Value {
        json!({ "epoch": self.epoch, "offset": self.offset })
    }

    fn frame(&self, logged: &Logged) -> String {
        let Logged { offset, name, .. } = logged;
        let (address, epoch) = (&self.address, &self.epoch);
        format!(
            r#"42["{name}",{offset},{{"room":"{address}","epoch":"{epoch}","offset":{offset}}}]"#
        )
    }

    fn trim(&mut self, now: u64) {
        let stale = |logged: &Logged| logged.at + LOG_AGE_MS < now;
        while self.log.len() > LOG_EVENTS || self.log.front().is_some_and(stale) {
            self.log.pop_front();
        }
    }

    fn reaches(&self, offset: u64) -> bool {
        (self.offset - self.log.len() as u64..=self.offset).contains(&offset)
    }
}
