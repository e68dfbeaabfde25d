//! The files in `MEDIA_DIR`: recordings, exports, and parts of those that are still coming in. What a file is
//! called is never a client's choice.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use samewire_protocol::{
    id::{ExportId, StoryId},
    stories::ExportFormat,
};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncWriteExt, BufWriter},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{Stories, exports::extension};
use crate::{
    engine::Engine,
    error::{Error, Result},
};

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;

/// A part that nothing was written to for so long has been left behind by a server that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

/// How often parts that were left behind are looked for.
const LOOK_PERIOD: Duration = Duration::from_secs(10 * 60);

/// `MEDIA_DIR` can't be used.
#[derive(Debug, thiserror::Error)]
#[error("MEDIA_DIR must be a folder that can be written to: {0}")]
pub struct MediaDirError(#[from] io::Error);

/// The files in `MEDIA_DIR`.
#[derive(Debug, Clone)]
pub struct Media {
    stories: Arc<Path>,
    exports: Arc<Path>,
    parts: Arc<Path>,
}

/// A file that is being written. It is gone when this is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct Part {
    file: NamedTempFile,
    writer: BufWriter<tokio::fs::File>,
    size: u64,
}

impl Media {
    /// The files in this folder, which is made where there is none.
    ///
    /// # Errors
    /// When it can't be made or written to.
    pub fn open(folder: &Path) -> Result<Self, MediaDirError> {
        let subfolder = |name| -> io::Result<Arc<Path>> {
            let path = folder.join(name);
            fs::create_dir_all(&path)?;
            Ok(path.into())
        };
        let media = Self {
            stories: subfolder("stories")?,
            exports: subfolder("exports")?,
            parts: subfolder("parts")?,
        };
        // Whether it can be written to is told by writing.
        NamedTempFile::new_in(&media.parts)?;
        Ok(media)
    }

    /// Where a story's recording is.
    pub(super) fn recording(&self, id: &StoryId) -> PathBuf {
        self.stories.join(id.as_str())
    }

    /// Where an export's file is.
    pub(super) fn export(&self, id: &ExportId, format: ExportFormat) -> PathBuf {
        self.exports.join(format!("{id}.{}", extension(format)))
    }

    /// A new file, gone when it is dropped, unless it was given to [`keep`].
    pub(super) fn file(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(&self.parts)
    }

    /// A new file that comes in bit by bit.
    pub(super) fn part(&self) -> io::Result<Part> {
        let file = self.file()?;
        let writer = tokio::fs::File::from_std(file.reopen()?);
        Ok(Part { file, writer: BufWriter::with_capacity(WRITE_BYTES, writer), size: 0 })
    }

    /// Removes parts that were left behind.
    fn tidy(&self, now: SystemTime) -> io::Result<()> {
        for entry in fs::read_dir(&self.parts)? {
            let entry = entry?;
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            // One that is gone by now needs no removal.
            let old =
                written.is_ok_and(|at| now.duration_since(at).unwrap_or_default() > LEFT_BEHIND);
            if old {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

impl Part {
    /// Bytes written.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its place, once all of it is safe on the disk.
    pub(super) async fn keep(mut self, place: PathBuf) -> io::Result<()> {
        self.writer.flush().await?;
        self.writer.get_ref().sync_all().await?;
        spawn_blocking(move || keep(self.file, &place)).await.map_err(io::Error::other)?
    }
}

/// Gives a file its place. Blocking.
pub(super) fn keep(file: NamedTempFile, place: &Path) -> io::Result<()> {
    file.persist(place)?;
    // The name is to be safe on the disk, too.
    place.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

impl Stories {
    /// Removes what was left behind in `MEDIA_DIR`, for as long as the server runs.
    pub(super) async fn keep_media(self, engine: Arc<Engine>) {
        let mut ticks = interval(LOOK_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = engine.stopped() => return,
                _ = ticks.tick() => {}
            }
            let media = self.media.clone();
            let tidied = spawn_blocking(move || media.tidy(SystemTime::now())).await;
            if let Err(error) = tidied.map_err(io::Error::other).flatten().map_err(Error::Io) {
                tracing::error!(%error, "MEDIA_DIR can't be tidied");
            }
        }
    }
}
