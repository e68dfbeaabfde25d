//! An echo in the place of an assistant, where no key was given.

use std::time::Duration;

use samewire_protocol::assistant::Role;
use tokio::time::{Instant, sleep_until};

use crate::domains::assistant::context::Said;

/// It speaks so fast, that one sees it stream.
const INTERVAL: Duration = Duration::from_millis(20);

/// Parts that an answer has at most.
const MAX_PARTS: usize = 100;

/// What it says ahead of the echo.
const NOTICE: &str =
    "This is an echo: no assistant is connected (OPENAI_API_KEY is not set). You said: ";

/// An echo as it comes.
pub(in crate::domains::assistant) struct Deltas {
    text: String,
    /// Bytes of it that came.
    told: usize,
    /// Bytes of a part, at least.
    part: usize,
    next_at: Instant,
}

impl Deltas {
    /// The echo of what was said last.
    pub(super) fn of(conversation: &[Said]) -> Self {
        let last = conversation.iter().rev().find(|said| said.role == Role::User);
        let text = format!("{NOTICE}{}", last.map_or("", |said| said.content.as_str()));
        Self { part: text.len().div_ceil(MAX_PARTS), text, told: 0, next_at: Instant::now() }
    }

    /// The next part: a word, or several of a long text.
    pub(super) async fn next(&mut self) -> Option<String> {
        let rest = self.text.get(self.told..).filter(|rest| !rest.is_empty())?;
        sleep_until(self.next_at).await;
        self.next_at = Instant::now() + INTERVAL;
        let least = rest.floor_char_boundary(self.part.max(1));
        let space = rest[least..].find(' ').map(|at| least + at + 1);
        // A text without spaces is cut where a part is long enough.
        let end = space
            .filter(|end| *end <= self.part + 32)
            .unwrap_or_else(|| rest.ceil_char_boundary((self.part + 32).min(rest.len())));
        self.told += end;
        Some(rest[..end].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_says_that_it_is_one_and_what_was_said_in_a_bounded_number_of_parts() {
        for said in ["Hello AI!", "é".repeat(20_000).as_str(), "many words ".repeat(3000).as_str()]
        {
            let last = Said { role: Role::User, content: said.to_owned() };
            let mut deltas = Deltas::of(&[last]);
            let mut parts = Vec::new();
            while let Some(part) = deltas.next().await {
                parts.push(part);
            }
            assert_eq!(parts.concat(), format!("{NOTICE}{said}"));
            assert!((2..=MAX_PARTS + 1).contains(&parts.len()), "{} parts", parts.len());
        }
    }
}
