//! The names of what stands in Redis. Those of one room lie in one slot of a cluster.

use samewire_protocol::RoomAddress;

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

    /// That something of this tag was published, and where it has its place.
    pub(super) fn once(&self, tag: &str) -> String {
        format!("{}:{tag}", self.of("once"))
    }

    fn of(&self, what: &str) -> String {
        format!("{PREFIX}:{{{}}}:{what}", self.0)
    }
}
