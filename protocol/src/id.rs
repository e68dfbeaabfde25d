//! Ids: strings on the wire, types of their own in Rust, so that none is taken for another.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$docs:meta])+ $name:ident,)+) => {$(
        $(#[$docs])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// Names a user: the `sub` of the token.
    UserId,
    /// Names a connection publicly. Never the Socket.IO session id, which is a credential.
    ConnectionId,
    /// Names a project.
    ProjectId,
    /// Names a tracked session.
    SessionId,
    /// Names a story.
    StoryId,
    /// Names a comment, question or answer.
    InteractionId,
    /// Names an export.
    ExportId,
    /// Names a message.
    MessageId,
    /// Names a conversation, of the inbox or with the assistant.
    ConversationId,
    /// Names an item of a workspace.
    ItemId,
}
