//! The job that writes exports.

use std::sync::{Arc, atomic::Ordering};

use samewire_protocol::{
    ErrorCode, SafeInteger, Timestamp,
    id::ExportId,
    stories::{ExportFailed, ExportProgress, ExportReady},
};
use tokio::{
    runtime::Handle,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{
    super::{
        Stories,
        jobs::{self, PROGRESS_PERIOD},
        media, queries as story_queries, room,
    },
    Export, MAX_READY,
    archive::{self, ArchiveError, Contents, Progress, ProjectOf, STORY_WEIGHT},
    queries,
};
use crate::{clock, engine::Engine, error::Result};

/// Exports that are written at the same time.
const AT_ONCE: usize = 2;

/// How many stories there are to write, and what they weigh.
#[derive(Debug, Clone, Copy)]
struct Whole {
    stories: u32,
    weight: u64,
}

impl Stories {
    /// Writes exports for as long as the server runs.
    pub(in super::super) async fn write_exports(self, engine: Arc<Engine>) {
        let find = async |limit| Ok(queries::to_write(self.store.pool(), limit).await?);
        let work = |id| {
            let (domain, engine) = (self.clone(), engine.clone());
            async move { domain.write_export(&engine, &id).await }
        };
        jobs::run(&engine, &self.to_export, AT_ONCE, find, work).await;
    }

    async fn write_export(&self, engine: &Arc<Engine>, id: &ExportId) -> Result<()> {
        let export = self.stored_export(id).await?;
        let project = self.projects.get(&export.project_id).await?;
        let extent = story_queries::stories::extent(self.store.pool(), &project.id).await?;
        let whole = Whole {
            stories: u32::try_from(extent.stories).unwrap_or(u32::MAX),
            weight: extent.bytes.saturating_add(extent.stories.saturating_mul(STORY_WEIGHT)),
        };
        let contents = Contents {
            runtime: Handle::current(),
            pool: self.store.pool().clone(),
            media: self.media.clone(),
            export: id.clone(),
            project: ProjectOf { id: project.id, name: project.name },
            format: export.format,
            exported_at: clock::timestamp(),
            last: extent.last,
        };
        let progress = Arc::new(Progress::default());
        let mut writing = spawn_blocking({
            let (progress, engine) = (progress.clone(), engine.clone());
            move || write(&contents, &progress, &|| !engine.is_stopping())
        });
        let mut ticks = interval(PROGRESS_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let written = loop {
            tokio::select! {
                written = &mut writing => break written,
                _ = ticks.tick() => tell(engine, &export, &progress, whole).await?,
            }
        };
        let _lock = engine.lock(&room(&export.project_id)).await?;
        match written {
            Ok(Ok(size)) => {
                tell(engine, &export, &progress, whole).await?;
                self.ready(engine, &export, size).await
            }
            Ok(Err(ArchiveError::Stopped)) => Ok(()),
            // With the server its database may have gone first.
            Ok(Err(_)) | Err(_) if engine.is_stopping() => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, export = %export.id, "an export failed");
                let (code, message) = error.told();
                self.failed(engine, &export, code, message).await
            }
            // A panic, which the panic hook has told of.
            Err(_) => {
                let message = "the file can't be written".into();
                self.failed(engine, &export, ErrorCode::Internal, message).await
            }
        }
    }

    async fn ready(&self, engine: &Engine, export: &Export, size: u64) -> Result<()> {
        let now = clock::timestamp();
        let age_ms = clock::whole_ms(self.settings.export_age);
        let expires_at = Timestamp::from_unix_ms(now.unix_ms().saturating_add(age_ms));
        queries::ready(self.store.pool(), export, size, expires_at, now, MAX_READY).await?;
        let told = ExportReady {
            project_id: export.project_id.clone(),
            timestamp: now,
            export_id: export.id.clone(),
            download_url: Export::url(&export.id),
            size: SafeInteger::new(size).unwrap_or_default(),
            expires_at,
        };
        engine.publish(&room(&export.project_id), &told).await.map(drop)
    }

    async fn failed(
        &self,
        engine: &Engine,
        export: &Export,
        code: ErrorCode,
        message: String,
    ) -> Result<()> {
        queries::failed(self.store.pool(), &export.id, code, &message).await?;
        let told = ExportFailed {
            project_id: export.project_id.clone(),
            timestamp: clock::timestamp(),
            export_id: export.id.clone(),
            code,
            message,
        };
        engine.publish(&room(&export.project_id), &told).await.map(drop)
    }
}

/// Writes the file under a name of no meaning, which goes with whatever goes wrong, and gives it its
/// place at last. Gives its size in bytes.
fn write(
    contents: &Contents,
    progress: &Progress,
    go_on: &dyn Fn() -> bool,
) -> std::result::Result<u64, ArchiveError> {
    let file = contents.media.file()?;
    archive::write(contents, file.as_file(), progress, go_on)?;
    file.as_file().sync_all()?;
    let size = file.as_file().metadata()?.len();
    media::keep(file, &contents.media.export(&contents.export, contents.format))?;
    Ok(size)
}

async fn tell(engine: &Engine, export: &Export, progress: &Progress, whole: Whole) -> Result<()> {
    let processed = progress.stories.load(Ordering::Relaxed);
    // A story that was stored late may be written though it wasn't counted.
    let total = whole.stories.max(processed);
    #[allow(clippy::cast_precision_loss, reason = "a share of a size")]
    let share = progress.weight.load(Ordering::Relaxed) as f64 / whole.weight.max(1) as f64;
    let told = ExportProgress {
        project_id: export.project_id.clone(),
        timestamp: clock::timestamp(),
        export_id: export.id.clone(),
        progress: if processed == total && total == 0 { 1.0 } else { share.min(1.0) },
        processed,
        total,
    };
    engine.publish(&room(&export.project_id), &told).await.map(drop)
}
