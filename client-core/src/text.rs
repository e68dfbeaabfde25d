//! Texts that pass through: JavaScript's in a browser, `Arc<str>` in a test.

use std::{fmt::Debug, sync::Arc};

/// A text, such as the name of an event or the address of a room: compared and passed along, and
/// looked into only where it must.
///
/// A cheap handle like [`Payload`](crate::Payload): in a browser the letters never come in here.
pub trait Text: Clone + Ord + Debug {
    /// A text of this program's.
    fn known(text: &'static str) -> Self;

    /// This text, a separator, and another text.
    fn join(&self, separator: &'static str, other: &Self) -> Self;

    /// What precedes a separator's first place, and what follows it.
    fn split_once(&self, separator: &'static str) -> Option<(Self, Self)>;

    /// Whether it reads as an error's code: of capitals and underscores alone.
    fn is_code(&self) -> bool;
}

impl Text for Arc<str> {
    fn known(text: &'static str) -> Self {
        text.into()
    }

    fn join(&self, separator: &'static str, other: &Self) -> Self {
        format!("{self}{separator}{other}").into()
    }

    fn split_once(&self, separator: &'static str) -> Option<(Self, Self)> {
        str::split_once(self, separator).map(|(before, after)| (before.into(), after.into()))
    }

    fn is_code(&self) -> bool {
        !self.is_empty() && self.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b'_')
    }
}
