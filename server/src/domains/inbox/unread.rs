//! How many messages a user hasn't read.

use std::collections::BTreeMap;

use samewire_protocol::{Timestamp, inbox::UnreadCountUpdate};

/// A user's unread messages by platform: each that ever brought one, also where none is left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnreadCounts(pub BTreeMap<String, u32>);

impl UnreadCounts {
    /// Unread messages in all.
    pub fn total(&self) -> u32 {
        self.0.values().fold(0, |total, count| total.saturating_add(*count))
    }

    /// As the user is told.
    pub(super) fn told(self, timestamp: Timestamp) -> UnreadCountUpdate {
        let total_unread = self.total();
        UnreadCountUpdate { unread_counts: self.0, total_unread, timestamp }
    }
}
