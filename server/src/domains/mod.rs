//! The domains. Each is a value that registers its events, its kinds of rooms and its routes;
//! taking one out is deleting its folder and its line here.

mod live_preview;
mod projects;
mod workspace;

use crate::{registry::Registry, store::Store};

pub use live_preview::{LivePreview, NewSession};
pub use projects::{Access, NewProject, Project, Projects};
pub use workspace::Workspace;

/// All domains on this store.
pub fn all(store: &Store, live_preview: live_preview::Settings) -> (Registry, LivePreview) {
    let projects = Projects::new(store.clone());
    let live_preview = LivePreview::new(store.clone(), projects.clone(), live_preview);
    let registry = Registry::default().with(projects).with(live_preview.clone()).with(Workspace);
    (registry, live_preview)
}

pub use live_preview::Settings as LivePreviewSettings;
