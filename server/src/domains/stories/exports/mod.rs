//! Exports: a project's stories in one file, written by a job, to be downloaded for a while.

mod archive;
mod http;
mod queries;
mod writing;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use aide::axum::ApiRouter;
use samewire_protocol::{
    ErrorCode, SafeInteger, Timestamp,
    id::{ExportId, ProjectId, UserId},
    stories::{ExportFormat, ExportStarted},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use super::{Stories, room};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// Exports of a project that may be under way.
const MAX_RUNNING: usize = 5;

/// Exports of a project that can be downloaded; an older one makes place.
const MAX_READY: i64 = 10;

/// How often exports that have expired are looked for, at least.
const EXPIRY_PERIOD: Duration = Duration::from_secs(60);

/// An export to be made.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub struct NewExport {
    /// What is to be written.
    pub format: ExportFormat,
}

/// What has become of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportStatus {
    /// It is being written, or waits for that.
    Running,
    /// It can be downloaded.
    Ready,
    /// It failed.
    Failed,
    /// It could be downloaded, and is gone.
    Expired,
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Names it.
    pub id: ExportId,
    /// The project.
    pub project_id: ProjectId,
    /// What is written.
    pub format: ExportFormat,
    /// Who asked for it.
    pub requested_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// What has become of it.
    pub status: ExportStatus,
    /// Where it can be downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_url: Option<String>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SafeInteger>,
    /// Until when it can be downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Why it failed, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Export {
    /// Where an export can be downloaded: a path on this server.
    fn url(id: &ExportId) -> String {
        format!("/api/exports/{id}/download")
    }

    /// What its file is called where it is saved.
    fn file_name(&self) -> String {
        format!("stories-{}.{}", self.id, extension(self.format))
    }
}

/// The ending of a file of this format.
pub(super) fn extension(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Zip => "zip",
        ExportFormat::Json => "json",
    }
}

pub(super) fn routes() -> ApiRouter<Arc<Engine>> {
    http::routes()
}

impl Stories {
    /// Asks for an export of a project's stories.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectAccessDenied`], [`ErrorCode::ProjectInactive`],
    /// [`ErrorCode::Conflict`] while as many are under way as may be; or when the database fails.
    pub async fn export(
        &self,
        engine: &Engine,
        user: &UserId,
        project: &ProjectId,
        new: NewExport,
    ) -> Result<Export> {
        let project = self.changed(project, user).await?.id;
        let export = Export {
            id: ExportId(uuid::Uuid::now_v7().to_string()),
            project_id: project,
            format: new.format,
            requested_by: user.clone(),
            created_at: clock::timestamp(),
            status: ExportStatus::Running,
            download_url: None,
            size: None,
            expires_at: None,
            code: None,
            message: None,
        };
        {
            let _lock = engine.lock(&room(&export.project_id)).await?;
            let pool = self.store.pool();
            if queries::running(pool, &export.project_id).await? >= MAX_RUNNING {
                let message = format!("{MAX_RUNNING} exports of this project are under way");
                return Err(Error::refused(ErrorCode::Conflict, message));
            }
            queries::insert(pool, &export).await?;
            engine
                .publish(
                    &room(&export.project_id),
                    &ExportStarted {
                        project_id: export.project_id.clone(),
                        timestamp: export.created_at,
                        export_id: export.id.clone(),
                        format: export.format,
                        requested_by: user.clone(),
                    },
                )
                .await?;
        }
        self.to_export.notify_one();
        Ok(export)
    }

    /// An export, where somebody may see it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProjectAccessDenied`], or when the database fails.
    async fn seen_export(&self, id: &ExportId, user: &UserId) -> Result<Export> {
        let export = self.stored_export(id).await?;
        self.seen(&export.project_id, user).await?;
        Ok(export)
    }

    async fn stored_export(&self, id: &ExportId) -> Result<Export> {
        queries::get(self.store.pool(), id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such export"))
    }

    /// The file of an export that can be downloaded.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] while it is being written, [`ErrorCode::NotFound`] where it failed
    /// or has expired.
    fn export_file(&self, export: &Export) -> Result<PathBuf> {
        let expired = export.expires_at.is_some_and(|at| at <= clock::timestamp());
        match export.status {
            ExportStatus::Ready if !expired => Ok(self.media.export(&export.id, export.format)),
            ExportStatus::Running => {
                Err(Error::refused(ErrorCode::Conflict, "the export is still being written"))
            }
            ExportStatus::Failed => Err(Error::refused(ErrorCode::NotFound, "the export failed")),
            ExportStatus::Ready | ExportStatus::Expired => {
                Err(Error::refused(ErrorCode::NotFound, "the export has expired"))
            }
        }
    }

    /// Removes exports that have expired, for as long as the server runs.
    pub(super) async fn expire_exports(self, engine: Arc<Engine>) {
        let mut ticks = interval(self.settings.export_age.min(EXPIRY_PERIOD));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = engine.stopped() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.expire().await {
                tracing::error!(%error, "exports that have expired can't be removed");
            }
        }
    }

    async fn expire(&self) -> Result<()> {
        for (id, format) in queries::expiring(self.store.pool(), clock::timestamp()).await? {
            // First the file: it isn't looked for again once the export has expired.
            match tokio::fs::remove_file(self.media.export(&id, format)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => queries::expired(self.store.pool(), &id).await?,
            }
        }
        Ok(())
    }
}
