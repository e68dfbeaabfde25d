//! Jobs that are stored until they are done: so many at a time, and again after a restart.

use std::{collections::HashSet, fmt, hash::Hash, sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinSet, time::sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    engine::Engine,
    error::{Error, Result},
};

/// After a failure of the database or the disk, jobs are looked for again after so long.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// How often it is looked for what other servers left undone.
const LEFT_PERIOD: Duration = Duration::from_secs(5);

/// Jobs of other servers that may stand before those that nobody does.
const OTHERS_JOBS: usize = 64;

/// How often progress is told, at most, of each job.
pub(super) const PROGRESS_PERIOD: Duration = Duration::from_millis(250);

/// Works on what `find` gives until the server stops, `at_once` at a time: whenever `wake` says that
/// there may be more. Given a number, `find` tells as many jobs that aren't done, the oldest first.
/// Of several servers one works on a job, and another when that one is gone.
///
/// A job is done when `work` has stored that it is; while the server stops it may end earlier. Where another
/// server may have taken it up, `work` is dropped wherever it is, which is to be noticed by what it began on
/// other threads ([`Going`]). So what it stores at its end it stores only where nobody has yet.
pub(super) async fn run<Id, Found, Worked>(
    engine: &Arc<Engine>,
    wake: &Notify,
    at_once: usize,
    find: impl Fn(i64) -> Found,
    work: impl Fn(Id) -> Worked,
) where
    Id: Clone + Eq + Hash + fmt::Display + Send + 'static,
    Found: Future<Output = Result<Vec<Id>>>,
    Worked: Future<Output = Result<()>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut taken: HashSet<Id> = HashSet::new();
    let others_jobs = if engine.has_others() { OTHERS_JOBS } else { 0 };
    while !engine.is_stopping() {
        // Those that are running are among those that aren't done.
        let limit = i64::try_from(at_once + taken.len() + others_jobs).unwrap_or(i64::MAX);
        let found = if running.len() < at_once { find(limit).await } else { Ok(Vec::new()) };
        let mut failed = found.is_err();
        match found {
            Ok(mut found) => {
                found.retain(|id| !taken.contains(id));
                for id in found {
                    if running.len() == at_once {
                        break;
                    }
                    let Some(lease) = engine.lease(&format!("job:{id}")).await.ok().flatten()
                    else {
                        continue;
                    };
                    taken.insert(id.clone());
                    let working = work(id.clone());
                    running.spawn(async move {
                        let worked = lease.hold(working).await;
                        lease.end().await;
                        (id, worked.unwrap_or(Err(Error::LeaseLost)))
                    });
                }
            }
            Err(error) => tracing::error!(%error, "jobs can't be looked for"),
        }
        if !failed {
            tokio::select! {
                () = engine.stopped() => {}
                () = wake.notified() => {}
                () = sleep(LEFT_PERIOD), if engine.has_others() => {}
                Some(Ok((id, worked))) = running.join_next(), if !running.is_empty() => {
                    taken.remove(&id);
                    match worked {
                        Ok(()) => {}
                        Err(error @ (Error::LeaseLost | Error::BackplaneAway)) => {
                            tracing::warn!(%error, job = %id, "a job is left to whoever takes it up");
                            failed = true;
                        }
                        Err(error) => {
                            tracing::error!(%error, job = %id, "a job is tried again");
                            failed = true;
                        }
                    }
                }
            }
        }
        if failed {
            tokio::select! {
                () = engine.stopped() => {}
                () = sleep(RETRY_PAUSE) => {}
            }
        }
    }
    while running.join_next().await.is_some() {}
}

/// Whether a job goes on, for the threads that work for it.
#[derive(Debug, Clone)]
pub(super) struct Going(CancellationToken);

impl Going {
    /// For a job that goes on until the other is dropped.
    pub(super) fn new() -> (Self, DropGuard) {
        let token = CancellationToken::new();
        (Self(token.clone()), token.drop_guard())
    }

    /// Whether it does.
    pub(super) fn goes_on(&self) -> bool {
        !self.0.is_cancelled()
    }
}
