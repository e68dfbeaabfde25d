//! How an answer grows, and when those who look on are told. Pure: `now` comes in.

use std::time::Duration;

use tokio::time::Instant;

/// Chunks are told no more often: 30 in a second at most, the last one, which doesn't wait, among them.
const MIN_INTERVAL: Duration = Duration::from_millis(35);

/// Bytes of `content` that one answer tells each listener in a second. Every chunk carries the whole
/// so far; without a bound an answer would cost the square of its length, on the way and in the
/// room's log. So an answer of more than 2 kB is told in rarer, larger chunks: one of 16 kB at the end
/// four times a second.
const BYTES_PER_SECOND: u32 = 64 * 1024;

/// An answer as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Growth {
    content: String,
    /// Bytes of it that were told.
    told: usize,
    /// Chunks that were told.
    chunks: u32,
    /// The next chunk isn't told before.
    not_before: Option<Instant>,
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    pub(super) index: u32,
    /// What is new.
    pub(super) chunk: &'a str,
    /// All so far.
    pub(super) content: &'a str,
}

impl Growth {
    /// All so far.
    pub(super) fn content(&self) -> &str {
        &self.content
    }

    /// More has come: up to `max_bytes` in all. Says whether it had place.
    pub(super) fn push(&mut self, text: &str, max_bytes: usize) -> bool {
        let left = max_bytes.saturating_sub(self.content.len());
        let end = text.floor_char_boundary(left);
        self.content.push_str(&text[..end]);
        end == text.len()
    }

    /// When there is something to be told.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        (self.told < self.content.len()).then(|| self.not_before.unwrap_or(now))
    }

    /// What wasn't told yet, if anything.
    pub(super) fn take(&mut self, now: Instant) -> Option<Chunk<'_>> {
        if self.told == self.content.len() {
            return None;
        }
        let bytes = u32::try_from(self.content.len()).unwrap_or(u32::MAX);
        let by_bytes = Duration::from_secs(1) * bytes / BYTES_PER_SECOND;
        self.not_before = Some(now + by_bytes.max(MIN_INTERVAL));
        let index = self.chunks;
        self.chunks += 1;
        let chunk = &self.content[std::mem::replace(&mut self.told, self.content.len())..];
        Some(Chunk { index, chunk, content: &self.content })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANY: usize = 1 << 20;

    #[test]
    fn what_comes_too_fast_is_joined() {
        let mut growth = Growth::default();
        let began = Instant::now();
        assert_eq!(growth.due_at(began), None);
        growth.push("a", MANY);
        assert_eq!(growth.due_at(began), Some(began));
        assert_eq!(growth.take(began), Some(Chunk { index: 0, chunk: "a", content: "a" }));
        growth.push("b", MANY);
        growth.push("c", MANY);
        assert_eq!(growth.due_at(began), Some(began + MIN_INTERVAL));
        let later = began + MIN_INTERVAL;
        assert_eq!(growth.take(later), Some(Chunk { index: 1, chunk: "bc", content: "abc" }));
        assert_eq!(growth.due_at(later), None);
        assert_eq!(growth.take(later), None);
    }

    /// As fast as models write, for as long as they do: the chunks of a minute have place in a room's
    /// log, whose bounds are 1,000 events and 8 MiB by default, so that whoever was away so long misses none.
    #[test]
    fn a_minute_of_an_answer_has_place_in_a_log() {
        let mut growth = Growth::default();
        let (began, mut chunks, mut bytes) = (Instant::now(), 0, 0);
        for word in 0..60 * 150 {
            let now = began + Duration::from_secs(1) * word / 150;
            while let Some(due) = growth.due_at(now).filter(|due| *due <= now) {
                bytes +=
                    growth.take(due).map_or(0, |chunk| chunk.content.len() + chunk.chunk.len());
                chunks += 1;
            }
            growth.push("words ", MANY);
        }
        assert!(chunks < 900, "{chunks} events");
        assert!(bytes < 5 << 20, "{bytes} bytes");
    }

    #[test]
    fn an_answer_that_is_too_long_ends_before_the_character_that_has_no_place() {
        let mut growth = Growth::default();
        assert!(growth.push("ab", 4));
        assert!(!growth.push("cé", 4));
        assert_eq!(growth.content(), "abc");
    }

    proptest! {
        /// However fast it comes: chunks in order, each once, put together the whole; fewer than 31 in
        /// any second; and what is told in a second is bounded.
        #[test]
        fn chunks_are_the_whole_and_never_too_many(
            parts in prop::collection::vec((0_u64..100, "[aé€😀]{1,3}", 0_usize..150), 1..100),
        ) {
            let mut growth = Growth::default();
            let began = Instant::now();
            let mut now = began;
            let mut told: Vec<(Instant, usize)> = Vec::new();
            let (mut whole, mut joined) = (String::new(), String::new());
            let mut tell = |growth: &mut Growth, now: Instant, last: bool| {
                while let Some(due) = growth.due_at(now).filter(|due| last || *due <= now) {
                    let index = told.len();
                    let chunk = growth.take(due.max(now)).expect("it is due");
                    joined.push_str(chunk.chunk);
                    assert_eq!(chunk.index as usize, index);
                    assert_eq!(chunk.content, joined);
                    if !last {
                        told.push((now, chunk.content.len()));
                    }
                }
            };
            for (wait_ms, part, times) in parts {
                let part = part.repeat(times);
                // As a timer would: at each moment that something is due.
                let until = now + Duration::from_millis(wait_ms);
                while let Some(due) = growth.due_at(now).filter(|due| *due <= until) {
                    now = now.max(due);
                    tell(&mut growth, now, false);
                }
                now = until;
                growth.push(&part, MANY);
                whole.push_str(&part);
                tell(&mut growth, now, false);
            }
            tell(&mut growth, now, true);
            prop_assert_eq!(joined, whole);
            for (at, (from, _)) in told.iter().enumerate() {
                let second = told[at..].iter().take_while(|(when, _)| *when < *from + Duration::from_secs(1));
                let sizes: Vec<usize> = second.map(|(_, size)| *size).collect();
                prop_assert!(sizes.len() <= 29, "{} chunks in a second", sizes.len());
                let but_last: usize = sizes[..sizes.len() - 1].iter().sum();
                prop_assert!(but_last <= BYTES_PER_SECOND as usize + 1);
            }
        }
    }
}
