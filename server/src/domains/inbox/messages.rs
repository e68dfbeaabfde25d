//! What becomes of a message that a platform brings: stored once, then told to its user.

use samewire_protocol::{
    RoomAddress, Timestamp,
    id::{ConversationId, MessageId, UserId},
    inbox::{ConversationUpdate, InboxConversation, InboxMessage, NewMessage, Sender},
    room::KINDS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inbox, queries, unread::UnreadCounts};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// Longest name of a platform, in bytes.
const MAX_PLATFORM_BYTES: usize = 64;

/// Longest id or name that a platform gives, in bytes.
const MAX_ID_BYTES: usize = 256;

/// Longest text of a message, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A message as a platform brings it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncomingMessage {
    /// Whom it is for.
    pub user_id: UserId,
    /// What the platform calls the conversation.
    pub external_conversation_id: String,
    /// What the platform calls the message: of several with one name, the first counts.
    pub external_message_id: String,
    /// Who sent it.
    pub sender: Sender,
    /// What it says.
    pub text: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// What became of a message that a platform brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// The message.
    pub message_id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// It had been brought before: nothing was changed.
    pub duplicate: bool,
}

/// A message that was stored, and all that changed with it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(super) user_id: UserId,
    pub(super) message: InboxMessage,
    pub(super) conversation: InboxConversation,
    pub(super) unread: UnreadCounts,
}

impl IncomingMessage {
    /// Checks what a platform is called and what it brings.
    fn check(&self, platform: &str) -> Result<()> {
        named("platform", platform, MAX_PLATFORM_BYTES)?;
        let room = RoomAddress::user(&self.user_id);
        RoomAddress::parse(room.as_str(), KINDS)
            .map_err(|_| Error::field("userId", "can't be a user's id"))?;
        named("externalConversationId", &self.external_conversation_id, MAX_ID_BYTES)?;
        named("externalMessageId", &self.external_message_id, MAX_ID_BYTES)?;
        named("sender.id", &self.sender.id, MAX_ID_BYTES)?;
        if let Some(name) = self.sender.name.as_deref().filter(|name| !name.is_empty()) {
            named("sender.name", name, MAX_ID_BYTES)?;
        }
        if self.text.len() > MAX_TEXT_BYTES || self.text.contains('\0') {
            let problem = format!("expected at most {MAX_TEXT_BYTES} bytes, without NUL");
            return Err(Error::field("text", problem));
        }
        Ok(())
    }
}

fn named(field: &str, name: &str, max_bytes: usize) -> Result<()> {
    if name.is_empty() || name.len() > max_bytes || name.chars().any(char::is_control) {
        let problem = format!("expected 1 to {max_bytes} bytes without control characters");
        return Err(Error::field(field, problem));
    }
    Ok(())
}

impl Inbox {
    /// Takes in a message of a platform, once: stores it with its conversation and the counts of
    /// what is unread, and tells its user.
    ///
    /// # Errors
    /// When a field is out of bounds, or the database fails.
    pub async fn receive(
        &self,
        engine: &Engine,
        platform: &str,
        incoming: IncomingMessage,
    ) -> Result<Received> {
        incoming.check(platform)?;
        let _lock = engine.lock(&RoomAddress::user(&incoming.user_id)).await?;
        let Some(stored) = self.store(platform, &incoming).await? else {
            let (message_id, conversation_id) =
                queries::find(self.store.pool(), platform, &incoming).await?;
            return Ok(Received { message_id, conversation_id, duplicate: true });
        };
        let received = Received {
            message_id: stored.message.id.clone(),
            conversation_id: stored.conversation.id.clone(),
            duplicate: false,
        };
        stored.tell(engine).await?;
        Ok(received)
    }

    /// Stores a message with all that changes with it; nothing where it is known.
    pub(crate) async fn store(
        &self,
        platform: &str,
        incoming: &IncomingMessage,
    ) -> Result<Option<Stored>> {
        let message = InboxMessage {
            id: MessageId(uuid::Uuid::now_v7().to_string()),
            // Known once the conversation is.
            conversation_id: ConversationId(uuid::Uuid::now_v7().to_string()),
            platform: queries::platform(platform),
            external_message_id: incoming.external_message_id.clone(),
            sender: Sender {
                id: incoming.sender.id.clone(),
                // Platforms send an empty one for none.
                name: incoming.sender.name.clone().filter(|name| !name.is_empty()),
            },
            text: incoming.text.clone(),
            sent_at: incoming.sent_at,
            status: None,
        };
        Ok(queries::store(self.store.pool(), platform, incoming, message).await?)
    }
}

impl Stored {
    /// Tells the user of it.
    async fn tell(self, engine: &Engine) -> Result<()> {
        let Self { user_id, message, conversation, unread } = self;
        let room = RoomAddress::user(&user_id);
        let timestamp = clock::timestamp();
        let new = NewMessage { message, conversation: Some(conversation.clone()), timestamp };
        // Delivered is what a client of theirs acknowledges.
        engine.publish_asking(&user_id, &new).await?;
        engine.publish(&room, &ConversationUpdate { conversation, timestamp }).await?;
        engine.publish(&room, &unread.told(timestamp)).await.map(drop)
    }
}
