//! One room, and who joined it.

use samewire_protocol::{event::Event as _, presence::PresenceChanged};

use crate::{
    Arrived, HandleId, Holdings, Payload, Text as _, message::Request, presence::Presence,
    sequence::Sequence,
};

/// One room.
#[derive(Debug)]
pub(crate) struct Room<P: Payload> {
    pub(crate) handles: Vec<Handle<P::Text>>,
    /// The server joins us to it by itself, and we are in it for as long as we are connected.
    pub(crate) own: bool,
    pub(crate) membership: Membership,
    /// The handshake asked for it, and the server didn't say yet what became of that.
    pub(crate) resuming: bool,
    /// Joins that were asked for since the last answer to one.
    pub(crate) asked: u32,
    /// Whether the server leaves events out, by the join that it granted last. What the handles
    /// want may be less by now.
    pub(crate) sent_filtered: bool,
    pub(crate) sequence: Sequence<P::Text, Box<Arrived<P>>>,
    pub(crate) presence: Presence<P>,
}

/// Somebody who joined a room.
#[derive(Debug)]
pub(crate) struct Handle<T> {
    pub(crate) id: HandleId,
    /// The events it wants; none means all.
    pub(crate) events: Option<Vec<T>>,
    /// Whether it was told that it is in.
    pub(crate) told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// Not in it, for want of a connection.
    Out,
    /// Asked to be let in.
    Joining,
    /// In it.
    In,
}

impl<P: Payload> Room<P> {
    pub(crate) fn new(membership: Membership) -> Self {
        Self {
            handles: Vec::new(),
            own: false,
            membership,
            resuming: false,
            asked: 0,
            sent_filtered: false,
            sequence: Sequence::joining(),
            presence: Presence::new(),
        }
    }

    /// A room that sends without having been joined through us.
    pub(crate) fn unasked() -> Self {
        Self { sequence: Sequence::live(), ..Self::new(Membership::In) }
    }

    pub(crate) fn has(&self, handle: HandleId) -> bool {
        self.handles.iter().any(|known| known.id == handle)
    }

    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        for handle in &self.handles {
            if let Some(events) = &handle.events {
                for event in events {
                    holdings.text(event);
                }
            }
        }
        self.sequence.holds(holdings);
        self.presence.holds(holdings);
    }

    /// Whether we want to be in it again after a lost connection.
    pub(crate) fn is_wanted(&self) -> bool {
        self.own || !self.handles.is_empty()
    }

    /// The events that all handles together want; none means all. Presence is always wanted.
    pub(crate) fn filter(&self) -> Option<Vec<P::Text>> {
        if self.own || self.handles.is_empty() {
            return None;
        }
        let mut events = vec![P::Text::known(PresenceChanged::NAME)];
        for handle in &self.handles {
            for event in handle.events.as_ref()? {
                if !events.contains(event) {
                    events.push(event.clone());
                }
            }
        }
        Some(events)
    }

    /// What asks the server to let us in, from where we left off.
    pub(crate) fn ask_to_join(&mut self, address: &P::Text) -> Request<P::Text> {
        let events = self.filter();
        self.asked += 1;
        self.resuming = false;
        if self.membership != Membership::In {
            self.membership = Membership::Joining;
        }
        self.sequence.filtered = events.is_some();
        self.sequence.rejoin();
        let since = self.sequence.position().cloned();
        Request::Join { room: address.clone(), since, events }
    }
}
