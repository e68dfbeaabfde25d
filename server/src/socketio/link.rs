//! Between an Engine.IO socket and its connection's task: a queue with a bound.

use std::{collections::VecDeque, sync::Arc};

use axum::body::Bytes;
use engineioxide::{DisconnectReason, Str, handler::EngineIoHandler};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{PollingSessions, Socket, socket::EngineIo};
use crate::{engine::Engine, session};

/// What a client sent, in the order it sent it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A text message.
    Text(Str),
    /// A binary message.
    Binary(Bytes),
    /// A text message that the queue had no room for.
    Refused(Str),
}

impl Incoming {
    /// What it costs to keep it, in bytes.
    fn cost(&self) -> usize {
        const ENTRY: usize = 64;
        match self {
            Self::Text(text) => ENTRY + text.len(),
            Self::Binary(data) => ENTRY + data.len(),
            Self::Refused(head) => ENTRY + head.len(),
        }
    }
}

/// The queue of an Engine.IO socket.
#[derive(Debug, Default)]
pub(crate) struct Link {
    queue: Mutex<Queue>,
    /// Wakes the connection's task when there is something in the queue.
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Incoming>,
    bytes: usize,
}

impl Link {
    /// Takes the next message, and waits for it; for the connection's own task alone.
    pub(crate) async fn receive(&self) -> Incoming {
        loop {
            if let Some(incoming) = self.try_receive() {
                return incoming;
            }
            self.filled.notified().await;
        }
    }

    /// Takes the next message, where there is one.
    pub(crate) fn try_receive(&self) -> Option<Incoming> {
        let mut queue = self.queue.lock();
        let incoming = queue.messages.pop_front()?;
        queue.bytes -= incoming.cost();
        if queue.messages.is_empty() {
            // An idle connection keeps none.
            queue.messages = VecDeque::new();
        }
        Some(incoming)
    }

    /// Queues a message, or only its head where the queue is full; that much of the client's
    /// memory use is bounded by what a refusal costs to answer.
    pub(super) fn push(&self, incoming: Incoming, max_bytes: usize) {
        let mut queue = self.queue.lock();
        let incoming = match incoming {
            Incoming::Text(text) if queue.bytes + text.len() > max_bytes => {
                // Past twice the bound not even the refusals are kept.
                if queue.bytes > 2 * max_bytes {
                    return;
                }
                Incoming::Refused(head(&text))
            }
            Incoming::Binary(_) if queue.bytes > 2 * max_bytes => return,
            other => other,
        };
        queue.bytes += incoming.cost();
        queue.messages.push_back(incoming);
        drop(queue);
        self.filled.notify_one();
    }
}

/// The beginning of a packet: enough to tell which acknowledgement it wants.
fn head(text: &Str) -> Str {
    const LENGTH: usize = 256;
    let end = (0..=LENGTH.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    Str::copy_from_slice(&text[..end.unwrap_or(0)])
}

/// Hands what engineioxide reads to the connections' tasks.
#[derive(Debug, Clone)]
pub(crate) struct LinkHandler {
    engine: Arc<Engine>,
    sessions: Arc<PollingSessions>,
}

impl LinkHandler {
    /// A handler for this engine's connections.
    pub(crate) fn new(engine: Arc<Engine>, sessions: Arc<PollingSessions>) -> Self {
        Self { engine, sessions }
    }
}

impl EngineIoHandler for LinkHandler {
    type Data = Link;

    fn on_connect(self: Arc<Self>, socket: Arc<EngineIo>) {
        self.sessions.begin(socket.clone());
        session::start(self.engine.clone(), Socket::EngineIo(socket));
    }

    fn on_disconnect(&self, socket: Arc<EngineIo>, _: DisconnectReason) {
        // The connection's task waits for the socket's end by itself.
        self.sessions.end(&socket);
    }

    fn on_message(self: &Arc<Self>, text: Str, socket: Arc<EngineIo>) {
        socket.data.push(Incoming::Text(text), self.engine.limits().queue_bytes);
    }

    fn on_binary(self: &Arc<Self>, data: Bytes, socket: Arc<EngineIo>) {
        socket.data.push(Incoming::Binary(data), self.engine.limits().queue_bytes);
    }
}
