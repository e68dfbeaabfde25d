//! What the application is told, and how its emits are treated.

#[cfg(doc)]
use crate::Client;
use crate::{Arrived, CallId, Duration, Failure, HandleId, Payload, Position};

/// What the application is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<P: Payload> {
    /// [`Client::state`] is another.
    StateChanged,
    /// [`Client::session`] is another.
    SessionChanged,
    /// Somebody has to call [`Client::token`].
    TokenNeeded,
    /// An event came.
    Arrived {
        /// What came.
        event: Box<Arrived<P>>,
    },
    /// An emit is over. Told once for each.
    Settled {
        /// Which.
        call: CallId,
        /// What the server answered, or why it failed.
        outcome: Result<Option<P>, Failure<P>>,
    },
    /// A join is granted.
    Joined {
        /// Whose.
        handle: HandleId,
        /// The room, as the server calls it.
        room: P::Text,
    },
    /// A join is refused; its handle is forgotten.
    Refused {
        /// Whose.
        handle: HandleId,
        /// Why.
        failure: Failure<P>,
    },
    /// What was missed of a room while there was no connection has been told.
    Recovered {
        /// The room.
        room: P::Text,
        /// How many events it was.
        missed: u64,
    },
    /// What was missed of a room is lost.
    Reset {
        /// The room.
        room: P::Text,
        /// From where on nothing is missing.
        position: Position<P::Text>,
    },
    /// The server took a room away; its handles are forgotten.
    Removed {
        /// The room.
        room: P::Text,
        /// Why.
        failure: Failure<P>,
    },
    /// [`Client::users`] of a room are others.
    PresenceChanged {
        /// The room.
        room: P::Text,
    },
    /// What came doesn't fit its type, and is told nobody else.
    Fault {
        /// The event it belongs to.
        event: P::Text,
        /// Where it doesn't fit, and what is wrong there: `rows[1].id: expected a string`.
        problem: P::Text,
    },
}

/// What happens to the page that the client is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEvent {
    /// There is a network.
    Online,
    /// There is none, or so it seems: a connection that stands is left alone.
    Offline,
    /// It is seen again.
    Shown,
    /// It is frozen, or put away to come back later.
    Away,
    /// It is back from there.
    Back,
}

/// How an emit is treated.
#[derive(Debug, Clone, PartialEq)]
pub struct EmitOptions<T> {
    /// A UUID, so that the server doesn't act twice on an emit that is sent again.
    pub id: T,
    /// How long to wait for the answer, each try. None means as configured.
    pub timeout: Option<Duration>,
    /// Times it may be sent again. None means as configured.
    pub retries: Option<u32>,
}
