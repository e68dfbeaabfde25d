//! Reads a websocket and writes to it, keeps its times, and says why it ends. tungstenite reads,
//! and answers control frames.

use std::{
    fmt,
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Bytes;
use engineioxide::Str;
use futures::future::poll_fn;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};
use tungstenite::{
    Message,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{
    Settings, WebSocket,
    outbox::{Outgoing, Writing},
};
use crate::socketio::Incoming;

/// What a connection is read into. A larger message has a place of its own while it comes.
const READ_BYTES: usize = 1024;

/// A client whose system takes nothing off the wire for so long is gone.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection that is being closed has for what is still to be written.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// Engine.IO's PING, in a websocket text frame.
const PING: &[u8] = &[0x81, 1, b'2'];

/// What a websocket goes over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Reads and writes a connection.
pub(super) struct Driver {
    io: Box<dyn Io>,
    settings: Settings,
    reading: WebSocketContext,
    writing: Writing,
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
pub(super) enum End {
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

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("writing", &self.writing).finish_non_exhaustive()
    }
}

impl Driver {
    pub(super) fn new(settings: Settings, io: Box<dyn Io>, early: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(settings.max_message_bytes))
            .max_frame_size(Some(settings.max_message_bytes));
        Self {
            io,
            settings,
            reading: WebSocketContext::from_partially_read(
                early.to_vec(),
                Role::Server,
                Some(config),
            ),
            writing: Writing::default(),
            stalled: None,
            closing: None,
            pinged: Instant::now(),
            heard: true,
        }
    }

    /// Goes on until there is nothing more to be done for now. Ready when the connection has ended.
    pub(super) fn poll(
        &mut self,
        socket: &WebSocket,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Result<(), End>> {
        while let Poll::Ready(read) = self.poll_read(socket, cx) {
            // Once it is to end, only what is to be written counts.
            match (self.closing, read) {
                (None, read) => read?,
                (Some(_), Ok(())) => {}
                (Some(_), Err(_)) => break,
            }
        }
        loop {
            if self.closing.is_none() && socket.outbox.lock().closing {
                self.closing = Some(Instant::now() + LINGER);
            }
            match self.poll_write(socket, cx) {
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
            self.on_time(socket, Instant::now())?;
            timer.as_mut().reset(self.next_deadline());
        }
    }

    /// Takes the next message.
    fn poll_read(&mut self, socket: &WebSocket, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let mut wire = Wire { io: &mut self.io, cx, replies: Vec::new() };
        let read = self.reading.read(&mut wire);
        if !wire.replies.is_empty() {
            let replies = Outgoing::Raw(wire.replies.into());
            let mut outbox = socket.outbox.lock();
            // A client that asks and asks, and reads no answer.
            if outbox.count > 2 * self.settings.max_waiting {
                return Poll::Ready(Err(End::Flooded));
            }
            outbox.push(replies);
            // The client's close frame was read before: among the replies is the answer to it.
            outbox.farewell |= self.closing.is_some();
        }
        let message = match read {
            Ok(message) => message,
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Poll::Pending;
            }
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        self.heard = true;
        match message {
            Message::Text(text) => match text.as_bytes().first() {
                Some(b'4') => {
                    let text = Str::copy_from_slice(&text[1..]);
                    socket.link.push(Incoming::Text(text), self.settings.queue_bytes);
                }
                Some(b'2' | b'3') => {}
                // CLOSE, or nothing that a client may send.
                _ => return Poll::Ready(Err(End::Frame)),
            },
            Message::Binary(data) => {
                socket.link.push(Incoming::Binary(data), self.settings.queue_bytes);
            }
            // Its answer is among the replies.
            Message::Close(_) => {
                socket.outbox.lock().closing = true;
                self.closing = Some(Instant::now() + LINGER);
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all that waits.
    pub(super) fn poll_write(
        &mut self,
        socket: &WebSocket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), End>> {
        while self.writing.refill(&mut socket.outbox.lock()) {
            match self.writing.poll_write(Pin::new(&mut self.io), cx) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
                }
                Poll::Ready(written) => {
                    self.stalled = None;
                    let mut outbox = socket.outbox.lock();
                    if self.writing.wrote(written?, &mut outbox, self.settings.max_waiting) {
                        socket.space.notify_one();
                    }
                }
                Poll::Pending => {
                    self.stalled.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Lets the client know that nothing more comes.
    pub(super) async fn shut_down(mut self) {
        let _ = poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await;
    }

    /// Does what is due.
    fn on_time(&mut self, socket: &WebSocket, now: Instant) -> Result<(), End> {
        let Settings { ping_interval, ping_timeout, .. } = self.settings;
        if !self.heard && now >= self.pinged + ping_timeout {
            return Err(End::Silent);
        }
        if self.stalled.is_some_and(|since| now >= since + STALL_TIMEOUT) {
            return Err(End::Stalled);
        }
        if self.closing.is_some_and(|deadline| now >= deadline) {
            return Err(End::Overdue);
        }
        if self.heard && now >= self.pinged + ping_interval {
            self.pinged = now;
            self.heard = false;
            socket.outbox.lock().push(Outgoing::Raw(Bytes::from_static(PING)));
        }
        Ok(())
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Instant {
        let Settings { ping_interval, ping_timeout, .. } = self.settings;
        let beat =
            if self.heard { self.pinged + ping_interval } else { self.pinged + ping_timeout };
        let stalled = self.stalled.map(|since| since + STALL_TIMEOUT);
        [stalled, self.closing].into_iter().flatten().fold(beat, Instant::min)
    }
}

/// What tungstenite reads from, and writes its own replies to.
struct Wire<'a, 'b> {
    io: &'a mut Box<dyn Io>,
    cx: &'a mut Context<'b>,
    replies: Vec<u8>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
