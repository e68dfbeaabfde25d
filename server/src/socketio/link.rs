//! Between an Engine.IO socket and its connection's task: a queue with a bound.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use engineioxide::{DisconnectReason, Str, handler::EngineIoHandler};
use tokio::sync::mpsc;

use super::{Socket, socket::EngineIo};
use crate::{engine::Engine, session};

/// What a client sent, in the order it sent it.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text message.
    Text(Str),
    /// A binary message.
    Binary(usize),
    /// A text message that the queue had no room for.
    Refused(Str),
}

impl Incoming {
    /// What it costs to keep it, in bytes.
    fn cost(&self) -> usize {
        const ENTRY: usize = 64;
        match self {
            Self::Text(text) => ENTRY + text.len(),
            Self::Binary(length) => ENTRY + length,
            Self::Refused(head) => ENTRY + head.len(),
        }
    }
}

/// The queue of an Engine.IO socket.
#[derive(Debug, Default)]
pub(crate) struct Link {
    queue: OnceLock<mpsc::UnboundedSender<Incoming>>,
    queued_bytes: AtomicUsize,
}

impl Link {
    /// Takes what was read off the queue's account.
    pub(crate) fn worked_off(&self, incoming: &Incoming) {
        self.queued_bytes.fetch_sub(incoming.cost(), Ordering::Relaxed);
    }

    /// Queues a message, or only its head where the queue is full; that much of the client's
    /// memory use is bounded by what a refusal costs to answer.
    pub(super) fn push(&self, incoming: Incoming, max_bytes: usize) {
        let queued = self.queued_bytes.load(Ordering::Relaxed);
        let incoming = match incoming {
            Incoming::Text(text) if queued + text.len() > max_bytes => {
                // Past twice the bound not even the refusals are kept.
                if queued > 2 * max_bytes {
                    return;
                }
                Incoming::Refused(head(&text))
            }
            Incoming::Binary(_) if queued > 2 * max_bytes => return,
            other => other,
        };
        self.queued_bytes.fetch_add(incoming.cost(), Ordering::Relaxed);
        if let Some(queue) = self.queue.get() {
            // The task is gone only when the socket is closing.
            let _ = queue.send(incoming);
        }
    }
}

/// The beginning of a packet: enough to tell which acknowledgement it wants.
fn head(text: &Str) -> Str {
    const LENGTH: usize = 256;
    let end = (0..=LENGTH.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    Str::copy_from_slice(&text[..end.unwrap_or(0)])
}

/// Starts a connection's task.
pub(super) fn begin(engine: &Arc<Engine>, socket: Socket) {
    let (sender, receiver) = mpsc::unbounded_channel();
    if socket.link().queue.set(sender).is_ok() {
        tokio::spawn(session::run(engine.clone(), socket, receiver));
    }
}

/// Hands what engineioxide reads to the connections' tasks.
#[derive(Debug, Clone)]
pub(crate) struct LinkHandler {
    engine: Arc<Engine>,
}

impl LinkHandler {
    /// A handler for this engine's connections.
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }
}

impl EngineIoHandler for LinkHandler {
    type Data = Link;

    fn on_connect(self: Arc<Self>, socket: Arc<EngineIo>) {
        begin(&self.engine, Socket::EngineIo(socket));
    }

    fn on_disconnect(&self, _: Arc<EngineIo>, _: DisconnectReason) {
        // The connection's task waits for the socket's end by itself.
    }

    fn on_message(self: &Arc<Self>, text: Str, socket: Arc<EngineIo>) {
        socket.data.push(Incoming::Text(text), self.engine.limits().queue_bytes);
    }

    fn on_binary(self: &Arc<Self>, data: axum::body::Bytes, socket: Arc<EngineIo>) {
        socket.data.push(Incoming::Binary(data.len()), self.engine.limits().queue_bytes);
    }
}
