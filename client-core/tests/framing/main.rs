//! Our reading and writing of frames, held against that of socketioxide: another's code, by
//! another's hand, of the same protocol.

mod attachments;
mod ours;
mod reading;
mod texts;
mod theirs;
mod writing;

use serde_json::Value;

/// What a Socket.IO packet says, whoever wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    Connect,
    Disconnect,
    ConnectError { message: String },
    Event { ack: Option<u64>, args: Value, attachments: usize },
    Ack { id: u64, args: Value, attachments: usize },
}
