//! Live preview: tracked sessions, brought over HTTP and watched in `project:{id}`
//! (wire.md, section 8).

mod events;
mod http;
mod queries;
mod sessions;

use std::{sync::Arc, time::Duration};

use samewire_protocol::{ErrorCode, id::ProjectId, room::PROJECT};
use tokio::sync::{Mutex, MutexGuard};

use super::projects::{Project, Projects};
use crate::{
    auth::Identity,
    error::{Error, Result},
    registry::{Domain, Registry},
    store::Store,
};

pub use sessions::NewSession;

/// Settings of live preview.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Events of each ingested batch that are sent to those who watch; all are stored.
    pub broadcast_events: usize,
    /// A session without events for so long has been abandoned.
    pub session_timeout: Duration,
}

/// Ingests of projects that share a lock wait for each other.
const LOCKS: usize = 64;

/// The live preview domain.
#[derive(Debug, Clone)]
pub struct LivePreview {
    store: Store,
    projects: Projects,
    settings: Settings,
    /// Held from storing to publishing, so that a room hears of things in the order they were stored.
    locks: Arc<[Mutex<()>; LOCKS]>,
}

impl LivePreview {
    /// Live preview of the projects in this store.
    pub fn new(store: Store, projects: Projects, settings: Settings) -> Self {
        let locks = Arc::new(std::array::from_fn(|_| Mutex::new(())));
        Self { store, projects, settings, locks }
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

    /// Keeps other changes to a project's sessions out until it is dropped.
    async fn order(&self, project: &ProjectId) -> MutexGuard<'_, ()> {
        let sum = project
            .as_str()
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.locks[sum % LOCKS].lock().await
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
        registry.routes(http::routes(self));
    }
}

/// A project's id, where one was given.
fn given(id: Option<ProjectId>) -> Result<ProjectId> {
    id.filter(|id| !id.as_str().is_empty())
        .ok_or_else(|| Error::refused(ErrorCode::MissingProjectId, "projectId: is missing"))
}
