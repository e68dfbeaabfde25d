//! Emits that survive: the answers to emits that were named by an id, so that a repeat after a lost
//! connection is answered and not acted on again (wire.md, section 5).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use samewire_protocol::{ErrorCode, id::UserId};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use crate::error::Error;

/// How long an answer is remembered, in milliseconds.
pub(crate) const REMEMBERED_MS: u64 = 10 * 60 * 1000;

/// Answers that are remembered of one user; the oldest are forgotten first.
pub(crate) const REMEMBERED_PER_USER: usize = 2000;

/// What an event was answered with.
pub(crate) type Answer = Result<Arc<RawValue>, Arc<Error>>;

/// The remembered answers of all users.
#[derive(Debug, Default)]
pub(crate) struct Emits {
    users: Mutex<HashMap<UserId, Remembered>>,
}

/// The remembered answers of one user, in the order their emits came.
#[derive(Debug, Default)]
struct Remembered {
    answers: HashMap<String, Arc<OnceCell<Answer>>>,
    order: VecDeque<(u64, String)>,
}

impl Remembered {
    fn forget(&mut self, now_ms: u64) {
        while let Some((at_ms, _)) = self.order.front() {
            let stale = at_ms.saturating_add(REMEMBERED_MS) < now_ms;
            if !stale && self.order.len() <= REMEMBERED_PER_USER {
                break;
            }
            if let Some((_, id)) = self.order.pop_front() {
                self.answers.remove(&id);
            }
        }
    }
}

impl Emits {
    /// Acts, unless a user's emit of this id has been acted on: then gives its answer, and waits
    /// for it where it is still being worked out.
    pub(crate) async fn once(
        &self,
        user: &UserId,
        id: &str,
        now_ms: u64,
        act: impl Future<Output = Answer>,
    ) -> Answer {
        let cell = {
            let mut users = self.users.lock();
            let remembered = users.entry(user.clone()).or_default();
            let known = remembered.answers.get(id).cloned();
            known.unwrap_or_else(|| {
                let cell = Arc::<OnceCell<Answer>>::default();
                remembered.answers.insert(id.to_owned(), cell.clone());
                remembered.order.push_back((now_ms, id.to_owned()));
                remembered.forget(now_ms);
                cell
            })
        };
        let answer = cell.get_or_init(|| act).await.clone();
        if answer.as_ref().is_err_and(|error| is_passing(error.code())) {
            let mut users = self.users.lock();
            if let Some(remembered) = users.get_mut(user) {
                remembered.answers.remove(id);
                remembered.order.retain(|(_, known)| known != id);
            }
        }
        answer
    }

    /// Forgets what is too old; to be called now and then.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.users.lock().retain(|_, remembered| {
            remembered.forget(now_ms);
            !remembered.order.is_empty()
        });
    }
}

/// Whether nothing was acted on, and another try may do better: not worth remembering.
fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RateLimitExceeded
            | ErrorCode::Unavailable
            | ErrorCode::AiUnavailable
            | ErrorCode::Unauthenticated
            | ErrorCode::Internal
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Acts(AtomicU32);

    impl Acts {
        async fn act(&self) -> Answer {
            let times = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            Ok(serde_json::value::to_raw_value(&times).unwrap().into())
        }
    }

    fn number(answer: Answer) -> String {
        answer.unwrap().get().to_owned()
    }

    #[tokio::test]
    async fn a_repeat_is_answered_and_not_acted_on() {
        let (emits, acts, ada) = (Emits::default(), Acts(0.into()), UserId::from("ada"));
        let (first, overlapping) = tokio::join!(
            emits.once(&ada, "1", 0, acts.act()),
            emits.once(&ada, "1", 0, acts.act())
        );
        assert_eq!((number(first), number(overlapping)), ("1".into(), "1".into()));
        assert_eq!(number(emits.once(&ada, "1", 5, acts.act()).await), "1");
        assert_eq!(number(emits.once(&ada, "2", 5, acts.act()).await), "2");
        let grace = UserId::from("grace");
        assert_eq!(number(emits.once(&grace, "1", 5, acts.act()).await), "3");
    }

    #[tokio::test]
    async fn a_passing_refusal_is_not_remembered_a_lasting_one_is() {
        let (emits, acts, ada) = (Emits::default(), Acts(0.into()), UserId::from("ada"));
        let refused = |code| async move { Err(Error::refused(code, "no").into()) };
        emits.once(&ada, "1", 0, refused(ErrorCode::Unavailable)).await.unwrap_err();
        assert_eq!(number(emits.once(&ada, "1", 0, acts.act()).await), "1");
        emits.once(&ada, "2", 0, refused(ErrorCode::Conflict)).await.unwrap_err();
        emits.once(&ada, "2", 0, acts.act()).await.unwrap_err();
    }

    #[tokio::test]
    async fn answers_are_forgotten_in_time_and_by_number() {
        let (emits, acts, ada) = (Emits::default(), Acts(0.into()), UserId::from("ada"));
        emits.once(&ada, "old", 0, acts.act()).await.unwrap();
        emits.once(&ada, "young", REMEMBERED_MS, acts.act()).await.unwrap();
        emits.sweep(REMEMBERED_MS + 1);
        assert_eq!(number(emits.once(&ada, "young", REMEMBERED_MS, acts.act()).await), "2");
        assert_eq!(number(emits.once(&ada, "old", REMEMBERED_MS, acts.act()).await), "3");
        for n in 0..REMEMBERED_PER_USER {
            emits.once(&ada, &n.to_string(), REMEMBERED_MS, acts.act()).await.unwrap();
        }
        let before = acts.0.load(Ordering::SeqCst);
        emits.once(&ada, "young", REMEMBERED_MS, acts.act()).await.unwrap();
        assert_eq!(acts.0.load(Ordering::SeqCst), before + 1);
        emits.sweep(3 * REMEMBERED_MS);
        assert!(emits.users.lock().is_empty());
    }
}
