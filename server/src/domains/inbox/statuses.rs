//! How far a message got: delivered, then read. It only moves forward.

use samewire_protocol::{
    ErrorCode, RoomAddress,
    id::{ConversationId, MessageId, UserId},
    inbox::{
        ConversationUpdate, InboxConversation, InboxMessage, MessageStatus, MessageStatusUpdate,
    },
};

use super::{
    Inbox,
    queries::{
        self,
        statuses::{Read, Which, deliver, read},
    },
};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// Messages whose status is told one by one when a conversation is read: the latest. Of all the
/// others `conversation_update` tells, which says that nothing in it is unread.
const MAX_STATUS_UPDATES: usize = 100;

impl Inbox {
    /// Notes that a message reached its user.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the user has no such message, or when the database fails.
    pub async fn delivered(
        &self,
        engine: &Engine,
        user: &UserId,
        id: &MessageId,
    ) -> Result<InboxMessage> {
        let _lock = engine.lock(&RoomAddress::user(user)).await?;
        let Some(message) = deliver(self.store.pool(), user, id).await? else {
            return self.message(user, id).await;
        };
        let update = MessageStatusUpdate {
            message_id: id.clone(),
            conversation_id: message.conversation_id.clone(),
            status: MessageStatus::Delivered,
            timestamp: clock::timestamp(),
        };
        engine.publish(&RoomAddress::user(user), &update).await?;
        Ok(message)
    }

    /// Notes that a user read a message.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the user has no such message, or when the database fails.
    pub async fn read(
        &self,
        engine: &Engine,
        user: &UserId,
        id: &MessageId,
    ) -> Result<InboxMessage> {
        let _lock = engine.lock(&RoomAddress::user(user)).await?;
        self.note_read(engine, user, Which::One(id)).await?;
        self.message(user, id).await
    }

    /// Notes that a user read all messages of a conversation.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the user has no such conversation, or when the database fails.
    pub async fn read_all(
        &self,
        engine: &Engine,
        user: &UserId,
        id: &ConversationId,
    ) -> Result<InboxConversation> {
        let _lock = engine.lock(&RoomAddress::user(user)).await?;
        self.note_read(engine, user, Which::All(id)).await?;
        self.conversation(user, id).await
    }

    /// Notes and tells what a user read, under the lock of the user's room.
    async fn note_read(&self, engine: &Engine, user: &UserId, which: Which<'_>) -> Result<()> {
        match read(self.store.pool(), user, which).await? {
            Some(read) => tell(engine, user, read).await,
            None => Ok(()),
        }
    }

    /// A conversation of a user.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or when the database fails.
    pub async fn conversation(
        &self,
        user: &UserId,
        id: &ConversationId,
    ) -> Result<InboxConversation> {
        queries::get(self.store.pool(), user, id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such conversation"))
    }

    /// A message of a user.
    async fn message(&self, user: &UserId, id: &MessageId) -> Result<InboxMessage> {
        queries::get_message(self.store.pool(), user, id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such message"))
    }
}

/// Tells a user what was read.
async fn tell(engine: &Engine, user: &UserId, read: Read) -> Result<()> {
    let room = RoomAddress::user(user);
    let timestamp = clock::timestamp();
    let conversation_id = read.conversation.id.clone();
    let untold = read.messages.len().saturating_sub(MAX_STATUS_UPDATES);
    for message_id in read.messages.into_iter().skip(untold) {
        let update = MessageStatusUpdate {
            message_id,
            conversation_id: conversation_id.clone(),
            status: MessageStatus::Read,
            timestamp,
        };
        engine.publish(&room, &update).await?;
    }
    engine
        .publish(&room, &ConversationUpdate { conversation: read.conversation, timestamp })
        .await?;
    engine.publish(&room, &read.unread.told(timestamp)).await.map(drop)
}
