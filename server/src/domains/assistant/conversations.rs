//! Conversations: begun, renamed, deleted, and shared with others.

use samewire_protocol::{
    ErrorBody, ErrorCode, RoomAddress, ServerEvent,
    assistant::{
        Conversation, ConversationCreated, ConversationDeleted, ConversationUpdated,
        DeletedConversation, UpdateConversation,
    },
    id::{ConversationId, UserId},
};

use super::{Assistant, no_conversation, queries, room};
use crate::{
    clock,
    connection::Connection,
    engine::Engine,
    error::{Error, Result},
    registry::Context,
    rooms::Whom,
};

/// What a conversation is called that was given no name.
const UNTITLED: &str = "New conversation";

/// Longest title, in bytes.
const MAX_TITLE_BYTES: usize = 200;

/// Conversations that a user may own.
const MAX_CONVERSATIONS: i64 = 10_000;

/// Users who may take part in one conversation.
const MAX_PARTICIPANTS: usize = 50;

/// Longest id of a user, in bytes.
const MAX_USER_ID_BYTES: usize = 256;

impl Assistant {
    /// The conversation, where somebody takes part in it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or when the database fails.
    pub async fn seen_by(&self, id: &ConversationId, user: &UserId) -> Result<Conversation> {
        queries::get(self.store.pool(), id, user).await?.ok_or_else(no_conversation)
    }

    /// The conversations that a user takes part in, the newest first; up to 500.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Conversation>> {
        Ok(queries::page(self.store.pool(), user, None, 500).await?)
    }

    /// Begins a conversation. The user's connections are told, but for the one it began on.
    ///
    /// # Errors
    /// When the title is empty or too long, the user has too many of them, or the database fails.
    pub async fn create(
        &self,
        engine: &Engine,
        owner: &UserId,
        title: Option<String>,
        began_on: Option<&Connection>,
    ) -> Result<Conversation> {
        let now = clock::timestamp();
        let conversation = Conversation {
            id: ConversationId(uuid::Uuid::now_v7().to_string()),
            title: title.map_or_else(|| Ok(UNTITLED.into()), checked_title)?,
            owner_id: owner.clone(),
            created_at: now,
            updated_at: now,
        };
        let _lock = engine.lock(&room(&conversation.id)).await?;
        if !queries::insert(self.store.pool(), &conversation, MAX_CONVERSATIONS).await? {
            let message = format!("a user may own {MAX_CONVERSATIONS} conversations");
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        }
        let created = ConversationCreated { conversation: conversation.clone() };
        let theirs = RoomAddress::user(owner);
        match began_on {
            Some(connection) => engine.publish_to_others(connection, &theirs, &created).await?,
            None => engine.publish(&theirs, &created).await?,
        };
        Ok(conversation)
    }

    /// Renames a conversation, as anybody who takes part in it may.
    pub(super) async fn rename(
        &self,
        context: &Context,
        asked: UpdateConversation,
    ) -> Result<Conversation> {
        let id = &asked.conversation_id;
        self.seen_by(id, &context.identity.user_id).await?;
        let title = checked_title(asked.title)?;
        let _lock = context.engine.lock(&room(id)).await?;
        let renamed = queries::rename(self.store.pool(), id, &title).await?;
        let conversation = renamed.ok_or_else(no_conversation)?;
        let told = ConversationUpdated { conversation: conversation.clone() };
        self.tell_participants(&context.engine, id, &told).await?;
        Ok(conversation)
    }

    /// Deletes a conversation, as its owner may: answers under way are stopped, and its room is
    /// emptied.
    pub(super) async fn delete(
        &self,
        context: &Context,
        id: ConversationId,
    ) -> Result<DeletedConversation> {
        self.owned(&id, &context.identity.user_id).await?;
        let _lock = context.engine.lock(&room(&id)).await?;
        let participants = queries::participants(self.store.pool(), &id).await?;
        if !queries::delete(self.store.pool(), &id).await? {
            return Err(no_conversation());
        }
        self.answers.cancel_all(&id);
        let told = ConversationDeleted { conversation_id: id.clone() };
        for user in participants {
            context.engine.publish(&RoomAddress::user(&user), &told).await?;
        }
        context.engine.close_room(&room(&id)).await?;
        Ok(DeletedConversation { conversation_id: id })
    }

    /// Who takes part in a conversation, asked by one of them.
    pub(super) async fn participants(
        &self,
        id: &ConversationId,
        caller: &UserId,
    ) -> Result<Vec<UserId>> {
        self.seen_by(id, caller).await?;
        Ok(queries::participants(self.store.pool(), id).await?)
    }

    /// Lets somebody take part in a conversation, as its owner may. They are told of it.
    pub(super) async fn add_participant(
        &self,
        engine: &Engine,
        id: &ConversationId,
        caller: &UserId,
        user: &UserId,
    ) -> Result<Vec<UserId>> {
        let conversation = self.owned(id, caller).await?;
        if user.as_str().is_empty() || user.as_str().len() > MAX_USER_ID_BYTES {
            let problem = format!("expected 1 to {MAX_USER_ID_BYTES} bytes");
            return Err(Error::field("userId", problem));
        }
        let _lock = engine.lock(&room(id)).await?;
        let known = queries::participants(self.store.pool(), id).await?;
        if known.is_empty() {
            return Err(no_conversation());
        }
        if known.contains(user) {
            return Ok(known);
        }
        if known.len() >= MAX_PARTICIPANTS {
            let message = format!("a conversation may have {MAX_PARTICIPANTS} participants");
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        }
        queries::add_participant(self.store.pool(), id, user).await?;
        engine.publish(&RoomAddress::user(user), &ConversationCreated { conversation }).await?;
        Ok(queries::participants(self.store.pool(), id).await?)
    }

    /// Lets somebody no longer take part: the owner whom they like but themselves, anybody themselves.
    /// Their connections are taken out of its room.
    pub(super) async fn remove_participant(
        &self,
        engine: &Engine,
        id: &ConversationId,
        caller: &UserId,
        user: &UserId,
    ) -> Result<()> {
        let conversation = self.seen_by(id, caller).await?;
        if conversation.owner_id != *caller && user != caller {
            return Err(not_the_owner());
        }
        if conversation.owner_id == *user {
            let message = "the owner takes part for as long as there is a conversation";
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        }
        let _lock = engine.lock(&room(id)).await?;
        if !queries::remove_participant(self.store.pool(), id, user).await? {
            return Err(Error::refused(ErrorCode::NotFound, "no such participant"));
        }
        let told = ConversationDeleted { conversation_id: id.clone() };
        engine.publish(&RoomAddress::user(user), &told).await?;
        let reason = ErrorBody::new(ErrorCode::AccessDenied, "no longer a participant");
        engine.revoke(&room(id), &Whom::User(user.clone()), reason).await
    }

    /// The conversation, where somebody owns it.
    async fn owned(&self, id: &ConversationId, user: &UserId) -> Result<Conversation> {
        let conversation = self.seen_by(id, user).await?;
        if conversation.owner_id == *user { Ok(conversation) } else { Err(not_the_owner()) }
    }

    /// Tells all connections of all who take part in a conversation. To be called under its lock.
    async fn tell_participants<E: ServerEvent>(
        &self,
        engine: &Engine,
        id: &ConversationId,
        event: &E,
    ) -> Result<()> {
        for user in queries::participants(self.store.pool(), id).await? {
            engine.publish(&RoomAddress::user(&user), event).await?;
        }
        Ok(())
    }
}

fn not_the_owner() -> Error {
    Error::refused(ErrorCode::AccessDenied, "this conversation belongs to somebody else")
}

fn checked_title(title: String) -> Result<String> {
    let title = title.trim();
    if title.is_empty() || title.len() > MAX_TITLE_BYTES || title.contains('\0') {
        return Err(Error::field(
            "title",
            format!("expected 1 to {MAX_TITLE_BYTES} bytes of text"),
        ));
    }
    Ok(title.to_owned())
}
