//! Emits that survive: the answers to emits that were named by an id, so that a repeat after a lost
//! connection is answered and not acted on again (wire.md, section 5).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use samewire_protocol::id::UserId;
use tokio::sync::OnceCell;

use crate::{
    answer::{Outcome, REMEMBERED_BYTES_PER_USER, REMEMBERED_MS, REMEMBERED_PER_USER, is_passing},
    attachments::Attached,
};

/// The remembered answers of all users.
#[derive(Debug, Default)]
pub(crate) struct Emits {
    users: Mutex<HashMap<UserId, Remembered>>,
}

/// The remembered answers of one user, in the order their emits came.
#[derive(Debug, Default)]
struct Remembered {
    answers: HashMap<String, Entry>,
    order: VecDeque<(u64, String)>,
    /// Bytes of the answers.
    bytes: usize,
}

/// An answer, or what waits for it.
#[derive(Debug, Default)]
struct Entry {
    answer: Arc<OnceCell<Outcome>>,
    /// What it costs to remember it, once it is there.
    bytes: usize,
}

impl Remembered {
    fn forget(&mut self, now_ms: u64) {
        while let Some((at_ms, _)) = self.order.front() {
            let stale = at_ms.saturating_add(REMEMBERED_MS) < now_ms;
            let fits =
                self.order.len() <= REMEMBERED_PER_USER && self.bytes <= REMEMBERED_BYTES_PER_USER;
            if !stale && fits {
                break;
            }
            if let Some((_, id)) = self.order.pop_front() {
                self.remove(&id);
            }
        }
    }

    fn remove(&mut self, id: &str) {
        self.bytes -= self.answers.remove(id).map_or(0, |entry| entry.bytes);
    }

    /// Notes what an answer costs that has come, unless it has been forgotten meanwhile.
    fn count(&mut self, id: &str, answer: &Outcome) {
        let bytes = match answer.as_deref() {
            Ok(Attached { answer, attachments }) => answer.get().len() + attachments.bytes(),
            Err(error) => error.body().current.map_or(0, |current| current.to_string().len()),
        };
        if let Some(entry) = self.answers.get_mut(id) {
            self.bytes = self.bytes - entry.bytes + bytes;
            entry.bytes = bytes;
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
        act: impl Future<Output = Outcome>,
    ) -> Outcome {
        let cell = {
            let mut users = self.users.lock();
            let remembered = users.entry(user.clone()).or_default();
            let known = remembered.answers.get(id).map(|entry| entry.answer.clone());
            known.unwrap_or_else(|| {
                let entry = Entry::default();
                let cell = entry.answer.clone();
                remembered.answers.insert(id.to_owned(), entry);
                remembered.order.push_back((now_ms, id.to_owned()));
                remembered.forget(now_ms);
                cell
            })
        };
        let answer = cell.get_or_init(|| act).await.clone();
        let mut users = self.users.lock();
        if let Some(remembered) = users.get_mut(user) {
            if answer.as_ref().is_err_and(|error| is_passing(error.code())) {
                remembered.remove(id);
                remembered.order.retain(|(_, known)| known != id);
            } else {
                remembered.count(id, &answer);
                remembered.forget(now_ms);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use samewire_protocol::ErrorCode;

    use super::*;
    use crate::error::Error;

    struct Acts(AtomicU32);

    impl Acts {
        async fn act(&self) -> Outcome {
            let times = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            Ok(Arc::new(serde_json::value::to_raw_value(&times).unwrap().into()))
        }
    }

    fn number(answer: Outcome) -> String {
        answer.unwrap().answer.get().to_owned()
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

    #[tokio::test]
    async fn large_answers_are_forgotten_sooner() {
        let (emits, ada) = (Emits::default(), UserId::from("ada"));
        let large = async || {
            let text = "x".repeat(REMEMBERED_BYTES_PER_USER / 4);
            Ok(Arc::new(serde_json::value::to_raw_value(&text).unwrap().into()))
        };
        for n in 0..10 {
            emits.once(&ada, &n.to_string(), 0, large()).await.unwrap();
        }
        let count = |id: &'static str, acts: Acts| {
            let (emits, ada) = (&emits, &ada);
            async move {
                emits.once(ada, id, 0, acts.act()).await.unwrap();
                acts.0.into_inner()
            }
        };
        assert_eq!(count("9", Acts(0.into())).await, 0, "the last is remembered");
        assert_eq!(count("6", Acts(0.into())).await, 1, "an earlier one is not");
        for n in 0..10 {
            let current = "x".repeat(REMEMBERED_BYTES_PER_USER / 4);
            let conflict = async { Err(Error::conflict("too late", &current).into()) };
            emits.once(&ada, &format!("late {n}"), 0, conflict).await.unwrap_err();
        }
        assert_eq!(count("late 6", Acts(0.into())).await, 1, "nor what refusals bring");
        let kept = emits.users.lock()[&ada].bytes;
        assert!(kept <= REMEMBERED_BYTES_PER_USER, "{kept} bytes");
        emits.sweep(2 * REMEMBERED_MS);
        assert!(emits.users.lock().is_empty());
    }
}
