//! The questions that wait for an answer: those of one conversation are answered one after the other,
//! in the order they were asked; those of several at once, as many as the settings allow.
//!
//! Which questions there are is stored, and who answers those of a conversation has its lease: of several
//! servers it is one, whichever they were asked on. A server sees to it that those that were asked here are
//! answered, and to what a server left behind that is gone.

use std::{sync::Arc, time::Duration};

use samewire_protocol::{
    ErrorCode, Timestamp,
    assistant::{CancelMessage, ChatMessage, Role, SendMessage},
    id::{ConversationId, MessageId, UserId},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Assistant, context,
    endings::Ending,
    lines::{Cleared, Place},
    no_conversation, queries, room,
    states::{self, Open, Outcome, Question},
};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
    registry::Context,
};

/// Longest question, in bytes.
const MAX_QUESTION_BYTES: usize = 32 * 1024;

/// Messages that a conversation may have.
const MAX_MESSAGES: i64 = 20_000;

/// When somebody who asks too much may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often it is looked whether a question that was asked here is answered, where another server has the
/// conversation, or the database failed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How often it is looked for what another server left behind.
const LEFT_INTERVAL: Duration = Duration::from_secs(2);

/// How long an answer may take to stop: another server that has it may be gone, which takes a while to show.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How often it is looked whether it has.
const STOPPED_INTERVAL: Duration = Duration::from_millis(100);

impl Assistant {
    /// Stores a question, which will be answered in its turn.
    pub(super) async fn send(
        &self,
        engine: &Arc<Engine>,
        asker: &UserId,
        asked: SendMessage,
    ) -> Result<ChatMessage> {
        let content = self.checked_question(asked.content)?;
        let place = self.answers.place(asker);
        let place = place.ok_or(Error::RateLimited { retry_after: RETRY_AFTER })?;
        let id = asked.conversation_id;
        let _lock = engine.lock(&room(&id)).await?;
        let message = ChatMessage {
            id: new_id(),
            conversation_id: id.clone(),
            role: Role::User,
            content,
            incomplete: false,
            created_at: clock::timestamp(),
        };
        let answer = new_id();
        let pool = self.store.pool();
        if !queries::ask(pool, &message, asker, &answer, MAX_MESSAGES - 2).await? {
            self.seen_by(&id, asker).await?;
            let text = format!("a conversation may have {MAX_MESSAGES} messages");
            return Err(Error::refused(ErrorCode::AccessDenied, text));
        }
        self.see_to(engine, &id, Some((answer, place)));
        Ok(message)
    }

    /// Stops an answer, named by its id or its question's, and gives what there is of it.
    pub(super) async fn cancel(
        &self,
        context: &Context,
        asked: CancelMessage,
    ) -> Result<ChatMessage> {
        let (pool, id) = (self.store.pool(), &asked.conversation_id);
        self.seen_by(id, &context.identity.user_id).await?;
        let answer = match states::open_of(pool, id, &asked.message_id).await? {
            // It has ended, or is just being told to have.
            None | Some((_, Open::Untold(_))) => asked.message_id,
            Some((question, open)) => {
                let waits = open == Open::Waiting;
                if !waits || !self.cancel_waiting(&context.engine, &question).await? {
                    self.stop(&context.engine, &question).await?;
                }
                question.answer
            }
        };
        let message = queries::message_of(pool, id, &answer).await?;
        message
            .filter(|message| message.role == Role::Assistant)
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such answer"))
    }

    /// Ends an answer that hasn't begun. Says whether it hadn't.
    async fn cancel_waiting(&self, engine: &Arc<Engine>, question: &Question) -> Result<bool> {
        let conversation = &question.message.conversation_id;
        let _lock = engine.lock(&room(conversation)).await?;
        let (pool, outcome) = (self.store.pool(), Outcome::Cancelled);
        if !states::break_off(pool, &question.answer, Open::Waiting, outcome).await? {
            return Ok(false);
        }
        let ending = Ending { outcome, begun: false, reason: None };
        self.tell_end(engine, question, ending).await?;
        Ok(true)
    }

    /// Stops an answer, on whichever server it is under way, and waits until that is told.
    async fn stop(&self, engine: &Arc<Engine>, question: &Question) -> Result<()> {
        let (pool, conversation) = (self.store.pool(), &question.message.conversation_id);
        states::stop(pool, &question.answer).await?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            if let Some(here) = self.answers.under_way(conversation, &question.answer) {
                here.cancel.cancel();
                let _ = timeout_at(deadline, here.ended.cancelled()).await;
            }
            if states::open_of(pool, conversation, &question.answer).await?.is_none() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let message = "the answer will be stopped as soon as it can be";
                return Err(Error::refused(ErrorCode::Unavailable, message));
            }
            // Its server may be gone.
            self.see_to(engine, conversation, None);
            sleep(STOPPED_INTERVAL).await;
        }
    }

    /// Answers for as long as the server runs: what was open when it began, and what another left behind.
    /// Who waited is answered; an answer that had begun ends where it was.
    pub(super) async fn answer_until_stopped(self, engine: Arc<Engine>) {
        while !engine.is_stopping() {
            match states::with_open(self.store.pool()).await {
                Ok(conversations) => {
                    for conversation in conversations {
                        self.see_to(&engine, &conversation, None);
                    }
                    if !engine.has_others() {
                        engine.stopped().await;
                    }
                }
                Err(error) => tracing::error!(%error, "open answers can't be looked for"),
            }
            tokio::select! {
                () = engine.stopped() => {}
                () = sleep(LEFT_INTERVAL) => {}
            }
        }
        self.answers.ended().await;
    }

    /// Sees to a conversation: that those who asked here are answered, and whatever else is open.
    fn see_to(
        &self,
        engine: &Arc<Engine>,
        conversation: &ConversationId,
        asked: Option<(MessageId, Place)>,
    ) {
        if let Some(more) = self.answers.note(conversation, asked) {
            let work = self.clone().work_off(engine.clone(), conversation.clone(), more);
            self.answers.spawn(work);
        }
    }

    async fn work_off(self, engine: Arc<Engine>, conversation: ConversationId, more: Arc<Notify>) {
        let _cleared = Cleared { answers: &self.answers, conversation: &conversation };
        loop {
            let worked = self.answer_all(&engine, &conversation).await;
            if engine.is_stopping() {
                return;
            }
            let is_over = match worked {
                Ok(()) => self.forget_answered(&conversation).await,
                Err(error) => Err(error),
            };
            match is_over {
                Ok(()) if self.answers.close(&conversation) => return,
                Ok(()) => {}
                Err(error) => tracing::warn!(%conversation, %error, "questions wait"),
            }
            tokio::select! {
                () = engine.stopped() => {}
                () = more.notified() => {}
                () = sleep(LOOK_INTERVAL) => {}
            }
        }
    }

    /// Answers a conversation's questions, one after the other, unless another server has it.
    async fn answer_all(&self, engine: &Arc<Engine>, conversation: &ConversationId) -> Result<()> {
        let Some(lease) = engine.lease(&format!("assistant:{conversation}")).await? else {
            return Ok(());
        };
        let answered = lease.hold(self.answer_open(engine, conversation)).await;
        lease.end().await;
        answered.unwrap_or(Err(Error::LeaseLost))
    }

    async fn answer_open(&self, engine: &Arc<Engine>, conversation: &ConversationId) -> Result<()> {
        while !engine.is_stopping() {
            let first = states::first_open(self.store.pool(), conversation).await?;
            let Some((question, open)) = first else { return Ok(()) };
            match open {
                Open::Waiting => {
                    let begun = self.answers.begin(conversation, &question.answer);
                    let mut answering = self.answering(engine, &question);
                    let end = answering.run(&begun.under_way.cancel).await?;
                    answering.finish(end).await?;
                    self.answers.answered(conversation, &question.answer);
                }
                // Nobody is at it: whoever was would have the lease.
                _ => {
                    self.end_left_behind(engine, &question, open).await?;
                    self.answers.answered(conversation, &question.answer);
                }
            }
        }
        Ok(())
    }

    /// Gives back the places of answers that have ended on another server.
    async fn forget_answered(&self, conversation: &ConversationId) -> Result<()> {
        let asked = self.answers.asked(conversation);
        if asked.is_empty() {
            return Ok(());
        }
        let open = states::all_open(self.store.pool(), conversation).await?;
        asked.difference(&open).for_each(|answer| self.answers.answered(conversation, answer));
        Ok(())
    }

    fn checked_question(&self, content: String) -> Result<String> {
        let problem = |problem: String| Err(Error::field("content", problem));
        if content.trim().is_empty() || content.contains('\0') {
            return problem("expected a text".into());
        }
        if content.len() > MAX_QUESTION_BYTES {
            return problem(format!("expected at most {MAX_QUESTION_BYTES} bytes"));
        }
        let max = self.settings.assistant_context_tokens.get();
        if context::tokens(&content) > max {
            return problem(format!("expected at most {max} tokens"));
        }
        Ok(content)
    }

    /// Stores a conversation that was had elsewhere: what was said, in turn, a question first. Nobody is told.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn import(
        &self,
        owner: &UserId,
        title: &str,
        said: &[(&str, &str)],
        at: Timestamp,
    ) -> Result<()> {
        let pool = self.store.pool();
        let conversation = samewire_protocol::assistant::Conversation {
            id: ConversationId(uuid::Uuid::now_v7().to_string()),
            title: title.to_owned(),
            owner_id: owner.clone(),
            created_at: at,
            updated_at: at,
        };
        if !queries::insert(pool, &conversation, i64::MAX).await? {
            return Err(no_conversation());
        }
        for (question, answer) in said {
            let message = ChatMessage {
                id: new_id(),
                conversation_id: conversation.id.clone(),
                role: Role::User,
                content: (*question).to_owned(),
                incomplete: false,
                created_at: at,
            };
            let id = new_id();
            queries::ask(pool, &message, owner, &id, MAX_MESSAGES).await?;
            states::import(pool, &id, answer, at).await?;
        }
        Ok(())
    }
}

fn new_id() -> MessageId {
    MessageId(uuid::Uuid::now_v7().to_string())
}
