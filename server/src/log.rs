//! A room's log: the last events with their offsets (wire.md, section 4). Pure: `now` comes in.

use std::collections::VecDeque;

use samewire_protocol::{Epoch, Meta, Position, RoomAddress, SafeInteger};

use crate::{attachments::Attachments, socketio::RoomFrame};

/// How much a room's log keeps.
#[derive(Debug, Clone, Copy)]
pub struct LogBounds {
    /// Events at most.
    pub events: usize,
    /// Milliseconds that an event is kept.
    pub age_ms: u64,
    /// Bytes of frames at most.
    pub bytes: usize,
}

/// An event in the log.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    /// The event's name.
    pub event: Box<str>,
    /// Its number.
    pub offset: u64,
    /// The frame that was sent.
    pub frame: RoomFrame,
    /// Whoever is sent it is asked to acknowledge it, and nobody has.
    awaits_ack: bool,
    /// When it was appended, in Unix milliseconds.
    at_ms: u64,
}

/// The log of one room.
#[derive(Debug)]
pub(crate) struct RoomLog {
    epoch: Epoch,
    /// The last offset that was given.
    offset: u64,
    events: VecDeque<Logged>,
    bytes: usize,
    bounds: LogBounds,
}

impl RoomLog {
    /// An empty log.
    pub(crate) fn new(epoch: Epoch, bounds: LogBounds) -> Self {
        Self { epoch, offset: 0, events: VecDeque::new(), bytes: 0, bounds }
    }

    /// An empty log whose next offset is the one after `offset`.
    pub(crate) fn beginning_after(epoch: Epoch, offset: u64, bounds: LogBounds) -> Self {
        Self { offset, ..Self::new(epoch, bounds) }
    }

    /// Where the log stands.
    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: safe(self.offset) }
    }

    /// The last offset.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Gives an event the next offset and keeps it. Whoever is sent it acknowledges it where `ask`
    /// says so.
    ///
    /// # Errors
    /// When it can't be written as JSON; the offset is not used up.
    pub(crate) fn append(
        &mut self,
        room: &RoomAddress,
        event: &str,
        payload: &str,
        attachments: Attachments,
        now_ms: u64,
        ask: bool,
    ) -> serde_json::Result<Logged> {
        let offset = self.offset + 1;
        let meta = Meta { room: room.to_string(), epoch: self.epoch.clone(), offset: safe(offset) };
        let ack = if ask { ack_number(&self.epoch, offset) } else { None };
        let frame = RoomFrame::new(event, payload, attachments, &meta, ack)?;
        let awaits_ack = ack.is_some();
        let logged = Logged { event: event.into(), offset, frame, awaits_ack, at_ms: now_ms };
        self.offset = offset;
        self.bytes += logged.frame.size();
        self.events.push_back(logged.clone());
        self.trim(now_ms);
        Ok(logged)
    }

    /// The event that is acknowledged by a number, where it is still here: the first time alone.
    pub(crate) fn acknowledged(&mut self, number: u64) -> Option<Logged> {
        let offset = number.checked_sub(ack_base(&self.epoch).into())?;
        let first = self.offset + 1 - self.events.len() as u64;
        let at = usize::try_from(offset.checked_sub(first)?).ok()?;
        let logged = self.events.get_mut(at).filter(|logged| logged.awaits_ack)?;
        logged.awaits_ack = false;
        Some(logged.clone())
    }

    /// Drops what is too old or too much.
    pub(crate) fn trim(&mut self, now_ms: u64) {
        while let Some(first) = self.events.front() {
            let stale = first.at_ms.saturating_add(self.bounds.age_ms) < now_ms;
            let over = self.events.len() > self.bounds.events || self.bytes > self.bounds.bytes;
            if !stale && !over {
                break;
            }
            self.bytes -= first.frame.size();
            self.events.pop_front();
        }
    }

    /// Whether every event after `position` is still here.
    pub(crate) fn reaches(&self, position: &Position) -> bool {
        position.epoch == self.epoch && self.reaches_offset(position.offset.get())
    }

    /// Whether every event after this offset of the present epoch is still here.
    pub(crate) fn reaches_offset(&self, offset: u64) -> bool {
        let first = self.offset - self.events.len() as u64;
        (first..=self.offset).contains(&offset)
    }

    /// The events after an offset that are still here, in order.
    pub(crate) fn after(&self, offset: u64) -> impl Iterator<Item = &Logged> {
        let first = self.offset - self.events.len() as u64;
        let skip = usize::try_from(offset.saturating_sub(first)).unwrap_or(usize::MAX);
        self.events.iter().skip(skip)
    }
}

/// By which number an event is acknowledged, if one is left: some clients read 32 bits with a sign.
fn ack_number(epoch: &Epoch, offset: u64) -> Option<u32> {
    let number = u64::from(ack_base(epoch)) + offset;
    u32::try_from(number).ok().filter(|number| i32::try_from(*number).is_ok())
}

/// What acknowledgements are counted from, in the lower half of 31 bits: another number in each life
/// of a log, so that one that comes late is taken for none of the next (FNV-1a).
fn ack_base(epoch: &Epoch) -> u32 {
    let mix = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    epoch.0.bytes().fold(0x811c_9dc5, mix) >> 2
}

/// An offset as it travels. A room would need 285 years at a million events a second to leave the range.
pub(crate) fn safe(offset: u64) -> SafeInteger {
    SafeInteger::new(offset).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samewire_protocol::room::ROOM;

    use super::*;

    const BOUNDS: LogBounds = LogBounds { events: 4, age_ms: 1000, bytes: 10_000 };

    fn log(bounds: LogBounds) -> RoomLog {
        RoomLog::new(Epoch("e".into()), bounds)
    }

    fn append(log: &mut RoomLog, payload: &str, now_ms: u64) -> u64 {
        let payload = format!("\"{payload}\"");
        let room = RoomAddress::new(ROOM, "x");
        log.append(&room, "said", &payload, Attachments::default(), now_ms, false).unwrap().offset
    }

    fn offsets_after(log: &RoomLog, offset: u64) -> Vec<u64> {
        log.after(offset).map(|logged| logged.offset).collect()
    }

    fn at(epoch: &str, offset: u64) -> Position {
        Position { epoch: Epoch(epoch.into()), offset: safe(offset) }
    }

    #[test]
    fn each_bound_trims() {
        let mut by_count = log(BOUNDS);
        for _ in 0..6 {
            append(&mut by_count, "a", 0);
        }
        assert_eq!(offsets_after(&by_count, 0), [3, 4, 5, 6]);

        let mut by_age = log(BOUNDS);
        append(&mut by_age, "a", 0);
        append(&mut by_age, "a", 500);
        by_age.trim(1001);
        assert_eq!(offsets_after(&by_age, 0), [2]);

        let mut by_bytes = log(LogBounds { bytes: 300, ..BOUNDS });
        append(&mut by_bytes, &"a".repeat(150), 0);
        append(&mut by_bytes, &"a".repeat(150), 0);
        assert_eq!(offsets_after(&by_bytes, 0), [2]);
    }

    #[test]
    fn an_event_is_acknowledged_once_while_it_is_here() {
        let ask = |log: &mut RoomLog, name: &str| {
            let room = RoomAddress::new(ROOM, "x");
            let frame =
                log.append(&room, name, "1", Attachments::default(), 0, true).unwrap().frame;
            let text = frame.frame().text()[1..].split('[').next().unwrap();
            text.parse::<u64>().unwrap()
        };
        let mut one = log(BOUNDS);
        append(&mut one, "a", 0);
        let (first, second) = (ask(&mut one, "first"), ask(&mut one, "second"));
        assert_eq!(one.acknowledged(second).unwrap().event.as_ref(), "second");
        assert!(one.acknowledged(second).is_none(), "a second time");
        assert!(one.acknowledged(first - 1).is_none(), "nobody asked");
        for number in [0, second + 1, u64::MAX] {
            assert!(one.acknowledged(number).is_none(), "{number}");
        }
        assert!(RoomLog::new(Epoch("f".into()), BOUNDS).acknowledged(first).is_none());
        for _ in 0..BOUNDS.events {
            append(&mut one, "a", 0);
        }
        assert!(one.acknowledged(first).is_none(), "no longer here");
    }

    #[test]
    fn an_acknowledgement_of_another_life_is_none() {
        let number = |epoch: &str| ack_number(&Epoch(epoch.into()), 1).unwrap();
        assert_ne!(number("e"), number("f"));
        assert_eq!(ack_number(&Epoch("e".into()), u64::from(u32::MAX)), None);
    }

    #[test]
    fn another_epoch_is_out_of_reach() {
        let mut log = log(BOUNDS);
        append(&mut log, "a", 0);
        assert!(log.reaches(&at("e", 0)));
        assert!(log.reaches(&at("e", 1)));
        assert!(!log.reaches(&at("e", 2)), "an offset that was never given");
        assert!(!log.reaches(&at("f", 1)));
    }

    /// What may happen to a room's log.
    #[derive(Debug, Clone)]
    enum Step {
        /// Time passes, then an event of so many bytes comes.
        Append { wait_ms: u64, size: usize },
        /// Time passes, and the upkeep looks in.
        Trim { wait_ms: u64 },
        /// The log is lost; another begins under the next epoch.
        Lose,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            12 => (0_u64..400, 1_usize..80).prop_map(|(wait_ms, size)| Step::Append { wait_ms, size }),
            3 => (0_u64..1500).prop_map(|wait_ms| Step::Trim { wait_ms }),
            1 => Just(Step::Lose),
        ]
    }

    /// Keeps everything, and says what of it the bounds leave.
    struct Model {
        bounds: LogBounds,
        epoch: u32,
        /// When each event came and how many bytes its frame has, the first offset first.
        events: Vec<(u64, usize)>,
        /// Events that no bound leaves any more.
        dropped: usize,
    }

    impl Model {
        /// The oldest go, one by one, while any bound is passed.
        fn trim(&mut self, now_ms: u64) {
            let is_over = |kept: &[(u64, usize)]| {
                let bytes: usize = kept.iter().map(|(_, size)| size).sum();
                let stale =
                    kept.first().is_some_and(|(at_ms, _)| at_ms + self.bounds.age_ms < now_ms);
                kept.len() > self.bounds.events || bytes > self.bounds.bytes || stale
            };
            while is_over(&self.events[self.dropped..]) {
                self.dropped += 1;
            }
        }

        fn kept_after(&self, offset: u64) -> Vec<u64> {
            (self.dropped as u64 + 1..=self.events.len() as u64).filter(|n| *n > offset).collect()
        }
    }

    proptest! {
        /// Held against a model that keeps everything: appended to, trimmed by each bound, lost, and
        /// resumed from any offset of any epoch after each step.
        #[test]
        fn what_is_reached_is_whole(
            steps in prop::collection::vec(step(), 1..60),
            events in 1_usize..20,
            bytes in 100_usize..3000,
        ) {
            let bounds = LogBounds { events, age_ms: 1000, bytes };
            let mut model = Model { bounds, epoch: 0, events: Vec::new(), dropped: 0 };
            let begin = |epoch: u32| RoomLog::new(Epoch(epoch.to_string()), bounds);
            let mut log = begin(0);
            let mut now_ms = 0;
            for step in steps {
                match step {
                    Step::Append { wait_ms, size } => {
                        now_ms += wait_ms;
                        let offset = append(&mut log, &"a".repeat(size), now_ms);
                        let frame = log.events.back().map_or(0, |logged| logged.frame.size());
                        // One that no bound leaves is gone at once; nobody is sent less for it.
                        let frame = if offset == log.offset() && frame > 0 { frame } else { bytes + 1 };
                        model.events.push((now_ms, frame));
                        prop_assert_eq!(offset, model.events.len() as u64);
                    }
                    Step::Trim { wait_ms } => {
                        now_ms += wait_ms;
                        log.trim(now_ms);
                    }
                    Step::Lose => {
                        model = Model { epoch: model.epoch + 1, events: Vec::new(), dropped: 0, ..model };
                        log = begin(model.epoch);
                    }
                }
                model.trim(now_ms);

                let last = model.events.len() as u64;
                prop_assert_eq!(log.position(), at(&model.epoch.to_string(), last));
                prop_assert_eq!(log.is_empty(), model.kept_after(0).is_empty());
                prop_assert!(log.events.len() <= events && log.bytes <= bytes);
                prop_assert_eq!(log.bytes, log.events.iter().map(|logged| logged.frame.size()).sum::<usize>());
                for from in 0..=last + 2 {
                    let reached = (model.dropped as u64..=last).contains(&from);
                    prop_assert_eq!(log.reaches(&at(&model.epoch.to_string(), from)), reached);
                    prop_assert_eq!(offsets_after(&log, from), model.kept_after(from));
                    prop_assert!(!log.reaches(&at("another", from)));
                    if let Some(before) = model.epoch.checked_sub(1) {
                        prop_assert!(!log.reaches(&at(&before.to_string(), from)));
                    }
                }
            }
        }
    }
}
