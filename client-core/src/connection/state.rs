//! What a connection can be, and what it wants done.

use crate::{Failure, Instant, SocketId, Transport};

/// How the connection is, as an application sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectionState<P> {
    /// Not asked to connect yet.
    Idle,
    /// Opening a socket.
    Connecting,
    /// The socket is open; the server hasn't let us in yet.
    Authenticating,
    /// Events flow.
    Connected,
    /// The connection was lost.
    Reconnecting {
        /// The next try's number, counted from 1.
        attempt: u32,
        /// When it will be made.
        retry_at: Instant,
        /// Why there is no connection.
        reason: Failure<P>,
    },
    /// Over, until `connect` is called.
    Closed {
        /// Why.
        reason: Failure<P>,
    },
}

/// The same, with all that the next decision needs.
#[derive(Debug)]
pub(super) enum State<P> {
    Idle,
    /// A socket is asked for; Engine.IO isn't open.
    Opening {
        socket: SocketId,
    },
    /// Engine.IO is open; there is no token yet.
    AwaitingToken {
        socket: SocketId,
    },
    /// CONNECT is sent, with a token or without.
    Greeting {
        socket: SocketId,
        with_token: bool,
    },
    /// We are in; who we are isn't said yet.
    SigningIn {
        socket: SocketId,
    },
    /// Events flow.
    Open {
        socket: SocketId,
    },
    /// Until the next try.
    Waiting {
        attempt: u32,
        retry_at: Instant,
        reason: Failure<P>,
    },
    Closed {
        reason: Failure<P>,
    },
}

/// What is to be done next, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// A socket by this transport, of this session if it is to take that one over.
    OpenSocket(SocketId, Transport, Option<T>),
    CloseSocket(SocketId),
    PauseSocket(SocketId),
    /// Everything goes by another socket now, beginning with what was held.
    TakeOver {
        old: SocketId,
        new: SocketId,
    },
    Send(SocketId, &'static str),
    AskForToken,
    /// CONNECT is due, with a token or without.
    Greet(SocketId, Option<T>),
    /// Events flow.
    Up,
    /// They no longer do.
    Down,
    StateChanged,
    /// The server is to be asked whether it is there.
    Ping,
}

/// What answers when a token is asked for.
#[derive(Debug)]
pub(super) enum Token<T> {
    Asked,
    Known(Option<T>),
}

/// What the server is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Unknown,
    /// It signed us in: it knows emit ids, room logs and all the rest.
    Samewire,
    /// It let us in and said nothing more.
    Plain,
}

impl<P> State<P> {
    /// What of it an application sees, by a number.
    pub(super) fn stage(&self) -> u8 {
        match self {
            Self::Idle => 0,
            Self::Opening { .. } => 1,
            Self::AwaitingToken { .. } | Self::Greeting { .. } | Self::SigningIn { .. } => 2,
            Self::Open { .. } => 3,
            Self::Waiting { .. } => 4,
            Self::Closed { .. } => 5,
        }
    }

    /// How it looks to an application.
    pub(super) fn public(&self) -> ConnectionState<P>
    where
        P: Clone,
    {
        match self {
            Self::Idle => ConnectionState::Idle,
            Self::Opening { .. } => ConnectionState::Connecting,
            Self::AwaitingToken { .. } | Self::Greeting { .. } | Self::SigningIn { .. } => {
                ConnectionState::Authenticating
            }
            Self::Open { .. } => ConnectionState::Connected,
            Self::Waiting { attempt, retry_at, reason } => ConnectionState::Reconnecting {
                attempt: *attempt,
                retry_at: *retry_at,
                reason: reason.clone(),
            },
            Self::Closed { reason } => ConnectionState::Closed { reason: reason.clone() },
        }
    }
}
