//! What a recording is: all of its bytes are read, and where it sounds, all of its packets.
//! Blocking: for a thread of its own.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::digest;
use symphonia::core::{
    errors::Error as FormatError,
    formats::{FormatOptions, TrackType, probe::Hint},
    io::{MediaSource, MediaSourceStream},
    meta::MetadataOptions,
    units::{TimeBase, Timestamp},
};

/// Bytes at a file's beginning that tell its type.
const HEAD_BYTES: usize = 8 * 1024;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Types of audio that are read; one of these that can't be is broken. Others are taken as they are.
const READABLE: [&str; 9] = [
    "audio/mpeg",
    "audio/m4a",
    "audio/ogg",
    "audio/x-flac",
    "audio/x-wav",
    "audio/aac",
    "audio/x-aiff",
    "audio/opus",
    "audio/x-caf",
];

/// What was found out about a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recording {
    /// Its media type, by its content.
    pub(super) media_type: String,
    /// Its SHA-256, in hexadecimal.
    pub(super) checksum: String,
    /// What sounds in it, or why that can't be told.
    pub(super) audio: Result<Option<Audio>, String>,
}

/// The audio of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Audio {
    /// How long it is, in milliseconds.
    pub(super) duration_ms: u64,
    /// Its sample rate, in hertz.
    pub(super) sample_rate: Option<u32>,
}

/// How far reading a file has come, in bytes.
#[derive(Debug, Default)]
pub(super) struct Position(AtomicU64);

impl Position {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reads a recording. `stage` is told what is done next, `go_on` is asked now and then.
///
/// # Errors
/// When the file can't be read, or `go_on` said no ([`io::ErrorKind::Interrupted`]).
pub(super) fn read(
    path: &Path,
    position: &Arc<Position>,
    stage: impl Fn(&'static str),
    go_on: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> io::Result<Recording> {
    stage("checksum");
    let mut file = File::open(path)?;
    let (head, checksum) = checksum(&mut Watched::new(&mut file, position, go_on.clone()))?;
    let mut media_type = media_type(&head).to_owned();
    let kind = media_type.split('/').next().unwrap_or_default();
    let mut audio = Ok(None);
    if matches!(kind, "audio" | "video") {
        stage("audio");
        file.rewind()?;
        position.0.store(0, Ordering::Relaxed);
        let stopped = go_on.clone();
        let source = Box::new(Watched::new(file, position, go_on));
        // A spoilt header may be worse for a reader than an error: its sums overflow, and where
        // that is checked it panics.
        let read = catch_unwind(AssertUnwindSafe(|| audio_of(source)))
            .unwrap_or(Err(FormatError::DecodeError("its header is spoilt")));
        if !stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        audio = match read {
            Ok(found) => {
                // A container that is known for films and holds none.
                if let Some(rest) = media_type.strip_prefix("video/")
                    && found.sounds_only
                {
                    media_type = format!("audio/{rest}");
                }
                Ok(found.audio)
            }
            Err(error) if READABLE.contains(&media_type.as_str()) => {
                Err(format!("the recording can't be read: {error}"))
            }
            Err(_) => Ok(None),
        };
    }
    Ok(Recording { media_type, checksum, audio })
}

/// The head of a file, and the SHA-256 of all of it.
fn checksum(file: &mut impl Read) -> io::Result<(Vec<u8>, String)> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        let free = HEAD_BYTES - head.len();
        head.extend_from_slice(&buffer[..count.min(free)]);
        context.update(&buffer[..count]);
    }
    Ok((head, hex::encode(context.finish())))
}

fn media_type(head: &[u8]) -> &'static str {
    match infer::get(head) {
        Some(found) => found.mime_type(),
        None => match std::str::from_utf8(head) {
            Ok(_) => "text/plain",
            // Cut within a character.
            Err(error) if error.error_len().is_none() => "text/plain",
            Err(_) => "application/octet-stream",
        },
    }
}

struct Found {
    audio: Option<Audio>,
    /// There are tracks, and none of them is for the eyes.
    sounds_only: bool,
}

/// Reads all packets: what a header says of the length may be wrong, or missing.
fn audio_of(source: Box<dyn MediaSource>) -> Result<Found, FormatError> {
    let stream = MediaSourceStream::new(source, Default::default());
    let mut format = symphonia::default::get_probe().probe(
        &Hint::new(),
        stream,
        FormatOptions::default(),
        MetadataOptions::default(),
    )?;
    let sounds_only = format.first_track(TrackType::Audio).is_some()
        && format.first_track(TrackType::Video).is_none();
    let Some(track) = format.first_track(TrackType::Audio) else {
        return Ok(Found { audio: None, sounds_only });
    };
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let sample_rate = parameters.and_then(|parameters| parameters.sample_rate);
    let time_base = track.time_base.or_else(|| TimeBase::try_from_recip(sample_rate?));
    let (mut first, mut end) = (None, None);
    loop {
        match format.next_packet() {
            Ok(Some(packet)) if packet.track_id == id => {
                first.get_or_insert(packet.pts);
                end = end.max(Some(packet.pts.saturating_add(packet.dur)));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(FormatError::ResetRequired) => break,
            // Cut off: it is as long as what there is.
            Err(FormatError::IoError(error))
                if error.kind() == io::ErrorKind::UnexpectedEof && end.is_some() =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let length = first.zip(end).and_then(|(first, end): (Timestamp, Timestamp)| {
        time_base?.calc_duration(end.duration_from(first)?)
    });
    let duration_ms = match (length, time_base) {
        (Some(length), _) => u64::try_from(length.as_millis()).unwrap_or(0),
        (None, Some(_)) => 0,
        (None, None) => return Ok(Found { audio: None, sounds_only }),
    };
    Ok(Found { audio: Some(Audio { duration_ms, sample_rate }), sounds_only })
}

/// A file that tells how far it was read, and ends with an error once it is to be read no longer.
struct Watched<F, G> {
    file: F,
    position: Arc<Position>,
    go_on: G,
}

impl<F, G> Watched<F, G> {
    fn new(file: F, position: &Arc<Position>, go_on: G) -> Self {
        Self { file, position: position.clone(), go_on }
    }
}

impl<F: Read, G: Fn() -> bool> Read for Watched<F, G> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !(self.go_on)() {
            // Not `Interrupted`, which readers take for a reason to try again.
            return Err(io::Error::other("the server is stopping"));
        }
        let count = self.file.read(buffer)?;
        self.position.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<G> Seek for Watched<File, G> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.file.seek(to)?;
        self.position.0.store(at, Ordering::Relaxed);
        Ok(at)
    }
}

impl<G: Fn() -> bool + Send + Sync> MediaSource for Watched<File, G> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        self.file.metadata().ok().map(|metadata| metadata.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_bytes(bytes: &[u8]) -> Recording {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read(file.path(), &Arc::default(), |_| {}, || true).unwrap()
    }

    fn wav(frames: u32) -> Vec<u8> {
        let size = 2 * frames;
        let mut wav = b"RIFF".to_vec();
        wav.extend((36 + size).to_le_bytes());
        wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        wav.extend(8000_u32.to_le_bytes());
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(b"\x02\0\x10\0data");
        wav.extend(size.to_le_bytes());
        wav.extend(vec![0; size as usize]);
        wav
    }

    #[test]
    fn a_recording_is_as_long_as_its_frames() {
        let read = read_bytes(&wav(12_000));
        assert_eq!(read.media_type, "audio/x-wav");
        assert_eq!(read.audio, Ok(Some(Audio { duration_ms: 1500, sample_rate: Some(8000) })));
    }

    #[test]
    fn a_checksum_is_sha_256() {
        let read = read_bytes(b"abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((read.checksum.as_str(), read.media_type.as_str()), (expected, "text/plain"));
    }

    #[test]
    fn stages_and_position_tell_how_far_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = wav(8000);
        std::fs::write(file.path(), &bytes).unwrap();
        let position = Arc::new(Position::default());
        let told = parking_lot::Mutex::new(Vec::new());
        read(file.path(), &position, |stage| told.lock().push((stage, position.get())), || true)
            .unwrap();
        assert_eq!(*told.lock(), [("checksum", 0), ("audio", bytes.len() as u64)]);
        assert_eq!(position.get(), bytes.len() as u64);
    }

    #[test]
    fn who_says_stop_is_heard_in_the_middle() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), wav(1_000_000)).unwrap();
        let asked = Arc::new(AtomicU64::new(0));
        let go_on = move || asked.fetch_add(1, Ordering::Relaxed) < 5;
        let position = Arc::new(Position::default());
        assert!(read(file.path(), &position, |_| {}, go_on).is_err());
        assert!(position.get() < 1_000_000, "{}", position.get());
    }

    #[test]
    fn a_header_whose_sums_overflow_is_an_error() {
        let mut bytes = wav(200);
        // 65,535 channels of two bytes each: more than its own field for their sum can say.
        bytes[22..24].fill(0xff);
        let read = read_bytes(&bytes);
        assert!(read.audio.is_err(), "{:?}", read.audio);
    }

    /// The beginnings of what is read, by which it is told.
    const MAGIC: [&[u8]; 9] = [
        b"RIFF\xff\xff\xff\x7fWAVE",
        b"fLaC\0\0\0\x22",
        b"OggS\0\x02",
        b"ID3\x04\0\0\0\0\x10\0",
        b"\xff\xfb\x90\x64",
        b"\0\0\0\x18ftypM4A ",
        b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f",
        b"FORM\0\0\x10\0AIFF",
        b"caff\0\x01\0\0",
    ];

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(
            magic in 0..MAGIC.len(),
            rest in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let bytes = [MAGIC[magic], &rest].concat();
            prop_assert_eq!(read_bytes(&bytes).checksum.len(), 64);
        }

        #[test]
        fn no_spoilt_recording_breaks_the_reader(
            at in 0..200_usize, byte in any::<u8>(), cut in 0..600_usize,
        ) {
            let mut bytes = wav(200);
            bytes[at] = byte;
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert_eq!(read_bytes(&bytes).checksum.len(), 64);
        }
    }
}
