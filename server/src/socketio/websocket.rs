//! Engine.IO v4 (<https://github.com/socketio/engine.io-protocol>) over a connection that is a
//! websocket from the start.
//!
//! What is sent is shared by all who are sent it, down to the system call: a frame's head is made
//! when it is written, and as many frames as wait go into one write. A connection that is idle
//! keeps no buffer but a small one to read into. tungstenite reads, and answers control frames.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Read, Write},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Bytes;
use engineioxide::Str;
use futures::{future::poll_fn, task::AtomicWaker};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::{Instant, Sleep, sleep_until},
};
use tungstenite::{
    Message,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{Frame, Link, link::Incoming};
use crate::connection::SendError;

/// Bytes of messages that may wait in a connection's buffer; one message may be larger.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;

/// Frames that are written at once.
const AT_ONCE: usize = 32;

/// What a connection is read into. A larger message has a place of its own while it comes.
const READ_BYTES: usize = 1024;

/// Places of the queue that a connection keeps when it is idle.
const KEPT_PLACES: usize = 8;

/// A client whose system takes nothing off the wire for so long is gone.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection that is being closed has for what is still to be written.
const LINGER: Duration = Duration::from_secs(1);

/// The settings of a websocket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// How often a client is pinged.
    pub(crate) ping_interval: Duration,
    /// How long it may take to answer.
    pub(crate) ping_timeout: Duration,
    /// Messages that may wait in a connection's buffer.
    pub(crate) max_waiting: usize,
    /// Bytes of a message that are read; a larger one ends the connection.
    pub(crate) max_message_bytes: usize,
    /// Bytes of messages that may wait for the connection's task.
    pub(crate) queue_bytes: usize,
}

/// A connection, as its task and the rooms see it.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(super) link: Link,
    /// The token in the request that became this connection, where there was one.
    pub(super) token: Option<String>,
    settings: Settings,
    outbox: Mutex<Outbox>,
    /// Wakes whoever writes.
    driver: AtomicWaker,
    /// Wakes the connection's task where the outbox has room again.
    room: Notify,
    ended: AtomicBool,
    /// Wakes the connection's task when the connection has ended.
    end: Notify,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// How many there are, with those that are being written.
    count: usize,
    /// How many bytes they have.
    bytes: usize,
    /// Somebody was refused for want of room.
    refused: bool,
    /// Nothing more is taken.
    closing: bool,
}

#[derive(Debug)]
enum Outgoing {
    /// A Socket.IO packet.
    Packet(Frame),
    /// A whole websocket frame.
    Raw(Bytes),
}

/// Engine.IO's PING, in a websocket text frame.
const PING: &[u8] = &[0x81, 1, b'2'];

/// Engine.IO's CLOSE, and a websocket's close frame without a code.
const CLOSE: &[u8] = &[0x81, 1, b'1', 0x88, 0];

impl WebSocket {
    pub(crate) fn new(settings: Settings, token: Option<String>) -> Self {
        Self {
            link: Link::default(),
            token,
            settings,
            outbox: Mutex::default(),
            driver: AtomicWaker::new(),
            room: Notify::new(),
            ended: AtomicBool::new(false),
            end: Notify::new(),
        }
    }

    /// Queues the first packet of a session.
    ///
    /// The session id names it as the protocol wants it. No request is served under it: there is
    /// nothing to be done by whoever learns it.
    pub(crate) fn open(&self) {
        let Settings { ping_interval, ping_timeout, max_message_bytes, .. } = self.settings;
        let open = format!(
            "0{{\"sid\":\"{}\",\"upgrades\":[],\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
            uuid::Uuid::new_v4().simple(),
            ping_interval.as_millis(),
            ping_timeout.as_millis(),
            max_message_bytes,
        );
        let (head, at) = text_head(open.len());
        let frame = [&head[..at], open.as_bytes()].concat();
        self.outbox.lock().push(Outgoing::Raw(frame.into()));
    }

    /// Queues a packet if there is room for it.
    pub(crate) fn emit(&self, frame: Frame) -> Result<(), SendError> {
        let mut outbox = self.outbox.lock();
        if outbox.closing {
            return Err(SendError::Closed);
        }
        let bytes = outbox.bytes + frame.len();
        if outbox.count >= self.settings.max_waiting
            || (bytes > MAX_WAITING_BYTES && outbox.count > 0)
        {
            outbox.refused = true;
            return Err(SendError::Full);
        }
        outbox.bytes = bytes;
        outbox.push(Outgoing::Packet(frame));
        let first = outbox.waiting.len() == 1;
        drop(outbox);
        if first {
            self.driver.wake();
        }
        Ok(())
    }

    /// Waits until there is room after a refusal, or the connection has ended.
    pub(crate) async fn has_room(&self) {
        self.room.notified().await;
    }

    /// Lets what is queued be written, then ends the connection.
    pub(crate) fn close(&self) {
        let mut outbox = self.outbox.lock();
        if !outbox.closing {
            outbox.closing = true;
            outbox.push(Outgoing::Raw(Bytes::from_static(CLOSE)));
        }
        drop(outbox);
        self.driver.wake();
    }

    /// Waits until the connection has ended.
    pub(crate) async fn closed(&self) {
        let end = self.end.notified();
        if !self.ended.load(Ordering::SeqCst) {
            end.await;
        }
    }

    fn ended(&self) {
        let mut outbox = self.outbox.lock();
        outbox.closing = true;
        outbox.waiting = VecDeque::new();
        drop(outbox);
        self.ended.store(true, Ordering::SeqCst);
        self.end.notify_waiters();
        self.room.notify_one();
    }
}

impl Outbox {
    fn push(&mut self, outgoing: Outgoing) {
        self.count += 1;
        self.waiting.push_back(outgoing);
    }
}

/// Reads and writes a connection.
pub(crate) struct Driver<T> {
    socket: Arc<WebSocket>,
    io: T,
    reading: WebSocketContext,
    /// Taken from the outbox.
    writing: VecDeque<Outgoing>,
    /// Bytes of the first of them that are written.
    written: usize,
    /// Since when the client's system takes nothing.
    stalled: Option<Instant>,
    /// When what is still to be written is given up.
    closing: Option<Instant>,
    pinged: Instant,
    /// Something came since the last ping.
    heard: bool,
}

/// Why a connection ended without a farewell. Nobody is answered any more: it is for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("its client asks without reading the answers")]
    Flooded,
    #[error("its client reads nothing")]
    Stalled,
    #[error("its client is silent")]
    Silent,
    #[error("its client did not say farewell")]
    Overdue,
    #[error("its client sent what is no frame of Engine.IO")]
    Frame,
    #[error("{0}")]
    WebSocket(#[from] tungstenite::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl<T: AsyncRead + AsyncWrite + Unpin> Driver<T> {
    pub(crate) fn new(socket: Arc<WebSocket>, io: T) -> Self {
        let settings = socket.settings;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(settings.max_message_bytes))
            .max_frame_size(Some(settings.max_message_bytes));
        Self {
            socket,
            io,
            reading: WebSocketContext::new(Role::Server, Some(config)),
            writing: VecDeque::new(),
            written: 0,
            stalled: None,
            closing: None,
            pinged: Instant::now(),
            heard: true,
        }
    }

    /// Runs until the connection has ended.
    pub(crate) async fn run(mut self) {
        let mut timer = pin!(sleep_until(self.next_deadline()));
        match poll_fn(|cx| self.poll(cx, timer.as_mut())).await {
            Ok(()) => _ = poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await,
            Err(ended) => tracing::debug!("a websocket ended: {ended}"),
        }
        self.socket.ended();
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Result<(), Ended>> {
        self.socket.driver.register(cx.waker());
        while let Poll::Ready(read) = self.poll_read(cx) {
            // Once it is to end, only what is to be written counts.
            match (self.closing, read) {
                (None, read) => read?,
                (Some(_), Ok(())) => {}
                (Some(_), Err(_)) => break,
            }
        }
        loop {
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) if self.closing.is_some() => return Poll::Ready(Ok(())),
                Poll::Ready(written) => written?,
                Poll::Pending => {}
            }
            let deadline = self.next_deadline();
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.on_time(Instant::now())?;
            timer.as_mut().reset(self.next_deadline());
        }
    }

    /// Takes the next message.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut wire = Wire { io: &mut self.io, cx, replies: Vec::new() };
        let read = self.reading.read(&mut wire);
        if !wire.replies.is_empty() {
            let replies = Outgoing::Raw(wire.replies.into());
            let mut outbox = self.socket.outbox.lock();
            // A client that asks and asks, and reads no answer.
            if outbox.count > 2 * self.socket.settings.max_waiting {
                return Poll::Ready(Err(Ended::Flooded));
            }
            outbox.push(replies);
        }
        let message = match read {
            Ok(message) => message,
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Poll::Pending;
            }
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        self.heard = true;
        let link = &self.socket.link;
        match message {
            Message::Text(text) => match text.as_bytes().first() {
                Some(b'4') => {
                    let text = Str::copy_from_slice(&text[1..]);
                    link.push(Incoming::Text(text), self.socket.settings.queue_bytes);
                }
                Some(b'2' | b'3') => {}
                // CLOSE, or nothing that a client may send.
                _ => return Poll::Ready(Err(Ended::Frame)),
            },
            Message::Binary(data) => {
                link.push(Incoming::Binary(data.len()), self.socket.settings.queue_bytes);
            }
            // Its answer is among the replies.
            Message::Close(_) => {
                self.socket.outbox.lock().closing = true;
                self.closing = Some(Instant::now() + LINGER);
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all that waits.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        if self.closing.is_none() && self.socket.outbox.lock().closing {
            self.closing = Some(Instant::now() + LINGER);
        }
        loop {
            if self.writing.is_empty() {
                if self.writing.capacity() > KEPT_PLACES {
                    self.writing = VecDeque::new();
                }
                std::mem::swap(&mut self.socket.outbox.lock().waiting, &mut self.writing);
                if self.writing.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            match write(Pin::new(&mut self.io), cx, &self.writing, self.written) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
                }
                Poll::Ready(written) => self.wrote(written?),
                Poll::Pending => {
                    self.stalled.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Drops what is written.
    fn wrote(&mut self, bytes: usize) {
        self.stalled = None;
        self.written += bytes;
        let mut outbox = self.socket.outbox.lock();
        while let Some(first) = self.writing.front() {
            let size = first.size();
            if self.written < size {
                break;
            }
            self.written -= size;
            outbox.count -= 1;
            if let Outgoing::Packet(frame) = first {
                outbox.bytes -= frame.len();
            }
            self.writing.pop_front();
        }
        let half = self.socket.settings.max_waiting / 2;
        if outbox.refused && outbox.count <= half && outbox.bytes <= MAX_WAITING_BYTES / 2 {
            outbox.refused = false;
            self.socket.room.notify_one();
        }
    }

    /// Does what is due.
    fn on_time(&mut self, now: Instant) -> Result<(), Ended> {
        let Settings { ping_interval, ping_timeout, .. } = self.socket.settings;
        if !self.heard && now >= self.pinged + ping_timeout {
            return Err(Ended::Silent);
        }
        if self.stalled.is_some_and(|since| now >= since + STALL_TIMEOUT) {
            return Err(Ended::Stalled);
        }
        if self.closing.is_some_and(|deadline| now >= deadline) {
            return Err(Ended::Overdue);
        }
        if self.heard && now >= self.pinged + ping_interval {
            self.pinged = now;
            self.heard = false;
            self.socket.outbox.lock().push(Outgoing::Raw(Bytes::from_static(PING)));
        }
        Ok(())
    }

    fn next_deadline(&self) -> Instant {
        let Settings { ping_interval, ping_timeout, .. } = self.socket.settings;
        let beat =
            if self.heard { self.pinged + ping_interval } else { self.pinged + ping_timeout };
        let stalled = self.stalled.map(|since| since + STALL_TIMEOUT);
        [stalled, self.closing].into_iter().flatten().fold(beat, Instant::min)
    }
}

/// Longest head of what is written: a websocket frame's, and the byte of an Engine.IO message.
const MAX_HEAD: usize = 11;

/// The head of a final text frame that is not masked, and where it ends. It says the length in as
/// few bytes as it can: browsers take no other (RFC 6455, section 5.2).
fn text_head(length: usize) -> ([u8; MAX_HEAD], usize) {
    let mut head = [0; MAX_HEAD];
    head[0] = 0x81;
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
    /// What goes before the body.
    fn head(&self) -> ([u8; MAX_HEAD], usize) {
        let Self::Packet(frame) = self else { return ([0; MAX_HEAD], 0) };
        let (mut head, at) = text_head(frame.len() + 1);
        head[at] = b'4';
        (head, at + 1)
    }

    fn body(&self) -> &[u8] {
        match self {
            Self::Packet(frame) => frame.as_bytes(),
            Self::Raw(frame) => frame,
        }
    }

    fn size(&self) -> usize {
        self.head().1 + self.body().len()
    }
}

/// Writes of what waits as much as is taken at once, but for the first bytes, which are written.
fn write<T: AsyncWrite>(
    io: Pin<&mut T>,
    cx: &mut Context<'_>,
    waiting: &VecDeque<Outgoing>,
    written: usize,
) -> Poll<io::Result<usize>> {
    let mut heads = [([0; MAX_HEAD], 0); AT_ONCE];
    for (head, outgoing) in heads.iter_mut().zip(waiting) {
        *head = outgoing.head();
    }
    let mut slices = [IoSlice::new(&[]); 2 * AT_ONCE];
    let mut used = 0;
    let mut skip = written;
    for ((head, length), outgoing) in heads.iter().zip(waiting) {
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

/// What tungstenite reads from, and writes its own replies to.
struct Wire<'a, 'b, T> {
    io: &'a mut T,
    cx: &'a mut Context<'b>,
    replies: Vec<u8>,
}

impl<T: AsyncRead + Unpin> Read for Wire<'_, '_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<T> Write for Wire<'_, '_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
