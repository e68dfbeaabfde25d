//! Stories: uploaded with recordings, read by a job, transcribed, talked about, exported, and
//! followed in `stories:{projectId}` (wire.md, section 9).
//!
//! Every member of a project, facilitator or storyteller, may do all of that, and so may its owner;
//! the content of an interaction is its author's alone to change. A project that isn't active
//! can be read, not changed.

mod events;
mod exports;
mod http;
mod interactions;
mod jobs;
mod media;
mod processing;
mod queries;
mod recording;
mod transcripts;
mod turns;
mod uploads;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytesize::ByteSize;
use clap::Args;
use samewire_protocol::{
    ErrorCode, RoomAddress,
    id::{ProjectId, StoryId, UserId},
    room::STORIES,
    stories::Story,
};
use tokio::sync::Notify;

use turns::Turns;

use super::projects::{Access, Project, Projects};
use crate::{
    config::values::{duration, parse},
    error::{Error, Result},
    registry::{Domain, Registry},
    store::Store,
};

pub use exports::{Export, ExportStatus, NewExport};
pub use interactions::{ChangeInteraction, NewInteraction};
pub use media::{Media, MediaDirError};
pub use transcripts::NewTranscript;
pub use uploads::NewStory;

/// Settings of stories.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Settings {
    /// Folder that recordings and exports are kept in; made where there is none.
    #[arg(long, env, default_value = "media/")]
    pub media_dir: PathBuf,

    /// Bytes of one recording, such as 100MB.
    #[arg(long, env, default_value = "100MB", value_parser = parse::<ByteSize>("MEDIA_BYTES", "a size such as 100MB"))]
    pub media_bytes: ByteSize,

    /// Bytes of all recordings of a project.
    #[arg(long, env, default_value = "10GB", value_parser = parse::<ByteSize>("PROJECT_MEDIA_BYTES", "a size such as 10GB"))]
    pub project_media_bytes: ByteSize,

    /// How long an export can be downloaded.
    #[arg(long, env, default_value = "24h", value_parser = duration("EXPORT_AGE"))]
    pub export_age: Duration,
}

/// The stories domain.
#[derive(Debug, Clone)]
pub struct Stories {
    store: Store,
    projects: Projects,
    settings: Settings,
    media: Media,
    /// For uploading.
    turns: Turns,
    /// Wakes whoever processes stories.
    to_process: Arc<Notify>,
    /// Wakes whoever writes exports.
    to_export: Arc<Notify>,
}

impl Stories {
    /// The stories of the projects in this store, with their recordings in `MEDIA_DIR`.
    ///
    /// # Errors
    /// When that folder can't be used.
    pub fn new(
        store: Store,
        projects: Projects,
        settings: Settings,
    ) -> Result<Self, MediaDirError> {
        Ok(Self {
            store,
            projects,
            media: Media::open(&settings.media_dir)?,
            settings,
            turns: Turns::default(),
            to_process: Arc::default(),
            to_export: Arc::default(),
        })
    }

    /// The latest stories of a project, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest(&self, project: &ProjectId) -> Result<Vec<Story>> {
        Ok(queries::stories::page(self.store.pool(), project, None).await?.0)
    }

    /// The project, where somebody may see its stories. Who may not isn't told whether there is
    /// such a project.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectAccessDenied`], or when the database fails.
    async fn seen(&self, id: &ProjectId, user: &UserId) -> Result<Project> {
        let denied = || {
            let message = "for the project's owner, facilitators and storytellers";
            Error::refused(ErrorCode::ProjectAccessDenied, message)
        };
        match self.projects.access(id, user).await {
            Ok((project, Access::Owner | Access::Member(_))) => Ok(project),
            Ok((_, Access::Stranger)) => Err(denied()),
            Err(error) if error.code() == ErrorCode::ProjectNotFound => Err(denied()),
            Err(error) => Err(error),
        }
    }

    /// The project, where somebody may change its stories.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectAccessDenied`], [`ErrorCode::ProjectInactive`], or when the database
    /// fails.
    async fn changed(&self, id: &ProjectId, user: &UserId) -> Result<Project> {
        self.seen(id, user).await?.active()
    }

    /// A story, where somebody may see it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProjectAccessDenied`], or when the database fails.
    async fn seen_story(&self, id: &StoryId, user: &UserId) -> Result<Story> {
        let story = self.story(id).await?;
        self.seen(&story.project_id, user).await?;
        Ok(story)
    }

    /// A story, where somebody may change it.
    ///
    /// # Errors
    /// As [`Stories::seen_story`], and [`ErrorCode::ProjectInactive`].
    async fn changed_story(&self, id: &StoryId, user: &UserId) -> Result<Story> {
        let story = self.story(id).await?;
        self.changed(&story.project_id, user).await?;
        Ok(story)
    }

    /// A story.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or when the database fails.
    async fn story(&self, id: &StoryId) -> Result<Story> {
        queries::stories::get(self.store.pool(), id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such story"))
    }
}

impl Domain for Stories {
    fn register(self, registry: &mut Registry) {
        let access = self.clone();
        registry.room(STORIES, move |identity, id| {
            let access = access.clone();
            async move { access.seen(&ProjectId(id), &identity.user_id).await.map(drop) }
        });
        events::register(registry);
        let domain = self.clone();
        registry.task(move |engine| domain.process(engine));
        let domain = self.clone();
        registry.task(move |engine| async move {
            let keep = || domain.clone().keep_media(engine.clone());
            engine.alone("stories:media", keep).await;
        });
        let domain = self.clone();
        registry.task(move |engine| domain.write_exports(engine));
        let domain = self.clone();
        registry.task(move |engine| async move {
            let expire = || domain.clone().expire_exports(engine.clone());
            engine.alone("stories:expiry", expire).await;
        });
        registry.routes(http::routes(self));
    }
}

/// The room of a project's stories.
fn room(project: &ProjectId) -> RoomAddress {
    RoomAddress::new(STORIES, project)
}
