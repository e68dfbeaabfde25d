//! What a task sends in one turn is written at the turn's end, by that task.
//!
//! Else each connection's own task would have to be woken for it, which is most of what an event
//! to a small room costs beside the system call. All that is sent to a connection in one turn goes
//! into one write. Of an event to a large room only the first writes are done so: the others are
//! left to the connections' own tasks, so that all cores have their share.

use std::{cell::RefCell, sync::Arc};

use super::WebSocket;

/// Connections that a turn writes to itself.
pub(super) const WRITES: usize = 16;

thread_local! {
    /// What the turn that runs on this thread will write to.
    static TURN: RefCell<Turn> = const { RefCell::new(Turn { runs: false, sockets: Vec::new() }) };
}

struct Turn {
    runs: bool,
    sockets: Vec<Arc<WebSocket>>,
}

/// Runs a turn of a task, then writes what was sent in it.
pub(crate) fn turn<T>(act: impl FnOnce() -> T) -> T {
    TURN.with_borrow_mut(|turn| turn.runs = true);
    let _end = End;
    act()
}

/// Leaves a connection's writing to the turn that runs. Says whether one does that has a place left.
pub(super) fn write_at_its_end(socket: &Arc<WebSocket>) -> bool {
    TURN.with_borrow_mut(|turn| {
        let takes = turn.runs && turn.sockets.len() < WRITES;
        if takes {
            turn.sockets.push(socket.clone());
        }
        takes
    })
}

/// However a turn ends, by a panic too: what was sent is written.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let mut sockets = TURN.with_borrow_mut(|turn| {
            turn.runs = false;
            std::mem::take(&mut turn.sockets)
        });
        for socket in sockets.drain(..) {
            socket.flush();
        }
        // The places are kept for the next turn.
        TURN.with_borrow_mut(|turn| turn.sockets = sockets);
    }
}
