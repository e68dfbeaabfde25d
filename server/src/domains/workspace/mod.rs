//! Workspace: items that several people change together, and broadcasts, in rooms of the
//! application's own (wire.md, section 12).
//!
//! Both are served in `room:{name}` alone, to those who are in it: rooms of other kinds belong to a
//! system, and what is told there is the server's word.

mod events;
mod items;
mod queries;

use std::{sync::Arc, time::Duration};

use samewire_protocol::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    clock,
    engine::Engine,
    registry::{Domain, Registry},
    store::Store,
};

/// How long the version of a deleted item is kept.
const FORGET_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often it is looked for those that are older.
const FORGET_PERIOD: Duration = Duration::from_secs(60 * 60);

/// The workspace domain.
#[derive(Debug, Clone)]
pub struct Workspace {
    store: Store,
}

impl Workspace {
    /// The workspace in this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Forgets the versions of items that were deleted long ago, for as long as the server runs.
    async fn forget_deleted(self, engine: Arc<Engine>) {
        let age_ms = clock::whole_ms(FORGET_AFTER);
        let mut ticks = interval(FORGET_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = engine.stopped() => return,
                _ = ticks.tick() => {}
            }
            let before = Timestamp::from_unix_ms(clock::unix_ms().saturating_sub(age_ms));
            if let Err(error) = queries::forget_deleted(self.store.pool(), before).await {
                tracing::error!(%error, "items that were deleted long ago can't be forgotten");
            }
        }
    }
}

impl Domain for Workspace {
    fn register(self, registry: &mut Registry) {
        events::register(registry, &self);
        registry.task(move |engine| self.forget_deleted(engine));
    }
}
