//! What is to be done with the network, and the numbers by which things are named across the border.

use std::num::NonZeroU32;

#[cfg(doc)]
use crate::Client;
use crate::Payload;

/// Names a socket. What is told of another one than the newest is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(NonZeroU32);

impl SocketId {
    /// The socket of a number; of 0, one that there never is.
    pub const fn new(number: u32) -> Self {
        match NonZeroU32::new(number) {
            Some(number) => Self(number),
            None => Self(NonZeroU32::MAX),
        }
    }

    /// Its number, counted from 1.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Names an emit. Chosen by the caller, never twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// Names somebody who joined a room. Chosen by the caller, never twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub u32);

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Frames both ways.
    Websocket,
    /// Requests of HTTP: one that waits for frames, and one that brings them.
    Polling,
}

impl Transport {
    /// Its name in Engine.IO.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::Polling => "polling",
        }
    }
}

/// What is to be done with the network, in this order.
#[derive(Debug)]
pub enum Transmit<P: Payload> {
    /// Open a socket.
    Open {
        /// How it will be called.
        socket: SocketId,
        /// By which transport.
        transport: Transport,
        /// The session that it may take over. Such a socket says when it is open, by
        /// [`Client::handle_ready`].
        session: Option<P::Text>,
    },
    /// Let a polling socket rest: no poll is begun any more. When what it was given is sent, and what
    /// is under way has come, [`Client::handle_ready`] is to be called.
    Pause {
        /// Which.
        socket: SocketId,
    },
    /// Send a message.
    Send {
        /// On which socket.
        socket: SocketId,
        /// What to send.
        message: P::Message,
    },
    /// Close a socket, and tell no more of it.
    Close {
        /// Which.
        socket: SocketId,
    },
}
