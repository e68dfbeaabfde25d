//! One answer: asked for, told as it grows, and ended.

use std::{pin::pin, sync::Arc, time::Duration};

use samewire_protocol::{
    ErrorCode, RoomAddress, Timestamp,
    assistant::{
        AiTypingStarted, AiTypingStopped, ChatMessage, MessageChunk, MessageComplete, MessageError,
        Role,
    },
    id::{MessageId, UserId},
};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    Assistant, context,
    growth::Growth,
    provider::ProviderError,
    queries::{self, State},
    room,
};
use crate::{clock, engine::Engine, error::Result, retained::Retain};

/// How often what has come of an answer is stored while it grows: so much of it is lost at most, with
/// a server that is killed.
const STORE_INTERVAL: Duration = Duration::from_secs(1);

/// Messages before a question that may be sent along with it, however short they are.
const MAX_CONTEXT_MESSAGES: i64 = 1000;

/// Something said to the assistant, whose answer has its place.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Who asks.
    pub(super) asker: UserId,
    pub(super) message: ChatMessage,
    /// Names the answer.
    pub(super) answer: MessageId,
    /// The answer's number in the conversation.
    pub(super) answer_seq: i64,
}

/// How an answer ends.
#[derive(Debug)]
pub(super) enum End {
    /// It is whole.
    Whole,
    /// Somebody wanted no more of it.
    Cancelled,
    /// The server stops.
    Stopped,
    /// The provider gave no more of it.
    Broken(ProviderError),
    /// The server failed, which was logged.
    Failed(ErrorCode),
}

/// An answer under way.
pub(super) struct Answering<'a> {
    assistant: &'a Assistant,
    engine: &'a Arc<Engine>,
    question: &'a Question,
    room: RoomAddress,
    growth: Growth,
    begun_at: Timestamp,
    /// Whether the room was told that it begins.
    begun: bool,
}

impl Assistant {
    /// The answer to a question, which hasn't begun.
    pub(super) fn answering<'a>(
        &'a self,
        engine: &'a Arc<Engine>,
        question: &'a Question,
    ) -> Answering<'a> {
        Answering {
            assistant: self,
            engine,
            question,
            room: room(&question.message.conversation_id),
            growth: Growth::default(),
            begun_at: clock::timestamp(),
            begun: false,
        }
    }
}

impl Answering<'_> {
    /// Answers, until that has an end.
    pub(super) async fn run(&mut self, cancel: &CancellationToken) -> End {
        let engine = self.engine.clone();
        let interrupted = async {
            tokio::select! {
                () = cancel.cancelled() => End::Cancelled,
                () = engine.stopped() => End::Stopped,
            }
        };
        let mut interrupted = pin!(interrupted);
        let assistant = self.assistant;
        let _permit = tokio::select! {
            biased;
            end = &mut interrupted => return end,
            permit = assistant.answers.permit() => permit,
        };
        match self.grow(interrupted).await {
            Ok(end) => end,
            Err(error) => End::Failed(error.answer().code),
        }
    }

    async fn grow(&mut self, mut interrupted: impl Future<Output = End> + Unpin) -> Result<End> {
        let assistant = self.assistant;
        if !self.begin().await? {
            return Ok(End::Cancelled);
        }
        let deadline = Instant::now() + assistant.settings.assistant_answer_timeout;
        let said = queries::said_before(
            assistant.store.pool(),
            &self.question.message.conversation_id,
            self.question.answer_seq,
            MAX_CONTEXT_MESSAGES,
        );
        let said = context::window(said.await?, assistant.settings.assistant_context_tokens.get());
        let asked = tokio::select! {
            biased;
            end = &mut interrupted => return Ok(end),
            asked = timeout_at(deadline, assistant.provider.ask(&said)) => asked,
        };
        let mut deltas = match asked {
            Ok(Ok(deltas)) => deltas,
            Ok(Err(error)) => return Ok(End::Broken(error)),
            Err(_) => return Ok(End::Broken(ProviderError::TooSlow)),
        };
        drop(said);
        let max_bytes = assistant.settings.max_answer_bytes();
        let mut store_at = Instant::now() + STORE_INTERVAL;
        let mut stored_bytes = 0;
        loop {
            let due_at = self.growth.due_at(Instant::now());
            let stale = self.growth.content().len() > stored_bytes;
            tokio::select! {
                biased;
                end = &mut interrupted => return Ok(end),
                () = sleep_until(due_at.unwrap_or(deadline)), if due_at.is_some() => self.tell_chunk().await?,
                () = sleep_until(store_at), if stale => {
                    stored_bytes = self.growth.content().len();
                    match self.note(State::Running).await {
                        Ok(true) => {}
                        Ok(false) => return Ok(End::Cancelled),
                        // The answer goes on: it is stored again soon, and in any case at its end.
                        Err(error) => tracing::warn!(%error, "an answer can't be stored as it grows"),
                    }
                    store_at = Instant::now() + STORE_INTERVAL;
                }
                delta = timeout_at(deadline, deltas.next()) => match delta {
                    Ok(Ok(Some(text))) => {
                        if !self.growth.push(&text, max_bytes) {
                            return Ok(End::Broken(ProviderError::TooLong));
                        }
                    }
                    Ok(Ok(None)) => return Ok(End::Whole),
                    Ok(Err(error)) => return Ok(End::Broken(error)),
                    Err(_) => return Ok(End::Broken(ProviderError::TooSlow)),
                },
            }
        }
    }

    /// Notes and tells that the assistant is at it. Says no where the conversation is gone.
    async fn begin(&mut self) -> Result<bool> {
        let _lock = self.engine.lock(&self.room).await?;
        if !self.note(State::Running).await? {
            return Ok(false);
        }
        self.begun = true;
        let started = AiTypingStarted {
            conversation_id: self.question.message.conversation_id.clone(),
            message_id: self.question.answer.clone(),
        };
        let retain = [Retain::set(&started)?, Retain::clear::<MessageError>()];
        self.engine.publish_retaining(&self.room, &started, retain).await?;
        Ok(true)
    }

    /// Tells what has come since the last chunk. Whoever joins later is told all of it at once.
    async fn tell_chunk(&mut self) -> Result<()> {
        let Some(chunk) = self.growth.take(Instant::now()) else { return Ok(()) };
        let mut told = MessageChunk {
            conversation_id: self.question.message.conversation_id.clone(),
            message_id: self.question.answer.clone(),
            index: chunk.index,
            chunk: chunk.content.to_owned(),
            content: chunk.content.to_owned(),
        };
        let retain = [Retain::set(&told)?];
        told.chunk = chunk.chunk.to_owned();
        self.engine.publish_retaining(&self.room, &told, retain).await?;
        Ok(())
    }

    /// Stores what there is, and tells how it ended. What the server's own end interrupts is left to
    /// the next start.
    ///
    /// # Errors
    /// When the database fails; the room is told all the same, as the answer won't go on.
    pub(super) async fn finish(mut self, end: End) -> Result<()> {
        // What there is is stored in any case.
        let lock = self.engine.lock(&self.room).await;
        if let End::Stopped = end {
            return if self.begun { self.note(State::Running).await.map(drop) } else { Ok(()) };
        }
        let whole = matches!(end, End::Whole);
        let stored = self.note(if whole { State::Whole } else { State::Incomplete }).await;
        let end = match &stored {
            // The conversation is gone, and its room with it.
            Ok(false) => return Ok(()),
            Ok(true) => end,
            Err(error) => End::Failed(error.code()),
        };
        let _lock = lock?;
        self.tell_chunk().await?;
        let conversation_id = self.question.message.conversation_id.clone();
        let message_id = self.question.answer.clone();
        if self.begun {
            let stopped = AiTypingStopped {
                conversation_id: conversation_id.clone(),
                message_id: message_id.clone(),
            };
            let retain = [Retain::clear::<AiTypingStarted>(), Retain::clear::<MessageChunk>()];
            self.engine.publish_retaining(&self.room, &stopped, retain).await?;
        }
        let (code, message) = match end {
            End::Whole | End::Cancelled | End::Stopped => {
                let complete = MessageComplete {
                    conversation_id: conversation_id.clone(),
                    user_message: self.question.message.clone(),
                    assistant_message: ChatMessage {
                        id: message_id,
                        conversation_id,
                        role: Role::Assistant,
                        content: self.growth.content().to_owned(),
                        incomplete: !whole,
                        created_at: self.begun_at,
                    },
                };
                self.engine.publish(&self.room, &complete).await?;
                return Ok(());
            }
            End::Broken(error) => {
                tracing::warn!(conversation = %conversation_id, %error, "an answer broke off");
                (error.code(), error.to_string())
            }
            End::Failed(code) => (code, "the server failed in the middle of the answer".into()),
        };
        let error = MessageError { conversation_id, message_id, code, message };
        self.engine.publish(&self.room, &error).await?;
        stored.map(drop)
    }

    /// Stores how far it has come. Says whether it is still there.
    async fn note(&self, state: State) -> Result<bool> {
        let pool = self.assistant.store.pool();
        let content = self.growth.content();
        let noted =
            queries::note(pool, &self.question.answer, content, state, self.begun_at).await?;
        if noted && matches!(state, State::Whole | State::Incomplete) {
            let conversation = &self.question.message.conversation_id;
            queries::touch(pool, conversation, clock::timestamp()).await?;
        }
        Ok(noted)
    }
}
