//! Conversations with an AI assistant (wire.md, section 11).

use crate::{
    ErrorCode, Timestamp, events,
    id::{ConversationId, MessageId, UserId},
    room::{CONVERSATION, USER},
    rooms::{Joined, Left},
};

events! {
    /// Conversations with an AI assistant (wire.md, section 11).
    domain ASSISTANT = "assistant";

    /// Joins `conversation:{id}`.
    client "join:conversation" -> Joined, bare "conversationId", refuses [NotFound, TooManyRooms];
    pub struct JoinConversation {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// Leaves `conversation:{id}`.
    client "leave:conversation" -> Left, bare "conversationId", refuses [NotFound];
    pub struct LeaveConversation {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// Begins a conversation.
    client "conversation:create" -> Conversation;
    pub struct CreateConversation {
        /// What it is called.
        pub title: Option<String>,
    }

    /// Another connection of the user began a conversation, or somebody lets the user take part in one.
    server "conversation:create" in [USER];
    pub struct ConversationCreated {
        /// The conversation.
        pub conversation: Conversation,
    }

    /// Renames a conversation.
    client "conversation:update" -> Conversation, refuses [NotFound];
    pub struct UpdateConversation {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// What it is called from now on.
        pub title: String,
    }

    /// A conversation was renamed.
    server "conversation:update" in [USER];
    pub struct ConversationUpdated {
        /// The conversation as it is now.
        pub conversation: Conversation,
    }

    /// Deletes a conversation and empties its room.
    client "conversation:delete" -> DeletedConversation, refuses [AccessDenied, NotFound];
    pub struct DeleteConversation {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// What deleting a conversation is answered with.
    pub struct DeletedConversation {
        /// The conversation that was deleted.
        pub conversation_id: ConversationId,
    }

    /// A conversation was deleted, or the user doesn't take part in it any more. Its room is left.
    server "conversation:delete" in [USER];
    pub struct ConversationDeleted {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// Says something to the assistant, who answers in chunks; of several questions, one after the
    /// other. Joins `conversation:{id}`.
    client "message:send" -> ChatMessage, refuses [AccessDenied, NotFound, TooManyRooms];
    pub struct SendMessage {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// What to say.
        pub content: String,
    }

    /// The assistant is about to answer. Who joins before it has is told so.
    server "ai:typing:start" in [CONVERSATION], retained;
    pub struct AiTypingStarted {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The answer.
        pub message_id: MessageId,
    }

    /// The assistant has answered, or given up.
    server "ai:typing:stop" in [CONVERSATION];
    pub struct AiTypingStopped {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The answer.
        pub message_id: MessageId,
    }

    /// A part of the answer. Who joins in the middle of it is sent all so far as one chunk.
    server "message:chunk" in [CONVERSATION], retained;
    pub struct MessageChunk {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The answer.
        pub message_id: MessageId,
        /// The chunk's number, counted from 0.
        pub index: u32,
        /// What is new.
        pub chunk: String,
        /// The whole so far.
        pub content: String,
    }

    /// The answer is whole, or was cancelled and is `incomplete`.
    server "message:complete" in [CONVERSATION];
    pub struct MessageComplete {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// What was said.
        pub user_message: ChatMessage,
        /// What was answered.
        pub assistant_message: ChatMessage,
    }

    /// The answer broke off; what had arrived is kept, marked incomplete. Where the server ended in the
    /// middle of it, who joins is told so.
    server "message:error" in [CONVERSATION], retained;
    pub struct MessageError {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The answer.
        pub message_id: MessageId,
        /// Why.
        pub code: ErrorCode,
        /// Why, for a person.
        pub message: String,
    }

    /// Stops the answer; what there is is kept.
    client "message:cancel" -> ChatMessage, refuses [NotFound];
    pub struct CancelMessage {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The answer, or what it answers.
        pub message_id: MessageId,
    }

    /// The caller types, for 5 s unless this is said again. Joins `conversation:{id}`.
    client "typing:start" -> TypingNoted, refuses [NotFound];
    pub struct StartTyping {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// The caller stopped typing.
    client "typing:stop" -> TypingNoted, refuses [NotFound];
    pub struct StopTyping {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// What saying that one types is answered with.
    pub struct TypingNoted {
        /// The conversation.
        pub conversation_id: ConversationId,
    }

    /// Somebody else began to type, or does so when one joins.
    server "typing:start" in [CONVERSATION], unlogged;
    pub struct TypingStarted {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// Who.
        pub user_id: UserId,
    }

    /// Somebody else stopped typing: they said so, left, or didn't say for 5 s that they do.
    server "typing:stop" in [CONVERSATION], unlogged;
    pub struct TypingStopped {
        /// The conversation.
        pub conversation_id: ConversationId,
        /// Who.
        pub user_id: UserId,
    }

    /// A conversation with the assistant.
    pub struct Conversation {
        /// Names it.
        pub id: ConversationId,
        /// What it is called.
        pub title: String,
        /// Whose it is.
        pub owner_id: UserId,
        /// When it began.
        pub created_at: Timestamp,
        /// When something was last said in it.
        pub updated_at: Timestamp,
    }

    /// Something said in a conversation.
    pub struct ChatMessage {
        /// Names it.
        pub id: MessageId,
        /// The conversation.
        pub conversation_id: ConversationId,
        /// Who said it.
        pub role: Role,
        /// What was said.
        pub content: String,
        /// Whether it broke off.
        pub incomplete: bool,
        /// When.
        pub created_at: Timestamp,
    }

    /// Who says something.
    #[derive(Copy, Eq)]
    pub enum Role {
        /// A person.
        User,
        /// The assistant.
        Assistant,
    }
}
