//! The order of one room's events: nothing lost, nothing twice, in order (wire.md, section 4).

use crate::{Arrived, Holdings, Payload, Position, Text};

/// Events that are held back, at most. As many as a log keeps by default may be replayed at once,
/// and live ones come on top.
const MAX_HELD: usize = 4_000;

/// Where a client stands in a room's log, and what it can't deliver yet. `E` is an event,
/// `T` a text.
#[derive(Debug)]
pub(crate) struct Sequence<T, E> {
    /// Everything up to here has been released. None until the server says where the log stands.
    position: Option<Position<T>>,
    /// A filtered room skips offsets, so that a jump is no hole.
    pub(crate) filtered: bool,
    mode: Mode,
    /// What came ahead of its turn, in the order of offsets. All of one epoch.
    held: Vec<(u64, E)>,
    held_epoch: Option<T>,
}

/// What a sequence waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing.
    Live,
    /// The answer to a join or a resume, which says where the log stands. Until then nothing but
    /// the very next event is released: a replay that is cut off has brought us on even so.
    Joining,
    /// What the log holds in a hole.
    Filling,
}

/// What an answer did to a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// The run goes on, or begins.
    Kept,
    /// Something is lost: the application has to read its state anew.
    Broken,
}

impl<T: Text, E> Sequence<T, E> {
    /// Of a room that is being joined.
    pub(crate) fn joining() -> Self {
        Self {
            position: None,
            filtered: false,
            mode: Mode::Joining,
            held: Vec::new(),
            held_epoch: None,
        }
    }

    /// Of a room that sends without having been joined: it begins with the first event.
    pub(crate) fn live() -> Self {
        Self { mode: Mode::Live, ..Self::joining() }
    }

    pub(crate) fn position(&self) -> Option<&Position<T>> {
        self.position.as_ref()
    }

    /// A join or a resume was sent.
    pub(crate) fn rejoin(&mut self) {
        self.mode = Mode::Joining;
    }

    /// The connection is gone, and with it what was held back: it will be sent again.
    pub(crate) fn lose_connection(&mut self) {
        self.mode = Mode::Joining;
        self.drop_held();
    }

    /// A join was granted. What was asked for since our position comes after this answer: what came
    /// before it was sent by an earlier filter, which may have left out what is wanted now.
    pub(crate) fn begin_replay(&mut self) {
        if self.position.is_some() {
            self.drop_held();
        }
    }

    /// Whether an event is the next one, with nothing to wait for: as nearly all are. Then it has been
    /// released by this.
    pub(crate) fn passes(&mut self, at: &Position<T>) -> bool {
        match &mut self.position {
            Some(position)
                if self.mode == Mode::Live
                    && self.held.is_empty()
                    && position.offset + 1 == at.offset
                    && position.epoch == at.epoch =>
            {
                position.offset = at.offset;
                true
            }
            _ => false,
        }
    }

    /// Takes an event. What can be released comes out of [`Self::release`].
    pub(crate) fn accept(&mut self, at: Position<T>, event: E) -> Continuity {
        let continuity = match &self.position {
            _ if self.mode == Mode::Joining => Continuity::Kept,
            Some(position) if position.epoch != at.epoch => self.restart(at.predecessor()),
            Some(_) => Continuity::Kept,
            None => {
                self.position = Some(at.predecessor());
                Continuity::Kept
            }
        };
        if self.held.len() >= MAX_HELD {
            return self.restart(at);
        }
        self.hold(at, event);
        continuity
    }

    /// The server said where the log stands, in answer to a join or a resume. `recovered` says that
    /// what was missed since our position was sent, or is about to be.
    pub(crate) fn joined(&mut self, at: Position<T>, recovered: bool) -> Continuity {
        self.mode = Mode::Live;
        match &self.position {
            Some(position) if recovered && position.epoch == at.epoch => Continuity::Kept,
            Some(_) => self.restart(at),
            None => {
                self.restart(at);
                Continuity::Kept
            }
        }
    }

    /// The join was refused, or answered without a position, and events come all the same.
    pub(crate) fn not_joined(&mut self) -> Continuity {
        self.mode = Mode::Live;
        match self.position {
            Some(_) => Continuity::Kept,
            None => self.skip_hole(),
        }
    }

    /// Where to ask the log from, when events wait behind a hole. Says so once for each hole.
    pub(crate) fn hole(&mut self) -> Option<Position<T>> {
        let waits = self.mode == Mode::Live && !self.held.is_empty();
        let position = self.position.clone().filter(|_| waits)?;
        self.mode = Mode::Filling;
        Some(position)
    }

    /// What the log holds after our position, in answer to [`Self::hole`]. `complete` says that
    /// nothing is missing there.
    pub(crate) fn fill(
        &mut self,
        events: impl IntoIterator<Item = (u64, E)>,
        at: Position<T>,
        complete: bool,
    ) -> Continuity {
        self.mode = Mode::Live;
        let Some(position) = self.position.clone() else {
            return self.restart(at);
        };
        if position.epoch == at.epoch {
            for (offset, event) in events {
                self.hold(Position { epoch: at.epoch.clone(), offset }, event);
            }
            // Of a large hole a part is filled; for the rest the log is asked again.
            let first = self.held.first().map(|(offset, _)| *offset);
            if first == Some(position.offset + 1) || (complete && first.is_none()) {
                return Continuity::Kept;
            }
        }
        // The log doesn't reach back, or calls itself complete and isn't: it isn't asked again.
        if complete || position.covers(&at) { self.skip_hole() } else { self.restart(at) }
    }

    /// Gives the hole up: goes on with the first event behind it.
    pub(crate) fn skip_hole(&mut self) -> Continuity {
        if self.mode == Mode::Filling {
            self.mode = Mode::Live;
        }
        let first = self.held.first().map(|(offset, _)| *offset);
        match (first, self.held_epoch.clone()) {
            (Some(offset), Some(epoch)) => self.restart(Position { epoch, offset }.predecessor()),
            _ => Continuity::Kept,
        }
    }

    /// The next event whose turn it is.
    pub(crate) fn release(&mut self) -> Option<(u64, E)> {
        let position = self.position.as_mut()?;
        if self.held_epoch.as_ref() != Some(&position.epoch) {
            return None;
        }
        let offset = self.held.first()?.0;
        let may_jump = self.filtered && self.mode == Mode::Live;
        if offset != position.offset + 1 && !may_jump {
            return None;
        }
        position.offset = offset;
        Some(self.held.remove(0))
    }

    /// Begins a new run after a position.
    fn restart(&mut self, at: Position<T>) -> Continuity {
        if self.held_epoch.as_ref() == Some(&at.epoch) {
            while self.held.first().is_some_and(|(offset, _)| *offset <= at.offset) {
                self.held.remove(0);
            }
        } else {
            self.drop_held();
        }
        self.position = Some(at);
        Continuity::Broken
    }

    fn hold(&mut self, at: Position<T>, event: E) {
        let seen = self.position.as_ref().is_some_and(|position| position.covers(&at));
        if seen {
            return;
        }
        if self.held_epoch.as_ref() != Some(&at.epoch) {
            self.held.clear();
            self.held_epoch = Some(at.epoch);
        }
        if let Err(place) = self.held.binary_search_by_key(&at.offset, |(offset, _)| *offset) {
            self.held.insert(place, (at.offset, event));
        }
    }

    fn drop_held(&mut self) {
        self.held.clear();
        self.held_epoch = None;
    }
}

impl<P: Payload> Sequence<P::Text, Box<Arrived<P>>> {
    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        if let Some(position) = &self.position {
            holdings.text(&position.epoch);
        }
        if let Some(epoch) = &self.held_epoch {
            holdings.text(epoch);
        }
        for (_, event) in &self.held {
            event.holds(holdings);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn at(epoch: u8, offset: u64) -> Position<Arc<str>> {
        Position { epoch: epoch.to_string().into(), offset }
    }

    /// What may happen between a client and a room's log.
    #[derive(Debug, Clone)]
    enum Happening {
        /// The log grows, and its newest event is sent.
        Publish,
        /// It grows, and the event is lost on the way.
        PublishLost,
        /// An event comes again, or late.
        SendAgain(u64),
        /// The answer to the question about a hole, if one was asked. The log may not reach back, or
        /// give a part of it at a time.
        Answer { reaches: bool, at_most: u64 },
        /// The connection is lost and made again; what was missed is replayed, before or after
        /// the answer, or can't be.
        Reconnect { recovered: bool, replay_first: bool },
        /// The log is lost.
        NewEpoch,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            6 => Just(Happening::Publish),
            3 => Just(Happening::PublishLost),
            2 => (1..40_u64).prop_map(Happening::SendAgain),
            3 => (any::<bool>(), 1..5_u64).prop_map(|(reaches, at_most)| Happening::Answer { reaches, at_most }),
            1 => any::<(bool, bool)>().prop_map(|(recovered, replay_first)| Happening::Reconnect { recovered, replay_first }),
            1 => Just(Happening::NewEpoch),
        ];
        vec(one, 0..80)
    }

    /// A client in a room, and the room's log.
    struct Model {
        sequence: Sequence<Arc<str>, (u8, u64)>,
        epoch: u8,
        end: u64,
        asked: Option<Position<Arc<str>>>,
        /// The last event released, unless a break was told since.
        last: Option<(u8, u64)>,
    }

    impl Model {
        fn new() -> Self {
            let mut sequence = Sequence::joining();
            sequence.joined(at(0, 0), true);
            Self { sequence, epoch: 0, end: 0, asked: None, last: Some((0, 0)) }
        }

        fn send(&mut self, offset: u64) {
            let (place, event) = (at(self.epoch, offset), (self.epoch, offset));
            if self.sequence.passes(&place) {
                return self.see(event);
            }
            let continuity = self.sequence.accept(place, event);
            self.look(continuity);
        }

        fn see(&mut self, event: (u8, u64)) {
            if let Some((epoch, offset)) = self.last {
                assert_eq!(event, (epoch, offset + 1), "not the next one");
            }
            self.last = Some(event);
        }

        fn replay(&mut self, after: u64) {
            for offset in after + 1..=self.end {
                self.send(offset);
            }
        }

        fn look(&mut self, continuity: Continuity) {
            if continuity == Continuity::Broken {
                self.last = None;
            }
            while let Some((offset, event)) = self.sequence.release() {
                assert_eq!(offset, event.1, "told under another number");
                self.see(event);
            }
            self.asked = self.sequence.hole().or(self.asked.take());
        }

        fn seen(&self) -> u64 {
            let position = self
                .sequence
                .position()
                .filter(|position| *position.epoch == *self.epoch.to_string());
            position.map_or(0, |position| position.offset)
        }

        fn happen(&mut self, happening: Happening) {
            match happening {
                Happening::Publish => {
                    self.end += 1;
                    self.send(self.end);
                }
                Happening::PublishLost => self.end += 1,
                Happening::SendAgain(offset) if offset <= self.end => self.send(offset),
                Happening::Answer { reaches, at_most } => {
                    let Some(after) = self.asked.take() else { return };
                    let reaches = reaches && *after.epoch == *self.epoch.to_string();
                    let first = if reaches { after.offset + 1 } else { self.end + 1 };
                    let last = self.end.min(after.offset + at_most);
                    let complete = reaches && last == self.end;
                    let events = (first..=last).map(|offset| (offset, (self.epoch, offset)));
                    let continuity = self.sequence.fill(events, at(self.epoch, self.end), complete);
                    self.look(continuity);
                }
                Happening::Reconnect { recovered, replay_first } => {
                    self.asked = None;
                    self.sequence.lose_connection();
                    let after = self.seen();
                    let known = self.sequence.position().map(|position| position.epoch.clone());
                    let recovered = recovered && known.as_deref() == Some(&*self.epoch.to_string());
                    if recovered && replay_first {
                        self.replay(after);
                    }
                    let continuity = self.sequence.joined(at(self.epoch, self.end), recovered);
                    self.look(continuity);
                    if recovered && !replay_first {
                        self.replay(after);
                    }
                }
                Happening::NewEpoch => {
                    self.epoch += 1;
                    self.end = 0;
                }
                Happening::SendAgain(_) => {}
            }
        }
    }

    proptest! {
        #[test]
        fn a_run_has_no_gap_and_no_repeat_or_its_break_is_told(happenings in happenings()) {
            let mut model = Model::new();
            for happening in happenings {
                model.happen(happening);
            }
            // Whatever happened, the next reconnect brings everything up to date.
            model.happen(Happening::Reconnect { recovered: true, replay_first: true });
            prop_assert_eq!(model.sequence.position(), Some(&at(model.epoch, model.end)));
            model.happen(Happening::Publish);
            prop_assert_eq!(model.last, Some((model.epoch, model.end)));
        }
    }

    #[test]
    fn a_replay_longer_than_what_is_held_back_brings_everything() {
        let mut sequence = Sequence::joining();
        sequence.joined(at(0, 0), true);
        let mut released = 0;
        // Each connection is lost in the middle of its replay, before it is said what that is.
        for connection in 1..=5 {
            sequence.lose_connection();
            for offset in released + 1..=connection * 2 * MAX_HELD as u64 {
                assert_eq!(sequence.accept(at(0, offset), ()), Continuity::Kept);
                released += u64::from(sequence.release().is_some());
            }
        }
        assert_eq!(sequence.position(), Some(&at(0, released)));
        assert_eq!(released, 10 * MAX_HELD as u64);
    }

    #[test]
    fn a_large_hole_is_filled_part_by_part() {
        let mut sequence = Sequence::joining();
        sequence.joined(at(0, 0), true);
        sequence.accept(at(0, 10), 10);
        let mut released = Vec::new();
        while let Some(after) = sequence.hole() {
            let events = (after.offset + 1..=after.offset + 4).map(|offset| (offset, offset));
            let complete = after.offset + 4 >= 10;
            assert_eq!(sequence.fill(events, at(0, 10), complete), Continuity::Kept);
            released.extend(std::iter::from_fn(|| sequence.release()).map(|(_, event)| event));
        }
        assert_eq!(released[..10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        for mode in [Mode::Live, Mode::Joining] {
            let mut sequence = Sequence::joining();
            sequence.joined(at(0, 0), true);
            sequence.mode = mode;
            let broken = |offset: &u64| sequence.accept(at(0, *offset), ()) == Continuity::Broken;
            assert_eq!((2..10_000).filter(broken).count(), 2);
            assert!(sequence.held.len() < MAX_HELD);
        }
    }
}
