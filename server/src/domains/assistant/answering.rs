//! One answer: asked for, told as it grows, and ended.

use std::{future::pending, pin::pin, sync::Arc, time::Duration};

use samewire_protocol::{
    ErrorCode, RoomAddress, Timestamp,
    assistant::{AiTypingStarted, MessageChunk, MessageError},
    id::MessageId,
};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    Assistant, context,
    endings::{Ending, RETRY_PAUSE},
    growth::Growth,
    provider::ProviderError,
    queries, room,
    states::{self, Outcome, Question},
};
use crate::{clock, engine::Engine, error::Result, retained::Retain};

/// How often what has come of an answer is stored while it grows: so much of it is lost at most, with
/// a server that is killed.
const STORE_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody wants no more of an answer who is connected to another server.
const WANTED_INTERVAL: Duration = Duration::from_millis(500);

/// Messages before a question that may be sent along with it, however short they are.
const MAX_CONTEXT_MESSAGES: i64 = 1000;

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

    /// Resolves once an answer is not to go on, as another server notes.
    async fn unwanted(&self, engine: &Engine, answer: &MessageId) {
        if !engine.has_others() {
            return pending().await;
        }
        loop {
            sleep(WANTED_INTERVAL).await;
            if let Ok(false) = states::goes_on(self.store.pool(), answer).await {
                return;
            }
        }
    }
}

impl Answering<'_> {
    /// Answers, until that has an end.
    ///
    /// # Errors
    /// When it can't be begun: it waits still.
    pub(super) async fn run(&mut self, cancel: &CancellationToken) -> Result<End> {
        let (assistant, engine, question) = (self.assistant, self.engine, self.question);
        let interrupted = async {
            tokio::select! {
                () = cancel.cancelled() => End::Cancelled,
                () = assistant.unwanted(engine, &question.answer) => End::Cancelled,
                () = engine.stopped() => End::Stopped,
            }
        };
        let mut interrupted = pin!(interrupted);
        let _permit = tokio::select! {
            biased;
            end = &mut interrupted => return Ok(end),
            permit = assistant.answers.permit() => permit,
        };
        match self.grow(interrupted).await {
            Err(error) if self.begun => Ok(End::Failed(error.answer().code)),
            grown => grown,
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
                    // The answer goes on: it is stored again soon, and in any case at its end.
                    if let Err(error) = self.store_growth().await {
                        tracing::warn!(%error, "an answer can't be stored as it grows");
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

    /// Notes and tells that the assistant is at it. Says no where nobody waits for the answer any longer.
    async fn begin(&mut self) -> Result<bool> {
        let (assistant, question) = (self.assistant, self.question);
        let _lock = self.engine.lock(&self.room).await?;
        if !states::begin(assistant.store.pool(), &question.answer, self.begun_at).await? {
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

    /// Stores what there is, and tells how it ended, unless another server has. What the server's own end
    /// interrupts is left to whoever finds it.
    ///
    /// # Errors
    /// When the room can't be told: it is left to be told later.
    pub(super) async fn finish(mut self, end: End) -> Result<()> {
        let (outcome, reason) = match end {
            End::Stopped if self.begun => return Ok(self.store_growth().await?),
            End::Stopped => return Ok(()),
            End::Whole => (Outcome::Whole, None),
            End::Cancelled => (Outcome::Cancelled, None),
            End::Broken(error) => {
                let conversation = &self.question.message.conversation_id;
                tracing::warn!(%conversation, %error, "an answer broke off");
                (Outcome::Broken, Some((error.code(), error.to_string())))
            }
            End::Failed(code) => {
                let message = "the server failed in the middle of the answer".into();
                (Outcome::Broken, Some((code, message)))
            }
        };
        loop {
            // What there is is stored in any case.
            let lock = self.engine.lock(&self.room).await;
            match self.store_end(outcome).await {
                // The conversation is gone, or another server was faster.
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let _lock = lock?;
                    self.tell_chunk().await?;
                    let ending = Ending { outcome, begun: self.begun, reason };
                    return self.assistant.tell_end(self.engine, self.question, ending).await;
                }
                Err(error) => tracing::error!(%error, "the end of an answer can't be stored"),
            }
            drop(lock);
            tokio::select! {
                () = self.engine.stopped() => return Ok(()),
                () = sleep(RETRY_PAUSE) => {}
            }
        }
    }

    async fn store_growth(&self) -> sqlx::Result<()> {
        let pool = self.assistant.store.pool();
        states::grow(pool, &self.question.answer, self.growth.content()).await
    }

    async fn store_end(&self, outcome: Outcome) -> sqlx::Result<bool> {
        let (pool, content) = (self.assistant.store.pool(), self.growth.content());
        states::end(pool, &self.question.answer, content, outcome, self.begun_at).await
    }
}
