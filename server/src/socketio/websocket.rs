//! Engine.IO v4 (<https://github.com/socketio/engine.io-protocol>) over a connection that is a
//! websocket from the start.
//!
//! - [`outbox`]: what is to be written, shared by all who are sent it, down to the system call.
//! - [`driver`]: reads, writes, pings, and ends what is stalled or silent.
//! - [`turn`]: what tasks send in their turns is written together, by the thread that they ran on.
//!
//! A connection that is idle keeps no buffer but a small one to read into.

mod driver;
mod outbox;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::{future::poll_fn, task::AtomicWaker};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::sleep_until};

use super::{Frame, Link};
use crate::connection::SendError;
use driver::Driver;
use outbox::{Outbox, Outgoing};

pub(crate) use driver::{Io, STALL_TIMEOUT};
pub(crate) use turn::turn;

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
    /// Bytes of messages that may wait for the session's task.
    pub(crate) queue_bytes: usize,
}

/// A connection, as its session and the rooms see it.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(super) link: Link,
    /// The token in the request that became this connection, where there was one.
    pub(super) token: Option<String>,
    settings: Settings,
    outbox: Mutex<Outbox>,
    /// Reads and writes, until the connection has ended; used by the connection's own task, and by
    /// others after a turn.
    driver: Mutex<Option<Driver>>,
    /// Wakes the connection's own task, which runs [`WebSocket::drive`].
    task: AtomicWaker,
    /// Wakes the session's task where the outbox has space again.
    space: Notify,
    has_ended: AtomicBool,
    /// Wakes the session's task when the connection has ended.
    end: Notify,
}

impl WebSocket {
    /// A connection over `io`, from which `early` was read already.
    pub(crate) fn new(
        settings: Settings,
        token: Option<String>,
        io: Box<dyn Io>,
        early: &[u8],
    ) -> Self {
        Self {
            link: Link::default(),
            token,
            settings,
            outbox: Mutex::default(),
            driver: Mutex::new(Some(Driver::new(settings, io, early))),
            task: AtomicWaker::new(),
            space: Notify::new(),
            has_ended: AtomicBool::new(false),
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
        self.outbox.lock().push(Outgoing::text(&open));
    }

    /// Queues a packet if there is space for it.
    pub(crate) fn emit(self: &Arc<Self>, frame: Frame) -> Result<(), SendError> {
        let was_empty = self.outbox.lock().push_packet(frame, self.settings.max_waiting)?;
        if was_empty && !turn::write_after_it(self) {
            self.task.wake();
        }
        Ok(())
    }

    /// Waits until there is space after a refusal, or the connection has ended.
    pub(crate) async fn wait_for_space(&self) {
        self.space.notified().await;
    }

    /// Lets what is queued be written, then ends the connection.
    pub(crate) fn close(&self) {
        self.outbox.lock().close();
        self.task.wake();
    }

    /// Waits until the connection has ended.
    pub(crate) async fn wait_for_end(&self) {
        let end = self.end.notified();
        if !self.has_ended.load(Ordering::SeqCst) {
            end.await;
        }
    }

    /// Reads and writes until the connection has ended: what its own task does.
    pub(crate) async fn drive(&self) {
        let Some(deadline) = self.driver.lock().as_ref().map(Driver::next_deadline) else { return };
        let mut timer = pin!(sleep_until(deadline));
        let ended = poll_fn(|cx| {
            self.task.register(cx.waker());
            match self.driver.lock().as_mut() {
                Some(driver) => driver.poll(self, cx, timer.as_mut()),
                None => Poll::Ready(Ok(())),
            }
        })
        .await;
        let driver = self.driver.lock().take();
        match (ended, driver) {
            // On the heap for its moment: the task keeps what its largest moment needs.
            (Ok(()), Some(driver)) => Box::pin(driver.shut_down()).await,
            (Ok(()), None) => {}
            (Err(reason), _) => tracing::debug!("a websocket ended: {reason}"),
        }
        self.outbox.lock().discard();
        self.has_ended.store(true, Ordering::SeqCst);
        self.end.notify_waiters();
        self.space.notify_one();
    }

    /// Writes what waits, from another task than the connection's own. That one goes on where it is
    /// at it already, where the client's system takes nothing, and where the connection is broken.
    fn flush(&self) {
        let written = match self.driver.try_lock().as_deref_mut() {
            Some(Some(driver)) => driver.poll_write(self, &mut Context::from_waker(Waker::noop())),
            _ => Poll::Pending,
        };
        if !matches!(written, Poll::Ready(Ok(()))) {
            self.task.wake();
        }
    }
}
