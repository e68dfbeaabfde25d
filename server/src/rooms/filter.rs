//! Which events of a room a member is sent.

use std::sync::Arc;

use samewire_protocol::{
    Event,
    limits::{MAX_EVENT_NAME_BYTES, MAX_FILTER_EVENTS},
    presence::{PresenceChanged, PresenceState},
};

use crate::error::{Error, Result};

/// Only these events of a room are sent to a member; all of them where none are named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter(Option<Arc<[Box<str>]>>);

impl Filter {
    /// The filter that a join asks for.
    ///
    /// # Errors
    /// When it asks for more than may be kept of it.
    pub(crate) fn of(events: Option<Vec<String>>) -> Result<Self> {
        let Some(mut events) = events else { return Ok(Self::default()) };
        if events.len() > MAX_FILTER_EVENTS {
            let problem = format!("expected at most {MAX_FILTER_EVENTS} names");
            return Err(Error::field("events", problem));
        }
        if let Some(at) = events.iter().position(|name| name.len() > MAX_EVENT_NAME_BYTES) {
            let problem = format!("expected at most {MAX_EVENT_NAME_BYTES} bytes");
            return Err(Error::field(format!("events[{at}]"), problem));
        }
        // In order: it is searched for each member and event, at less cost than a hash has.
        events.sort_unstable();
        Ok(Self(Some(events.into_iter().map(String::into_boxed_str).collect())))
    }

    pub(super) fn wants(&self, event: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|events| events.binary_search_by(|wanted| (**wanted).cmp(event)).is_ok())
    }

    /// Whether it wants to know who is there.
    pub(crate) fn wants_presence(&self) -> bool {
        self.wants(PresenceState::NAME) || self.wants(PresenceChanged::NAME)
    }

    pub(super) fn wants_all(&self) -> bool {
        self.0.is_none()
    }
}
