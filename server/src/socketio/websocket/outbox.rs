//! What is to be written to a websocket. A frame's head is made when it is written, and as many
//! frames as wait go into one write.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use engineioxide::Str;
use tokio::io::AsyncWrite;

use crate::{connection::SendError, socketio::Frame};

/// Bytes of messages that may wait in a connection's buffer; one message may be larger.
pub(super) const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;

/// Frames that are written at once.
const AT_ONCE: usize = 32;

/// Up to so many bytes are put together before they are written: the system takes one piece at
/// less cost than several.
const PUT_TOGETHER: usize = 1024;

/// Places of the queue that a connection keeps when it is idle.
const KEPT_PLACES: usize = 8;

/// Engine.IO's CLOSE, and a websocket's close frame without a code.
const CLOSE: &[u8] = &[0x81, 1, b'1', 0x88, 0];

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// How many there are, with those that are being written.
    pub(super) count: usize,
    /// How many bytes the packets among them have, with their binary values.
    pub(super) bytes: usize,
    /// Somebody was refused for want of space.
    refused: bool,
    /// Nothing more is taken.
    pub(super) closing: bool,
    /// A close frame is queued or written, behind which nothing may follow (RFC 6455, section 5.5.1):
    /// no ping, and no answer to the close frame that the client may have sent at the same moment.
    pub(super) farewell: bool,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A Socket.IO packet's text.
    Packet(Str),
    /// A binary value that follows one.
    Binary(Bytes),
    /// Whole websocket frames.
    Raw(Bytes),
}

impl Outbox {
    /// Queues a packet if there is space for it. Says whether nothing else waited.
    pub(super) fn push_packet(
        &mut self,
        frame: Frame,
        max_waiting: usize,
    ) -> Result<bool, SendError> {
        if self.closing {
            return Err(SendError::Closed);
        }
        let bytes = self.bytes + frame.len();
        if self.count >= max_waiting || (bytes > MAX_WAITING_BYTES && self.count > 0) {
            self.refused = true;
            return Err(SendError::Full);
        }
        self.bytes = bytes;
        let was_empty = self.waiting.is_empty();
        self.push(Outgoing::Packet(frame.text().clone()));
        for value in frame.attachments().as_slice() {
            self.push(Outgoing::Binary(value.clone()));
        }
        Ok(was_empty)
    }

    /// Queues what has to be written in any case, but for after the farewell.
    pub(super) fn push(&mut self, outgoing: Outgoing) {
        if self.farewell {
            return;
        }
        self.count += 1;
        self.waiting.push_back(outgoing);
    }

    /// Takes nothing more, and bids farewell.
    pub(super) fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.push(Outgoing::Raw(Bytes::from_static(CLOSE)));
            self.farewell = true;
        }
    }

    /// Takes nothing more, and drops what waits.
    pub(super) fn discard(&mut self) {
        self.closing = true;
        self.waiting = VecDeque::new();
    }
}

/// What is being written: taken from an outbox, so that others can fill that meanwhile.
#[derive(Debug, Default)]
pub(super) struct Writing {
    frames: VecDeque<Outgoing>,
    /// Bytes of the first of them that are written.
    written: usize,
}

impl Writing {
    /// Takes what waits where nothing is left to be written. Says whether there is anything.
    pub(super) fn refill(&mut self, outbox: &mut Outbox) -> bool {
        if self.frames.is_empty() {
            if self.frames.capacity() > KEPT_PLACES {
                self.frames = VecDeque::new();
            }
            std::mem::swap(&mut outbox.waiting, &mut self.frames);
        }
        !self.frames.is_empty()
    }

    /// Writes as much as is taken at once.
    pub(super) fn poll_write<T: AsyncWrite + ?Sized>(
        &self,
        io: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let size: usize = self.frames.iter().take(AT_ONCE).map(Outgoing::size).sum();
        if size > PUT_TOGETHER {
            return self.poll_write_gathered(io, cx);
        }
        let mut together = [0; PUT_TOGETHER];
        let mut end = 0;
        for outgoing in self.frames.iter().take(AT_ONCE) {
            let (head, length) = outgoing.head();
            for part in [&head[..length], outgoing.body()] {
                together[end..end + part.len()].copy_from_slice(part);
                end += part.len();
            }
        }
        io.poll_write(cx, &together[self.written..end])
    }

    fn poll_write_gathered<T: AsyncWrite + ?Sized>(
        &self,
        io: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut heads = [([0; MAX_HEAD], 0); AT_ONCE];
        for (head, outgoing) in heads.iter_mut().zip(&self.frames) {
            *head = outgoing.head();
        }
        let mut slices = [IoSlice::new(&[]); 2 * AT_ONCE];
        let mut used = 0;
        let mut skip = self.written;
        for ((head, length), outgoing) in heads.iter().zip(&self.frames) {
            for part in [&head[..*length], outgoing.body()] {
                let skipped = skip.min(part.len());
                skip -= skipped;
                if skipped < part.len() {
                    slices[used] = IoSlice::new(&part[skipped..]);
                    used += 1;
                }
            }
        }
        io.poll_write_vectored(cx, &slices[..used])
    }

    /// Drops what is written. Says whether somebody who was refused is to try again.
    pub(super) fn wrote(&mut self, bytes: usize, outbox: &mut Outbox, max_waiting: usize) -> bool {
        self.written += bytes;
        while let Some(first) = self.frames.front() {
            let size = first.size();
            if self.written < size {
                break;
            }
            self.written -= size;
            outbox.count -= 1;
            outbox.bytes -= match first {
                Outgoing::Packet(text) => text.len(),
                Outgoing::Binary(value) => value.len(),
                Outgoing::Raw(_) => 0,
            };
            self.frames.pop_front();
        }
        let has_space = outbox.count <= max_waiting / 2 && outbox.bytes <= MAX_WAITING_BYTES / 2;
        has_space && std::mem::take(&mut outbox.refused)
    }
}

/// Longest head of what is written: a websocket frame's, and the byte of an Engine.IO message.
const MAX_HEAD: usize = 11;

/// The first byte of a final text frame, and of a binary one (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// The head of a frame that is not masked, and where it ends. It says the length in as few bytes as
/// it can: browsers take no other.
fn frame_head(first: u8, length: usize) -> ([u8; MAX_HEAD], usize) {
    let mut head = [0; MAX_HEAD];
    head[0] = first;
    let end = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => {
            head[1] = length;
            2
        }
        (_, Ok(length)) => {
            head[1] = 126;
            head[2..4].copy_from_slice(&length.to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    (head, end)
}

impl Outgoing {
    /// A packet of Engine.IO.
    pub(super) fn text(packet: &str) -> Self {
        let (head, length) = frame_head(TEXT, packet.len());
        Self::Raw([&head[..length], packet.as_bytes()].concat().into())
    }

    /// What goes before the body.
    fn head(&self) -> ([u8; MAX_HEAD], usize) {
        match self {
            Self::Packet(text) => {
                let (mut head, at) = frame_head(TEXT, text.len() + 1);
                head[at] = b'4';
                (head, at + 1)
            }
            Self::Binary(value) => frame_head(BINARY, value.len()),
            Self::Raw(_) => ([0; MAX_HEAD], 0),
        }
    }

    fn body(&self) -> &[u8] {
        match self {
            Self::Packet(text) => text.as_bytes(),
            Self::Binary(bytes) | Self::Raw(bytes) => bytes,
        }
    }

    fn size(&self) -> usize {
        self.head().1 + self.body().len()
    }
}
