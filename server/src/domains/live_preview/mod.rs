//! Live preview: tracked sessions, brought over HTTP and watched in `project:{id}`
//! (wire.md, section 8).

mod events;
mod http;
mod queries;
mod sessions;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use clap::Args;
use samewire_protocol::{ErrorCode, id::ProjectId, room::PROJECT};
use tokio::time::{MissedTickBehavior, interval};

use super::projects::{Project, Projects};
use crate::{
    auth::Identity,
    config::values::{duration, parse},
    engine::Engine,
    error::{Error, Result},
    registry::{Domain, Registry},
    store::Store,
};

pub use sessions::NewSession;

/// Settings of live preview.
#[derive(Debug, Clone, Copy, Args)]
#[group(skip)]
pub struct Settings {
    /// Events of each ingested batch that are sent to those who watch; all are stored.
    #[arg(long, env, default_value = "10", value_parser = parse::<usize>("BROADCAST_EVENTS", "a number"))]
    pub broadcast_events: usize,

    /// A tracked session without events for so long has been abandoned.
    #[arg(long, env, default_value = "30min", value_parser = duration("SESSION_TIMEOUT"))]
    pub session_timeout: Duration,
}

/// How often sessions that were abandoned are looked for, at least.
const ABANDONED_PERIOD: Duration = Duration::from_secs(60);

/// The live preview domain.
#[derive(Debug, Clone)]
pub struct LivePreview {
    store: Store,
    projects: Projects,
    settings: Settings,
}

impl LivePreview {
    /// Live preview of the projects in this store.
    pub fn new(store: Store, projects: Projects, settings: Settings) -> Self {
        Self { store, projects, settings }
    }

    /// The projects that it previews.
    pub fn projects(&self) -> &Projects {
        &self.projects
    }

    /// The project, where somebody may watch it.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectNotFound`], [`ErrorCode::Unauthorized`],
    /// [`ErrorCode::ProjectInactive`], or when the database fails.
    pub(crate) async fn watchable(&self, identity: &Identity, id: &ProjectId) -> Result<Project> {
        self.projects.owned(id, &identity.user_id).await?.active()
    }

    /// Ends sessions that were abandoned, for as long as the server runs.
    async fn watch_abandoned(self, engine: Arc<Engine>) {
        let mut ticks = interval(self.settings.session_timeout.min(ABANDONED_PERIOD));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = engine.stopped() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.end_abandoned(&engine).await {
                tracing::error!(%error, "abandoned sessions can't be ended");
            }
        }
    }
}

impl Domain for LivePreview {
    fn register(self, registry: &mut Registry) {
        let access = self.clone();
        registry.room(PROJECT, move |identity, id| {
            let access = access.clone();
            async move { access.watchable(&identity, &ProjectId(id)).await.map(drop) }
        });
        events::register(registry, &self);
        registry.task({
            let domain = self.clone();
            move |engine| async move {
                let watch = || domain.clone().watch_abandoned(engine.clone());
                engine.alone("live-preview:abandoned", watch).await;
            }
        });
        registry.routes(http::routes(self));
    }
}

/// A project's id, where one was given.
fn given(id: Option<ProjectId>) -> Result<ProjectId> {
    id.filter(|id| !id.as_str().is_empty())
        .ok_or_else(|| Error::refused(ErrorCode::MissingProjectId, "projectId: is missing"))
}
