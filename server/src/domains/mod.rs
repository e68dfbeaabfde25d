//! The domains. Each is a value that registers its events, its kinds of rooms, its routes and its
//! tasks, and declares its own settings; taking one out is deleting its folder and its lines here
//! and in [`Config`](crate::Config).

pub mod inbox;
pub mod live_preview;
pub mod projects;
pub mod workspace;

use crate::{
    config::Config,
    registry::{Domain, Registry},
    store::Store,
};

pub use inbox::Inbox;
pub use live_preview::LivePreview;
pub use projects::Projects;
pub use workspace::Workspace;

/// All of them, on one store.
#[derive(Debug, Clone)]
pub struct Domains {
    /// Projects.
    pub projects: Projects,
    /// Live preview.
    pub live_preview: LivePreview,
    /// The inbox.
    pub inbox: Inbox,
    /// The workspace.
    pub workspace: Workspace,
}

impl Domains {
    /// The domains on this store, with their settings.
    pub fn new(store: &Store, config: &Config) -> Self {
        let projects = Projects::new(store.clone());
        Self {
            inbox: Inbox::new(store.clone(), &config.inbox),
            live_preview: LivePreview::new(store.clone(), projects.clone(), config.live_preview),
            projects,
            workspace: Workspace::new(store.clone()),
        }
    }
}

impl Domain for Domains {
    fn register(self, registry: &mut Registry) {
        self.projects.register(registry);
        self.live_preview.register(registry);
        self.inbox.register(registry);
        self.workspace.register(registry);
    }
}
