//! What one server at a time is to do.

use std::time::Duration;

use super::Engine;
use crate::{backplane::redis::HeldLease, error::Result};

/// How often it is looked whether what another server has to do has become free.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The right to do something that one server at a time is to do. It ends when it is dropped.
#[derive(Debug)]
pub struct Lease(Option<HeldLease>);

impl Lease {
    /// Does something for as long as the right is held; gives nothing where it may be another server's
    /// before that is done, because Redis couldn't be told in time that it is still wanted. What `work`
    /// publishes from then on is refused, though it may not have noticed yet.
    pub async fn hold<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match &self.0 {
            Some(held) => held.hold(work).await,
            None => Some(work.await),
        }
    }

    /// Gives the right back, now and not in the background.
    pub async fn end(self) {
        if let Some(held) = self.0 {
            held.end().await;
        }
    }
}

impl Engine {
    /// Takes the right to do something; none while another server has it, or this one already. Where
    /// there is one server it is always to be had.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when Redis is away.
    pub async fn lease(&self, name: &str) -> Result<Option<Lease>> {
        match &self.redis {
            None => Ok(Some(Lease(None))),
            Some(redis) => {
                let held = HeldLease::take(&redis.connection, name).await?;
                Ok(held.map(|held| Lease(Some(held))))
            }
        }
    }

    /// Does something for as long as this server runs and no other does it: `work` is to end soon after
    /// [`Engine::stopped`] resolves, and is dropped, and begun anew when its time comes, where the right to
    /// do it is lost.
    pub async fn alone<Work: Future<Output = ()>>(&self, name: &str, work: impl Fn() -> Work) {
        while !self.is_stopping() {
            if let Ok(Some(lease)) = self.lease(name).await {
                if lease.hold(work()).await.is_some() {
                    return lease.end().await;
                }
                tracing::warn!(name, "another server may do it now");
            }
            tokio::select! {
                () = self.stopped() => {}
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
    }

    /// Whether there may be other servers.
    pub(crate) fn has_others(&self) -> bool {
        self.redis.is_some()
    }
}
