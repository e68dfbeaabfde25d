//! The questions that wait for an answer: those of one conversation are answered one after the other,
//! in the order they were asked; those of several at once, as many as the settings allow.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use samewire_protocol::{
    ErrorCode, Timestamp,
    assistant::{CancelMessage, ChatMessage, MessageError, Role, SendMessage},
    id::{ConversationId, MessageId, UserId},
};
use tokio::{
    sync::{AcquireError, Semaphore, SemaphorePermit},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Assistant, Settings,
    answering::{End, Question},
    context, no_conversation, queries, room,
};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
    registry::Context,
    retained::Retain,
};

/// Longest question, in bytes.
const MAX_QUESTION_BYTES: usize = 32 * 1024;

/// Messages that a conversation may have.
const MAX_MESSAGES: i64 = 20_000;

/// When somebody who asks too much may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a question waits for the server to have taken up what was open when it ended.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How soon that is tried again where the database fails.
const START_INTERVAL: Duration = Duration::from_secs(1);

/// Questions that aren't answered yet.
#[derive(Debug)]
pub(super) struct Answers {
    /// By conversation; the first of each is being answered.
    lines: Mutex<HashMap<ConversationId, VecDeque<Arc<Pending>>>>,
    /// How many each user has asked of them.
    of_users: Arc<Mutex<HashMap<UserId, usize>>>,
    max_per_user: usize,
    running: Semaphore,
    /// One for each line.
    tasks: TaskTracker,
    /// Cancelled once what was open when the server ended has been taken up.
    taken_up: CancellationToken,
}

/// A question that isn't answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) question: Question,
    /// Stops its answer.
    pub(super) cancel: CancellationToken,
    /// Cancelled once its answer has ended.
    ended: CancellationToken,
    _place: Place,
}

/// A question's place among those of its user; given back when it is dropped.
#[derive(Debug)]
struct Place {
    of_users: Arc<Mutex<HashMap<UserId, usize>>>,
    user: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of_users = self.of_users.lock();
        if let Some(count) = of_users.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                of_users.remove(&self.user);
            }
        }
    }
}

impl Answers {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            lines: Mutex::default(),
            of_users: Arc::default(),
            max_per_user: settings.assistant_answers_per_user.get(),
            running: Semaphore::new(settings.assistant_answers.get().min(Semaphore::MAX_PERMITS)),
            tasks: TaskTracker::new(),
            taken_up: CancellationToken::new(),
        }
    }

    /// Waits until one more answer may be under way.
    pub(super) async fn permit(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.running.acquire().await
    }

    /// Stops all answers of a conversation, and forgets the questions that wait.
    pub(super) fn cancel_all(&self, conversation: &ConversationId) {
        if let Some(line) = self.lines.lock().get_mut(conversation) {
            line.truncate(1);
            line.iter().for_each(|pending| pending.cancel.cancel());
        }
    }

    /// A place for one more question of a user; `None` where there are as many as may be.
    fn place(&self, user: &UserId, max: usize) -> Option<Place> {
        let mut of_users = self.of_users.lock();
        let count = of_users.entry(user.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { of_users: self.of_users.clone(), user: user.clone() })
    }

    /// Appends a question to its conversation's line. Says whether it is the first.
    fn push(&self, question: Question, place: Place) -> bool {
        let mut lines = self.lines.lock();
        let line = lines.entry(question.message.conversation_id.clone()).or_default();
        line.push_back(Arc::new(Pending {
            question,
            cancel: CancellationToken::new(),
            ended: CancellationToken::new(),
            _place: place,
        }));
        line.len() == 1
    }

    /// The question that is to be answered now. Without one the line is no more.
    fn first(&self, conversation: &ConversationId) -> Option<Arc<Pending>> {
        let mut lines = self.lines.lock();
        let first = lines.get(conversation)?.front().cloned();
        if first.is_none() {
            lines.remove(conversation);
        }
        first
    }

    /// Takes the question that was answered off its line.
    fn shift(&self, conversation: &ConversationId) {
        if let Some(line) = self.lines.lock().get_mut(conversation) {
            line.pop_front();
        }
    }

    /// The question with this id, or whose answer has it: whether it is being answered. One that
    /// waits is taken off its line.
    fn take(
        &self,
        conversation: &ConversationId,
        message: &MessageId,
    ) -> Option<(Arc<Pending>, bool)> {
        let mut lines = self.lines.lock();
        let line = lines.get_mut(conversation)?;
        let at = line.iter().position(|pending| {
            pending.question.answer == *message || pending.question.message.id == *message
        })?;
        if at == 0 {
            return Some((line.front()?.clone(), true));
        }
        Some((line.remove(at)?, false))
    }
}

/// Takes a conversation's line away where answering panicked: the next question begins another.
struct Line<'a> {
    answers: &'a Answers,
    conversation: &'a ConversationId,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = self.answers.lines.lock().remove(self.conversation);
            line.into_iter().flatten().for_each(|pending| pending.ended.cancel());
        }
    }
}

impl Assistant {
    /// Stores a question, which will be answered in its turn.
    pub(super) async fn send(
        &self,
        engine: &Arc<Engine>,
        asker: &UserId,
        asked: SendMessage,
    ) -> Result<ChatMessage> {
        let content = self.checked_question(asked.content)?;
        if timeout(START_TIMEOUT, self.answers.taken_up.cancelled()).await.is_err() {
            return Err(Error::refused(ErrorCode::Unavailable, "the server is still starting"));
        }
        let place = self.answers.place(asker, self.answers.max_per_user);
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
        let stored =
            queries::ask(self.store.pool(), &message, asker, &answer, MAX_MESSAGES - 2).await?;
        let Some(answer_seq) = stored else {
            self.seen_by(&id, asker).await?;
            let text = format!("a conversation may have {MAX_MESSAGES} messages");
            return Err(Error::refused(ErrorCode::AccessDenied, text));
        };
        let question =
            Question { asker: asker.clone(), message: message.clone(), answer, answer_seq };
        self.line_up(engine, question, place);
        Ok(message)
    }

    /// Stops an answer, named by its id or its question's, and gives what there is of it.
    pub(super) async fn cancel(
        &self,
        context: &Context,
        asked: CancelMessage,
    ) -> Result<ChatMessage> {
        let id = &asked.conversation_id;
        self.seen_by(id, &context.identity.user_id).await?;
        let answer = match self.answers.take(id, &asked.message_id) {
            Some((pending, true)) => {
                pending.cancel.cancel();
                pending.ended.cancelled().await;
                pending.question.answer.clone()
            }
            Some((pending, false)) => {
                let answering = self.answering(&context.engine, &pending.question);
                answering.finish(End::Cancelled).await?;
                pending.question.answer.clone()
            }
            // It has ended already.
            None => asked.message_id,
        };
        let message = queries::message_of(self.store.pool(), id, &answer).await?;
        message
            .filter(|message| message.role == Role::Assistant)
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such answer"))
    }

    /// Answers for as long as the server runs. What was open when it ended is taken up first: who
    /// waited is answered; an answer that had begun ends where it was.
    pub(super) async fn answer_until_stopped(self, engine: Arc<Engine>) {
        let take_up = async {
            while let Err(error) = self.take_up(&engine).await {
                tracing::error!(%error, "open answers can't be taken up");
                sleep(START_INTERVAL).await;
            }
            self.answers.taken_up.cancel();
        };
        tokio::select! {
            () = take_up => engine.stopped().await,
            () = engine.stopped() => {}
        }
        self.answers.tasks.close();
        self.answers.tasks.wait().await;
    }

    async fn take_up(&self, engine: &Arc<Engine>) -> Result<()> {
        let mut ours = HashMap::new();
        for (question, begun) in queries::open(self.store.pool()).await? {
            let conversation = &question.message.conversation_id;
            if !ours.contains_key(conversation) {
                let lease = engine.lease(&lease_name(conversation)).await?;
                ours.insert(conversation.clone(), lease.is_some());
                if let Some(lease) = lease {
                    lease.end().await;
                }
            }
            // Otherwise another server is answering there.
            if !ours[conversation] {
                continue;
            }
            if !begun {
                // It was let in before the server ended.
                if let Some(place) = self.answers.place(&question.asker, usize::MAX) {
                    self.line_up(engine, question, place);
                }
                continue;
            }
            queries::break_off(self.store.pool(), &question.answer).await?;
            let conversation_id = question.message.conversation_id;
            let room = room(&conversation_id);
            let broken = MessageError {
                conversation_id,
                message_id: question.answer,
                code: ErrorCode::AiUnavailable,
                message: "the server ended in the middle of the answer".into(),
            };
            // Nobody is back yet: they are told when they join.
            let retain = [Retain::set(&broken)?];
            engine.publish_retaining(&room, &broken, retain).await?;
        }
        Ok(())
    }

    fn line_up(&self, engine: &Arc<Engine>, question: Question, place: Place) {
        let conversation = question.message.conversation_id.clone();
        if self.answers.push(question, place) {
            self.answers.tasks.spawn(self.clone().work_off(engine.clone(), conversation));
        }
    }

    /// Answers a conversation's questions, one after the other.
    async fn work_off(self, engine: Arc<Engine>, conversation: ConversationId) {
        let _line = Line { answers: &self.answers, conversation: &conversation };
        // Kept where it can be had: who is asked here answers in any case.
        let _lease = engine.lease(&lease_name(&conversation)).await;
        while let Some(pending) = self.answers.first(&conversation) {
            let mut answering = self.answering(&engine, &pending.question);
            let end = answering.run(&pending.cancel).await;
            if let Err(error) = answering.finish(end).await {
                tracing::error!(%error, "an answer can't be ended");
            }
            self.answers.shift(&conversation);
            pending.ended.cancel();
            if engine.is_stopping() {
                return;
            }
        }
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
            queries::note(pool, &id, answer, queries::State::Whole, at).await?;
        }
        Ok(())
    }
}

fn lease_name(conversation: &ConversationId) -> String {
    format!("assistant:{conversation}")
}

fn new_id() -> MessageId {
    MessageId(uuid::Uuid::now_v7().to_string())
}
