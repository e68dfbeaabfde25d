//! Socket.IO protocol v5 (<https://github.com/socketio/socket.io-protocol>) over Engine.IO:
//! packets, and the link between an Engine.IO socket and its connection's task.
//!
//! engineioxide brings long polling and the upgrade from it. What is a websocket from the start is
//! ours ([`websocket`]), at a fraction of the memory and the time. The packets are read here
//! and not by socketioxide, because a room's event is encoded once for all its members, the
//! fan-out must know which member's buffer was full, events must stay in the order they came in
//! without a task for each, and a frame of spoilt JSON is answered and not cut off.

mod handshake;
mod link;
mod packet;
mod polling;
mod request;
mod socket;
mod websocket;

pub(crate) use handshake::{WebSockets, accept_websocket};
pub(crate) use link::{Incoming, Link, LinkHandler};
pub(crate) use packet::{
    Frame, Packet, PacketKind, RoomFrame, ack, connect, connect_error, disconnect, event,
};
pub(crate) use polling::{PollingSessions, notice_repeats};
pub(crate) use request::{is_for_sockets, is_of_session};
pub(crate) use socket::Socket;
pub(crate) use websocket::{STALL_TIMEOUT, Settings, turn};
