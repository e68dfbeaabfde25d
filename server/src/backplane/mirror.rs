//! A mirror of a room's log: what is decided about the records that come, in whatever order and however
//! often. Pure: it is told what comes, and says what to do with it.
//!
//! The log itself is kept elsewhere and has one order. Its records come over a channel that may be cut,
//! and may be asked for. Each names the one before it, so that a log that lost its end and went on with
//! something else is never taken for the one that is mirrored.

use samewire_protocol::Epoch;

/// The tag that stands for "no record yet".
pub(crate) const NO_TAG: &str = "-";

/// How far a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) epoch: Epoch,
    pub(crate) offset: u64,
    /// Names the last record.
    pub(crate) tag: Box<str>,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: Reach,
    /// Names the record before it.
    pub(crate) previous: Box<str>,
}

/// What to do with a record that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next: append it.
    Append,
    /// It is there, or will come with what is being loaded: drop it.
    Drop,
    /// Something is missing, or the log is another: load.
    Load,
}

/// What to do with what was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Install {
    /// It goes on where the mirror ends: append what there is.
    Continue,
    /// It doesn't: begin anew with it, and let the members know.
    Anew,
    /// Something newer is being loaded: drop it.
    Drop,
}

/// What a mirror knows beside the records.
#[derive(Debug)]
pub(crate) struct Mirror {
    reach: Reach,
    /// Loads begun so far; what an earlier one brings counts for nothing.
    loads: u64,
    /// While it is being loaded: the last record that came meanwhile.
    loading: Option<Option<Reach>>,
}

impl Mirror {
    /// The mirror of a log of which nothing is known. It has to be loaded.
    pub(crate) fn new() -> Self {
        let reach = Reach { epoch: Epoch(String::new()), offset: 0, tag: NO_TAG.into() };
        Self { reach, loads: 0, loading: Some(None) }
    }

    /// How far it goes.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether it follows the log, and isn't being loaded.
    pub(crate) fn is_following(&self) -> bool {
        self.loading.is_none()
    }

    /// A record came over the channel.
    pub(crate) fn hear(&mut self, place: &Place) -> Verdict {
        if let Some(last) = &mut self.loading {
            *last = Some(place.at.clone());
            return Verdict::Drop;
        }
        let Reach { epoch, offset, tag } = &place.at;
        if *epoch != self.reach.epoch || *offset > self.reach.offset + 1 {
            return Verdict::Load;
        }
        if *offset == self.reach.offset + 1 {
            if place.previous != self.reach.tag {
                return Verdict::Load;
            }
            self.reach.offset = *offset;
            self.reach.tag.clone_from(tag);
            return Verdict::Append;
        }
        let differs = *offset == self.reach.offset && *tag != self.reach.tag;
        if differs { Verdict::Load } else { Verdict::Drop }
    }

    /// The answer to what was published here: ahead of the channel, or after it. Says whether it is the
    /// next.
    pub(crate) fn answered(&mut self, place: &Place) -> bool {
        let is_next = self.is_following()
            && place.at.epoch == self.reach.epoch
            && place.at.offset == self.reach.offset + 1
            && place.previous == self.reach.tag;
        is_next && self.hear(place) == Verdict::Append
    }

    /// Begins to load. Gives the load's number.
    pub(crate) fn load(&mut self) -> u64 {
        self.loading = Some(None);
        self.loads += 1;
        self.loads
    }

    /// A load brought that the log goes this far, with records from `first` on.
    pub(crate) fn loaded(&mut self, load: u64, reach: Reach, first: Option<u64>) -> Install {
        if load != self.loads {
            return Install::Drop;
        }
        let continues = reach.epoch == self.reach.epoch
            && match first {
                Some(first) => first == self.reach.offset + 1,
                None => reach.offset == self.reach.offset,
            };
        self.reach = reach;
        if continues { Install::Continue } else { Install::Anew }
    }

    /// What was loaded has its place. Says whether something came meanwhile that it may lack: then it is
    /// to be loaded again.
    pub(crate) fn follow(&mut self) -> bool {
        let heard = self.loading.take().flatten();
        heard.is_some_and(|last| last.epoch != self.reach.epoch || last.offset > self.reach.offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The log, and what its channel still carries to a server.
    #[derive(Default)]
    struct Log {
        epoch: u32,
        /// The tags of its records, the first offset first.
        tags: Vec<String>,
        /// Records that the log no longer holds.
        trimmed: usize,
        given: u32,
        channel: Vec<Place>,
    }

    impl Log {
        fn reach(&self) -> Reach {
            let tag = self.tags.last().map_or(NO_TAG, String::as_str).into();
            Reach { epoch: Epoch(self.epoch.to_string()), offset: self.tags.len() as u64, tag }
        }

        fn append(&mut self) -> Place {
            let previous = self.reach().tag;
            self.given += 1;
            self.tags.push(self.given.to_string());
            let place = Place { at: self.reach(), previous };
            self.channel.push(place.clone());
            place
        }

        fn renew(&mut self) {
            self.epoch += 1;
            self.tags.clear();
            self.trimmed = 0;
        }

        /// As `load.lua` answers.
        fn load(&mut self, seen: &Reach) -> (Reach, Vec<Entry>) {
            let is_mine = seen.epoch.0 == self.epoch.to_string();
            let at = usize::try_from(seen.offset).unwrap();
            if is_mine {
                let lost = at > self.tags.len()
                    || (at == self.tags.len() && self.reach().tag != seen.tag)
                    || (at < self.tags.len()
                        && at >= self.trimmed
                        && at.checked_sub(1).map_or(NO_TAG, |at| &self.tags[at]) != &*seen.tag);
                if lost {
                    self.renew();
                }
            }
            let is_mine = seen.epoch.0 == self.epoch.to_string();
            let from = if is_mine { at.max(self.trimmed) } else { self.trimmed };
            let records = self.tags.iter().enumerate().skip(from);
            (self.reach(), records.map(|(at, tag)| (at as u64 + 1, tag.clone())).collect())
        }
    }

    /// An offset with what stands there.
    type Entry = (u64, String);

    /// A mirror with what it gave its members.
    struct Server {
        mirror: Mirror,
        /// Loads under way: what they brought, where they have asked.
        loads: Vec<(u64, Reach, Vec<Entry>)>,
        wants: bool,
        /// What members saw since they were last told that something is missing.
        seen: Vec<Entry>,
        told: u32,
    }

    impl Server {
        fn record(&mut self, place: &Place, append: bool) {
            if append {
                self.seen.push((place.at.offset, place.at.tag.to_string()));
            }
        }

        fn hear(&mut self, place: &Place) {
            let verdict = self.mirror.hear(place);
            self.record(place, verdict == Verdict::Append);
            self.wants |= verdict == Verdict::Load;
        }

        fn ask(&mut self, log: &mut Log) {
            let load = self.mirror.load();
            self.wants = false;
            let (reach, records) = log.load(self.mirror.reach());
            self.loads.push((load, reach, records));
        }

        fn install(&mut self, at: usize) {
            let (load, reach, records) = self.loads.remove(at);
            match self.mirror.loaded(load, reach, records.first().map(|record| record.0)) {
                Install::Drop => return,
                Install::Continue => self.seen.extend(records),
                Install::Anew => {
                    self.told += 1;
                    self.seen = records;
                }
            }
            self.wants |= self.mirror.follow();
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Somebody publishes.
        Append,
        /// This server publishes, and hears the answer before the channel, or after so many records of it.
        Publish(usize),
        /// So many records come over the channel.
        Arrive(usize),
        /// The channel is cut: what it carries is lost. The server subscribes anew, and loads.
        Cut,
        /// A load that was wanted asks.
        Ask,
        /// The answer of one of the loads comes.
        Answer(usize),
        /// The log is trimmed to so many records.
        Trim(usize),
        /// The log loses so many records at its end, and the channel is cut.
        LoseEnd(usize),
        /// The log is lost, and the channel is cut.
        Lose,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(
            prop_oneof![
                8 => Just(Step::Append),
                4 => (0_usize..3).prop_map(Step::Publish),
                8 => (1_usize..4).prop_map(Step::Arrive),
                2 => Just(Step::Cut),
                4 => Just(Step::Ask),
                6 => (0_usize..3).prop_map(Step::Answer),
                1 => (0_usize..4).prop_map(Step::Trim),
                1 => (1_usize..4).prop_map(Step::LoseEnd),
                1 => Just(Step::Lose),
            ],
            0..80,
        )
    }

    proptest! {
        /// Whatever is lost, late or doubled: members see each record once, in order and without a hole,
        /// or are told; and once it is quiet the mirror is the log.
        #[test]
        fn members_see_the_log_or_are_told(steps in steps()) {
            let mut log = Log::default();
            let mut server = Server {
                mirror: Mirror::new(), loads: Vec::new(), wants: true, seen: Vec::new(), told: 0,
            };
            for step in steps {
                match step {
                    Step::Append => drop(log.append()),
                    Step::Publish(after) => {
                        let place = log.append();
                        let after = after.min(log.channel.len());
                        for place in log.channel.drain(..after).collect::<Vec<_>>() {
                            server.hear(&place);
                        }
                        let next = server.mirror.answered(&place);
                        server.record(&place, next);
                    }
                    Step::Arrive(count) => {
                        let count = count.min(log.channel.len());
                        for place in log.channel.drain(..count).collect::<Vec<_>>() {
                            server.hear(&place);
                        }
                    }
                    Step::Cut => {
                        log.channel.clear();
                        server.wants = true;
                    }
                    Step::Ask => if server.wants { server.ask(&mut log) },
                    Step::Answer(at) => if at < server.loads.len() { server.install(at) },
                    Step::Trim(to) => log.trimmed = log.trimmed.max(log.tags.len().saturating_sub(to)),
                    Step::LoseEnd(count) => {
                        let kept = log.tags.len().saturating_sub(count).max(log.trimmed);
                        log.tags.truncate(kept);
                        log.channel.clear();
                        server.wants = true;
                        // What loads under way brought came over a connection that is lost as well.
                        server.loads.clear();
                    }
                    Step::Lose => {
                        log.renew();
                        log.channel.clear();
                        server.wants = true;
                        server.loads.clear();
                    }
                }
                let offsets: Vec<_> = server.seen.iter().map(|seen| seen.0).collect();
                prop_assert!(offsets.windows(2).all(|two| two[1] == two[0] + 1), "{:?}", offsets);
            }
            for place in std::mem::take(&mut log.channel) {
                server.hear(&place);
            }
            for _ in 0..4 {
                while !server.loads.is_empty() {
                    server.install(server.loads.len() - 1);
                }
                if server.wants || !server.mirror.is_following() {
                    server.ask(&mut log);
                }
            }
            while !server.loads.is_empty() {
                server.install(0);
            }
            prop_assert!(server.mirror.is_following() && !server.wants);
            prop_assert_eq!(server.mirror.reach(), &log.reach());
            for (offset, tag) in &server.seen {
                prop_assert_eq!(tag, &log.tags[usize::try_from(*offset).unwrap() - 1]);
            }
            if let Some((last, _)) = server.seen.last() {
                prop_assert_eq!(*last, log.tags.len() as u64);
            }
        }
    }
}
