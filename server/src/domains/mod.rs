//! The domains. Each is a value that registers its events, its kinds of rooms, its routes and its
//! tasks, and declares its own settings; taking one out is deleting its folder and its lines here
//! and in [`Config`].

pub mod assistant;
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
use assistant::ProviderError;
use stories::MediaDirError;

pub use assistant::Assistant;
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
    /// Conversations with the assistant.
    pub assistant: Assistant,
}

/// What a domain needs can't be had with these settings.
#[derive(Debug, thiserror::Error)]
pub enum DomainsError {
    /// The folder for media can't be used.
    #[error(transparent)]
    Media(#[from] MediaDirError),
    /// The assistant's provider can't be asked.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl Domains {
    /// The domains on this store, with their settings.
    ///
    /// # Errors
    /// When the folder for media, or the assistant's provider, can't be used.
    pub fn new(store: &Store, config: &Config) -> Result<Self, DomainsError> {
        let projects = Projects::new(store.clone());
        let (preview, stories) = (config.live_preview, config.stories.clone());
        Ok(Self {
            live_preview: LivePreview::new(store.clone(), projects.clone(), preview),
            stories: Stories::new(store.clone(), projects.clone(), stories)?,
            inbox: Inbox::new(store.clone(), &config.inbox),
            assistant: Assistant::new(store.clone(), config.assistant.clone())?,
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
        self.assistant.register(registry);
        self.workspace.register(registry);
    }
}
