//! The domains. Each is a value that registers its events, its kinds of rooms, its routes and its
//! tasks, and declares its own settings; taking one out is deleting its folder and its lines here
//! and in [`Config`](crate::Config).

pub mod inbox;
pub mod live_preview;
pub mod projects;
pub mod stories;
pub mod workspace;

use crate::{
    config::Config,
    registry::{Domain, Registry},
    store::Store,
};
use stories::MediaDirError;

pub use inbox::Inbox;
pub use live_preview::LivePreview;
pub use projects::Projects;
pub use stories::Stories;
pub use workspace::Workspace;

/// All of them, on one store.
#[derive(Debug, Clone)]
pub struct Domains {
    /// Projects.
    pub projects: Projects,
    /// Live preview.
    pub live_preview: LivePreview,
    /// Stories.
    pub stories: Stories,
    /// The inbox.
    pub inbox: Inbox,
    /// The workspace.
    pub workspace: Workspace,
}

impl Domains {
    /// The domains on this store, with their settings.
    ///
    /// # Errors
    /// When the folder for media can't be used.
    pub fn new(store: &Store, config: &Config) -> Result<Self, MediaDirError> {
        let projects = Projects::new(store.clone());
        let (preview, stories) = (config.live_preview, config.stories.clone());
        Ok(Self {
            live_preview: LivePreview::new(store.clone(), projects.clone(), preview),
            stories: Stories::new(store.clone(), projects.clone(), stories)?,
            inbox: Inbox::new(store.clone(), &config.inbox),
            workspace: Workspace::new(store.clone()),
            projects,
        })
    }
}

impl Domain for Domains {
    fn register(self, registry: &mut Registry) {
        self.projects.register(registry);
        self.live_preview.register(registry);
        self.stories.register(registry);
        self.inbox.register(registry);
        self.workspace.register(registry);
    }
}
