//! The names of what stands in Redis. What a script touches together lies in one slot of a cluster: its
//! names have the same part in braces.

use samewire_protocol::{RoomAddress, id::UserId};

/// What all names begin with.
const PREFIX: &str = "samewire";

/// A room's names.
#[derive(Debug)]
pub(super) struct RoomKeys<'a>(pub(super) &'a RoomAddress);

impl RoomKeys<'_> {
    /// The channel over which its servers are told of it.
    pub(super) fn channel(&self) -> String {
        format!("{PREFIX}:{{{}}}", self.0)
    }

    /// Hash: the log's epoch, last offset and last tag.
    pub(super) fn meta(&self) -> String {
        self.of("log")
    }

    /// Stream: the log's records.
    pub(super) fn stream(&self) -> String {
        self.of("records")
    }

    /// Hash: what whoever joins is sent, by event.
    pub(super) fn retained(&self) -> String {
        self.of("retained")
    }

    /// Hash: who is present, by connection.
    pub(super) fn presence(&self) -> String {
        self.of("presence")
    }

    /// List: how members were last taken out of it.
    pub(super) fn dismissals(&self) -> String {
        self.of("dismissals")
    }

    /// Hash: who stores and publishes, and who is next.
    pub(super) fn lock(&self) -> String {
        self.of("lock")
    }

    /// That something of this tag was published, and where it has its place.
    pub(super) fn once(&self, tag: &str) -> String {
        format!("{}:{tag}", self.of("once"))
    }

    fn of(&self, what: &str) -> String {
        format!("{PREFIX}:{{{}}}:{what}", self.0)
    }
}

/// The names of what a user sends.
#[derive(Debug)]
pub(super) struct UserKeys<'a>(pub(super) &'a UserId);

impl UserKeys<'_> {
    /// When the window would be empty, in microseconds.
    pub(super) fn rate(&self) -> String {
        self.of("rate")
    }

    /// Hash: answers and claims, by emit.
    pub(super) fn emits(&self) -> String {
        self.of("emits")
    }

    /// Sorted set: when each emit came.
    pub(super) fn emit_order(&self) -> String {
        self.of("emit-order")
    }

    fn of(&self, what: &str) -> String {
        format!("{PREFIX}:{{user:{}}}:{what}", self.0)
    }
}

/// Set: the servers that were there not long ago. All that is theirs lies together, so that one command
/// reads several.
pub(super) fn servers() -> String {
    format!("{PREFIX}:{{servers}}")
}

/// A server's names.
#[derive(Debug)]
pub(super) struct ServerKeys<'a>(pub(super) &'a str);

impl ServerKeys<'_> {
    /// Its figures: it is there for as long as they are.
    pub(super) fn figures(&self) -> String {
        format!("{}:{}", servers(), self.0)
    }

    /// Set: who is connected to it.
    pub(super) fn users(&self) -> String {
        format!("{}:users", self.figures())
    }
}

/// Whose a lease is.
pub(super) fn lease(name: &str) -> String {
    format!("{PREFIX}:lease:{name}")
}
