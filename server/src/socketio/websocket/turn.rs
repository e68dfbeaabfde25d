//! What tasks send in their turns is written together, by the thread that they ran on, once it has
//! run all that were ready or many connections wait for it.
//!
//! Else each connection's own task would have to be woken for it, which is most of what an event
//! to a small room costs beside the system call. All that is sent to a connection meanwhile goes
//! into one write, and one write after the other costs less than each among other work: the system's
//! code for it stays in the processor's cache, and a client that the first has woken is still awake.
//! Of an event to a large room only the first writes are done so: the others are left to the
//! connections' own tasks, so that all cores have their share.

use std::{cell::RefCell, mem, sync::Arc};

use parking_lot::Mutex;
use tokio::task::yield_now;

use super::WebSocket;

/// Connections that a turn leaves to be written to together.
pub(super) const WRITES: usize = 16;

/// So many are not kept waiting for further turns.
pub(super) const MANY: usize = 64;

/// Connections that are to be written to; none any more once that was done.
type Batch = Arc<Mutex<Option<Vec<Arc<WebSocket>>>>>;

thread_local! {
    static TURN: RefCell<Turn> =
        const { RefCell::new(Turn { places: 0, sockets: Vec::new(), batch: None }) };
}

/// The turn that runs on this thread, and what those before it have left.
struct Turn {
    /// Connections that it may still leave; none where no turn runs.
    places: usize,
    /// Those that it has left.
    sockets: Vec<Arc<WebSocket>>,
    batch: Option<Batch>,
}

/// Runs a turn of a task, and has written soon what was sent in it.
pub(crate) fn turn<T>(act: impl FnOnce() -> T) -> T {
    TURN.with_borrow_mut(|turn| turn.places = WRITES);
    let _end = End;
    act()
}

/// Leaves a connection's writing to the turn that runs. Says whether one does that has a place left.
pub(super) fn write_after_it(socket: &Arc<WebSocket>) -> bool {
    TURN.with_borrow_mut(|turn| {
        let takes = turn.places > 0;
        if takes {
            turn.places -= 1;
            turn.sockets.push(socket.clone());
        }
        takes
    })
}

/// However a turn ends, by a panic too: what was sent is written.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        for socket in TURN.with_borrow_mut(Turn::end) {
            socket.flush();
        }
    }
}

impl Turn {
    /// Leaves what was sent to the thread's batch. Gives what is to be written at once.
    fn end(&mut self) -> Vec<Arc<WebSocket>> {
        self.places = 0;
        if self.sockets.is_empty() {
            return Vec::new();
        }
        if let Some(batch) = &self.batch
            && let Some(waiting) = batch.lock().as_mut()
        {
            waiting.append(&mut self.sockets);
            return if waiting.len() < MANY { Vec::new() } else { mem::take(waiting) };
        }
        let batch = Arc::new(Mutex::new(Some(mem::take(&mut self.sockets))));
        self.batch = Some(batch.clone());
        let writer = Writer(batch);
        tokio::spawn(async move {
            // Until the thread has run the tasks that are ready.
            yield_now().await;
            drop(writer);
        });
        Vec::new()
    }
}

/// Writes a batch at last, also where the task that would have done so ends before.
struct Writer(Batch);

impl Drop for Writer {
    fn drop(&mut self) {
        let sockets = self.0.lock().take();
        for socket in sockets.into_iter().flatten() {
            socket.flush();
        }
    }
}
