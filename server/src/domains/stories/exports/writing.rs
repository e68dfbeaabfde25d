//! The job that writes exports.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use samewire_protocol::{
    ErrorCode, Timestamp,
    id::ExportId,
    stories::{ExportFailed, ExportProgress, ExportReady},
};
use tempfile::NamedTempFile;
use tokio::{
    runtime::Handle,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{
    super::{
        Stories,
        jobs::{self, Going, PROGRESS_PERIOD},
        media, queries as story_queries, room,
    },
    Export, ExportStatus, MAX_READY,
    archive::{self, ArchiveError, Contents, Progress, ProjectOf, STORY_WEIGHT},
    queries::{self, Ready},
};
use crate::{
    backplane::once::of_job,
    clock,
    engine::Engine,
    error::{Error, Result},
    store::untold::{self, What},
};

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
        let find = async |limit| {
            let pool = self.store.pool();
            let untold = untold::all(pool, What::Export, limit).await?;
            let mut found: Vec<_> = untold.into_iter().map(ExportId).collect();
            found.extend(queries::to_write(pool, limit).await?);
            Ok(found)
        };
        let work = |id| {
            let (domain, engine) = (self.clone(), engine.clone());
            async move { domain.write_export(&engine, &id).await }
        };
        jobs::run(&engine, &self.to_export, AT_ONCE, find, work).await;
    }

    async fn write_export(&self, engine: &Arc<Engine>, id: &ExportId) -> Result<()> {
        let export = self.stored_export(id).await?;
        let mut ended_at = clock::timestamp();
        if export.status == ExportStatus::Running {
            match self.written(engine, export).await? {
                Some(at) => ended_at = at,
                None => return Ok(()),
            }
        }
        let export = self.stored_export(id).await?;
        let _lock = engine.lock(&room(&export.project_id)).await?;
        let pool = self.store.pool();
        if !untold::is_untold(pool, What::Export, id.as_str()).await? {
            return Ok(());
        }
        of_job(format!("export:{id}"), tell_end(engine, export, ended_at)).await?;
        untold::told(engine, pool, What::Export, id.as_str()).await;
        Ok(())
    }

    /// Writes an export, and stores that it is ready or has failed. Gives when that was; nothing where the
    /// server stops, or another was faster.
    async fn written(&self, engine: &Arc<Engine>, export: Export) -> Result<Option<Timestamp>> {
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
            export: export.id.clone(),
            project: ProjectOf { id: project.id, name: project.name },
            format: export.format,
            exported_at: clock::timestamp(),
            last: extent.last,
        };
        let progress = Arc::new(Progress::default());
        let (going, _goes_on) = Going::new();
        let mut writing = spawn_blocking({
            let (progress, engine) = (progress.clone(), engine.clone());
            let go_on = move || going.goes_on() && !engine.is_stopping();
            move || write(&contents, &progress, &go_on)
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
            Ok(Ok((file, size))) => {
                tell(engine, &export, &progress, whole).await?;
                self.ready(&export, file, size).await
            }
            Ok(Err(ArchiveError::Stopped)) => Ok(None),
            // With the server its database may have gone first.
            Ok(Err(_)) | Err(_) if engine.is_stopping() => Ok(None),
            Ok(Err(error)) => {
                tracing::error!(%error, export = %export.id, "an export failed");
                let (code, message) = error.told();
                self.failed(&export, code, &message).await
            }
            // A panic, which the panic hook has told of.
            Err(_) => self.failed(&export, ErrorCode::Internal, "the file can't be written").await,
        }
    }

    async fn ready(
        &self,
        export: &Export,
        file: NamedTempFile,
        size: u64,
    ) -> Result<Option<Timestamp>> {
        let now = clock::timestamp();
        let age_ms = clock::whole_ms(self.settings.export_age);
        let expires_at = Timestamp::from_unix_ms(now.unix_ms().saturating_add(age_ms));
        let place = self.media.export(&export.id, export.format);
        let keep = async {
            spawn_blocking(move || media::keep(file, &place)).await.map_err(io::Error::other)?
        };
        let ready = Ready { size, expires_at, now, kept: MAX_READY };
        match queries::ready(self.store.pool(), export, keep, ready).await {
            Err(Error::Io(error)) => {
                tracing::error!(%error, export = %export.id, "an export failed");
                let (code, message) = ArchiveError::Io(error).told();
                self.failed(export, code, &message).await
            }
            stored => Ok(stored?.then_some(now)),
        }
    }

    async fn failed(
        &self,
        export: &Export,
        code: ErrorCode,
        message: &str,
    ) -> Result<Option<Timestamp>> {
        let failed = queries::failed(self.store.pool(), &export.id, code, message).await?;
        Ok(failed.then(clock::timestamp))
    }
}

/// Tells how an export ended.
async fn tell_end(engine: &Engine, export: Export, timestamp: Timestamp) -> Result<()> {
    let Export { id: export_id, project_id, status, size, expires_at, code, message, .. } = export;
    let room = room(&project_id);
    if status == ExportStatus::Failed {
        let told = ExportFailed {
            project_id,
            timestamp,
            export_id,
            code: code.unwrap_or(ErrorCode::Internal),
            message: message.unwrap_or_default(),
        };
        return engine.publish(&room, &told).await.map(drop);
    }
    let told = ExportReady {
        project_id,
        timestamp,
        download_url: Export::url(&export_id),
        export_id,
        size: size.unwrap_or_default(),
        expires_at: expires_at.unwrap_or(timestamp),
    };
    engine.publish(&room, &told).await.map(drop)
}

/// Writes the file under a name of no meaning, which goes with whatever goes wrong. Gives it with its size
/// in bytes.
fn write(
    contents: &Contents,
    progress: &Progress,
    go_on: &dyn Fn() -> bool,
) -> std::result::Result<(NamedTempFile, u64), ArchiveError> {
    let file = contents.media.file()?;
    archive::write(contents, file.as_file(), progress, go_on)?;
    file.as_file().sync_all()?;
    let size = file.as_file().metadata()?.len();
    Ok((file, size))
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
