//! Socket.IO protocol v5 (<https://github.com/socketio/socket.io-protocol>) over engineioxide's
//! Engine.IO: packets, and the link between an Engine.IO socket and its connection's task.
//!
//! engineioxide brings the transports, the upgrade and the heartbeat. The packets are read here
//! and not by socketioxide, because a room's event is encoded once for all its members, the
//! fan-out must know which member's buffer was full, events must stay in the order they came in
//! without a task for each, and a frame of spoilt JSON is answered and not cut off.

mod link;
mod packet;

pub(crate) use link::{Incoming, LinkHandler, Socket};
pub(crate) use packet::{
    Frame, Packet, PacketKind, RoomFrame, ack, connect, connect_error, disconnect, event,
};
