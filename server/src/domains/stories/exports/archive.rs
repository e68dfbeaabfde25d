//! What an export's file holds. Blocking: for a thread of its own.
//!
//! A zip has `manifest.json` (what else there is, with sizes and checksums), and of each story
//! `stories/{id}.json` with its interactions, `transcripts/{id}.txt` and `media/{id}.{ending}`. A
//! JSON document has all but the recordings.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use aws_lc_rs::digest;
use samewire_protocol::{
    ErrorCode, Timestamp,
    id::{ExportId, ProjectId, StoryId},
    stories::{ExportFormat, Story},
};
use serde::Serialize;
use sqlx::AnyPool;
use tokio::runtime::Handle;
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::super::{media::Media, queries};
use crate::http::page::PAGE;

/// Bytes that are read or written at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// What a story counts for besides its recording, in bytes, where progress is measured.
pub(super) const STORY_WEIGHT: u64 = 4096;

/// What is to be written.
pub(super) struct Contents {
    pub(super) runtime: Handle,
    pub(super) pool: AnyPool,
    pub(super) media: Media,
    pub(super) export: ExportId,
    pub(super) project: ProjectOf,
    pub(super) format: ExportFormat,
    pub(super) exported_at: Timestamp,
    /// The last story; nothing where there is none.
    pub(super) last: Option<StoryId>,
}

/// The project of an export, as its file names it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ProjectOf {
    pub(super) id: ProjectId,
    pub(super) name: String,
}

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Stories written.
    pub(super) stories: AtomicU32,
    /// Their weight, in bytes.
    pub(super) weight: AtomicU64,
}

/// Why a file can't be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("the server is stopping")]
    Stopped,
    // Without the title, which is for those who wait and not for the log.
    #[error("a recording {problem}")]
    Recording { title: String, problem: &'static str },
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a file: {0}")]
    Io(#[from] io::Error),
    #[error("zip: {0}")]
    Zip(#[from] ZipError),
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

impl ArchiveError {
    /// What those who wait for the export are told.
    pub(super) fn told(&self) -> (ErrorCode, String) {
        match self {
            Self::Recording { title, problem } => {
                (ErrorCode::NotFound, format!("the recording of “{title}” {problem}"))
            }
            Self::Io(error) | Self::Zip(ZipError::Io(error))
                if error.kind() == io::ErrorKind::StorageFull =>
            {
                (ErrorCode::Unavailable, "there is no space left on the disk".into())
            }
            Self::Database(_) => (ErrorCode::Unavailable, "the database can't be reached".into()),
            _ => (ErrorCode::Internal, "the file can't be written".into()),
        }
    }
}

type Result<T> = std::result::Result<T, ArchiveError>;

/// Writes an export's file.
pub(super) fn write(
    contents: &Contents,
    file: &File,
    progress: &Progress,
    go_on: &dyn Fn() -> bool,
) -> Result<()> {
    match contents.format {
        ExportFormat::Zip => write_zip(contents, file, progress, go_on),
        ExportFormat::Json => write_json(contents, file, progress, go_on),
    }
}

/// What `manifest.json` says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    export_id: &'a ExportId,
    project: &'a ProjectOf,
    exported_at: Timestamp,
    stories: u32,
    files: Vec<Entry>,
}

/// A file of the archive.
#[derive(Serialize)]
struct Entry {
    path: String,
    size: u64,
    sha256: String,
}

fn write_zip(
    contents: &Contents,
    file: &File,
    progress: &Progress,
    go_on: &dyn Fn() -> bool,
) -> Result<()> {
    let mut zip = ZipWriter::new(BufWriter::with_capacity(BUFFER_BYTES, file));
    let text = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut files = Vec::new();
    each_story(contents, progress, go_on, |story| {
        let path = format!("stories/{}.json", story.id);
        zip.start_file(&path, text)?;
        let mut out = BufWriter::new(Measured::new(&mut zip));
        write_story(contents, story, &mut out)?;
        files.push(out.into_inner().map_err(|error| error.into_error())?.entry(path));
        if let Some(transcript) = &story.transcript {
            let path = format!("transcripts/{}.txt", story.id);
            zip.start_file(&path, text)?;
            let mut out = Measured::new(&mut zip);
            out.write_all(transcript.as_bytes())?;
            files.push(out.entry(path));
        }
        if let Some(size) = story.size {
            let mut recording = open(contents, story)?;
            let mut buffer = vec![0; BUFFER_BYTES];
            let mut count = recording.read(&mut buffer)?;
            let ending = infer::get(&buffer[..count]).map_or("bin", |found| found.extension());
            let path = format!("media/{}.{ending}", story.id);
            // It is compressed already, as a rule.
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(size.get() >= u64::from(u32::MAX));
            zip.start_file(&path, options)?;
            let mut out = Measured::new(&mut zip);
            while count > 0 {
                if !go_on() {
                    return Err(ArchiveError::Stopped);
                }
                out.write_all(&buffer[..count])?;
                progress.weight.fetch_add(count as u64, Ordering::Relaxed);
                count = recording.read(&mut buffer)?;
            }
            let entry = out.entry(path);
            if story.checksum.as_ref().is_some_and(|checksum| *checksum != entry.sha256) {
                return Err(damaged(story, "is damaged: it isn't what was uploaded"));
            }
            files.push(entry);
        }
        Ok(())
    })?;
    zip.start_file("manifest.json", text)?;
    let manifest = Manifest {
        export_id: &contents.export,
        project: &contents.project,
        exported_at: contents.exported_at,
        stories: progress.stories.load(Ordering::Relaxed),
        files,
    };
    serde_json::to_writer_pretty(&mut zip, &manifest)?;
    zip.finish()?.flush()?;
    Ok(())
}

fn write_json(
    contents: &Contents,
    file: &File,
    progress: &Progress,
    go_on: &dyn Fn() -> bool,
) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    out.write_all(b"{\"exportId\":")?;
    serde_json::to_writer(&mut out, &contents.export)?;
    out.write_all(b",\"project\":")?;
    serde_json::to_writer(&mut out, &contents.project)?;
    out.write_all(b",\"exportedAt\":")?;
    serde_json::to_writer(&mut out, &contents.exported_at)?;
    out.write_all(b",\"stories\":[")?;
    let mut first = true;
    each_story(contents, progress, go_on, |story| {
        if !std::mem::take(&mut first) {
            out.write_all(b",")?;
        }
        progress.weight.fetch_add(story.size.map_or(0, |size| size.get()), Ordering::Relaxed);
        write_story(contents, story, &mut out)
    })?;
    out.write_all(b"]}")?;
    out.flush()?;
    Ok(())
}

/// The stories up to the last, the oldest first, however many there are.
fn each_story(
    contents: &Contents,
    progress: &Progress,
    go_on: &dyn Fn() -> bool,
    mut write: impl FnMut(&Story) -> Result<()>,
) -> Result<()> {
    let Some(last) = &contents.last else { return Ok(()) };
    let mut after = None;
    loop {
        let query =
            queries::stories::up_to(&contents.pool, &contents.project.id, after.as_ref(), last);
        let (stories, next) = contents.runtime.block_on(query)?;
        for story in &stories {
            if !go_on() {
                return Err(ArchiveError::Stopped);
            }
            write(story)?;
            progress.weight.fetch_add(STORY_WEIGHT, Ordering::Relaxed);
            progress.stories.fetch_add(1, Ordering::Relaxed);
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// A story with all that was said about it.
fn write_story(contents: &Contents, story: &Story, out: &mut impl Write) -> Result<()> {
    out.write_all(b"{\"story\":")?;
    serde_json::to_writer(&mut *out, story)?;
    out.write_all(b",\"interactions\":[")?;
    let mut after = None;
    let mut separator: &[u8] = b"";
    loop {
        let query = queries::interactions::page(&contents.pool, &story.id, after.as_ref(), PAGE);
        let interactions = contents.runtime.block_on(query)?;
        for interaction in &interactions {
            out.write_all(separator)?;
            serde_json::to_writer(&mut *out, interaction)?;
            separator = b",";
        }
        match interactions.last() {
            Some(last) if i64::try_from(interactions.len()) == Ok(PAGE) => {
                after = Some(last.id.clone());
            }
            _ => break,
        }
    }
    out.write_all(b"]}")?;
    Ok(())
}

fn open(contents: &Contents, story: &Story) -> Result<File> {
    File::open(contents.media.recording(&story.id)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => damaged(story, "is no longer there"),
        _ => error.into(),
    })
}

fn damaged(story: &Story, problem: &'static str) -> ArchiveError {
    ArchiveError::Recording { title: story.title.clone(), problem }
}

/// Counts and sums up what is written.
struct Measured<W> {
    out: W,
    size: u64,
    sum: digest::Context,
}

impl<W> Measured<W> {
    fn new(out: W) -> Self {
        Self { out, size: 0, sum: digest::Context::new(&digest::SHA256) }
    }

    fn entry(self, path: String) -> Entry {
        Entry { path, size: self.size, sha256: hex::encode(self.sum.finish()) }
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.size += count as u64;
        self.sum.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
