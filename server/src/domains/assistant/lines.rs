//! What one server has to see to of the conversations: who asked here, and what is under way here.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use samewire_protocol::id::{ConversationId, MessageId, UserId};
use tokio::sync::{AcquireError, Notify, Semaphore, SemaphorePermit};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Settings;

/// Questions that aren't answered yet.
#[derive(Debug)]
pub(super) struct Answers {
    lines: Mutex<HashMap<ConversationId, Line>>,
    /// How many each user has asked of them here.
    of_users: Arc<Mutex<HashMap<UserId, usize>>>,
    max_per_user: usize,
    running: Semaphore,
    /// One for each line.
    tasks: TaskTracker,
}

/// A conversation that this server sees to.
#[derive(Debug, Default)]
struct Line {
    /// The answers that were asked for here.
    asked: HashMap<MessageId, Place>,
    /// Told that there is one more.
    more: Arc<Notify>,
    /// The answer that is under way here.
    under_way: Option<Arc<UnderWay>>,
}

/// An answer that is under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    answer: MessageId,
    /// Stops it.
    pub(super) cancel: CancellationToken,
    /// Cancelled once it has ended.
    pub(super) ended: CancellationToken,
}

/// A question's place among those of its user; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
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
        }
    }

    /// Waits until one more answer may be under way.
    pub(super) async fn permit(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.running.acquire().await
    }

    /// Forgets the questions of a conversation that is gone, and stops the answer that is under way here.
    pub(super) fn cancel_all(&self, conversation: &ConversationId) {
        if let Some(line) = self.lines.lock().get_mut(conversation) {
            line.asked.clear();
            line.under_way.iter().for_each(|under_way| under_way.cancel.cancel());
        }
    }

    /// A place for one more question of a user; `None` where there are as many as may be.
    pub(super) fn place(&self, user: &UserId) -> Option<Place> {
        let mut of_users = self.of_users.lock();
        let count = of_users.entry(user.clone()).or_default();
        if *count >= self.max_per_user {
            return None;
        }
        *count += 1;
        Some(Place { of_users: self.of_users.clone(), user: user.clone() })
    }

    /// Begins a task that sees to a conversation.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Resolves once all tasks have ended. No more are begun.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Notes that there is something to see to in a conversation. Gives what its task is told of more by,
    /// where there is none yet.
    pub(super) fn note(
        &self,
        conversation: &ConversationId,
        asked: Option<(MessageId, Place)>,
    ) -> Option<Arc<Notify>> {
        let mut lines = self.lines.lock();
        let is_new = !lines.contains_key(conversation);
        let line = lines.entry(conversation.clone()).or_default();
        line.asked.extend(asked);
        line.more.notify_one();
        is_new.then(|| line.more.clone())
    }

    /// An answer begins to be under way here, until what is given is dropped.
    pub(super) fn begin(&self, conversation: &ConversationId, answer: &MessageId) -> Begun<'_> {
        let under_way = Arc::new(UnderWay {
            answer: answer.clone(),
            cancel: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        if let Some(line) = self.lines.lock().get_mut(conversation) {
            line.under_way = Some(under_way.clone());
        }
        Begun { answers: self, conversation: conversation.clone(), under_way }
    }

    /// The answer, where it is under way here.
    pub(super) fn under_way(
        &self,
        conversation: &ConversationId,
        answer: &MessageId,
    ) -> Option<Arc<UnderWay>> {
        let lines = self.lines.lock();
        let under_way = lines.get(conversation)?.under_way.clone();
        under_way.filter(|under_way| under_way.answer == *answer)
    }

    /// Gives back the place of an answer that has ended.
    pub(super) fn answered(&self, conversation: &ConversationId, answer: &MessageId) {
        if let Some(line) = self.lines.lock().get_mut(conversation) {
            line.asked.remove(answer);
        }
    }

    /// The answers that were asked for here and haven't ended, as far as one knows here.
    pub(super) fn asked(&self, conversation: &ConversationId) -> HashSet<MessageId> {
        let lines = self.lines.lock();
        let asked = lines.get(conversation).into_iter().flat_map(|line| line.asked.keys());
        asked.cloned().collect()
    }

    /// Takes a conversation's line away where nothing was asked here that isn't answered. Says whether it did.
    pub(super) fn close(&self, conversation: &ConversationId) -> bool {
        let mut lines = self.lines.lock();
        let is_over = lines.get(conversation).is_none_or(|line| line.asked.is_empty());
        if is_over {
            lines.remove(conversation);
        }
        is_over
    }
}

/// An answer that is under way here for as long as this is kept.
pub(super) struct Begun<'a> {
    answers: &'a Answers,
    conversation: ConversationId,
    pub(super) under_way: Arc<UnderWay>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.answers.lines.lock().get_mut(&self.conversation) {
            line.under_way = None;
        }
        self.under_way.ended.cancel();
    }
}

/// Takes a conversation's line away where answering panicked: the next question begins another.
pub(super) struct Cleared<'a> {
    pub(super) answers: &'a Answers,
    pub(super) conversation: &'a ConversationId,
}

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.answers.lines.lock().remove(self.conversation);
        }
    }
}
