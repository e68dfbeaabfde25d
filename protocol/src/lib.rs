//! Every event that travels between a Samewire client and its server, declared once.
//!
//! Server, browser client, TypeScript types, payload checks and the event reference are all made
//! from what stands here. The tour:
//!
//! - [`event`]: what an event is, the [`events!`] macro that declares a domain's events, and the
//!   [`CATALOGUE`] of all of them.
//! - [`room`]: room addresses, positions in a room's log, and what rides along with a room event.
//! - [`ack`], [`error`], [`payload`]: answers, refusal codes, and how a payload is read.
//! - One module a domain: [`connection`], [`rooms`], [`presence`], [`live_preview`], [`stories`],
//!   [`inbox`], [`assistant`], [`workspace`].
//!
//! Adding an event is one declaration in its domain:
//!
//! ```
//! samewire_protocol::events! {
//!     /// A game of chess.
//!     domain CHESS = "chess";
//!
//!     /// A piece was moved.
//!     server "piece_moved" in [samewire_protocol::room::ROOM];
//!     pub struct PieceMoved {
//!         /// Square it left, such as `e2`.
//!         pub from: String,
//!         /// Square it went to, such as `e4`.
//!         pub to: String,
//!     }
//! }
//!
//! assert_eq!(CHESS.events[0].name, "piece_moved");
//! ```
//!
//! This crate has no IO, no async and no clock.

// `events!` names its types by this crate's name, here as in the crates that use it.
extern crate self as samewire_protocol;

pub mod ack;
pub mod assistant;
pub mod asyncapi;
pub mod connection;
pub mod error;
pub mod event;
pub mod id;
pub mod inbox;
pub mod limits;
pub mod live_preview;
pub mod number;
pub mod payload;
pub mod presence;
pub mod room;
pub mod rooms;
pub mod stories;
pub mod time;
pub mod workspace;

pub use ack::Ack;
pub use error::{ErrorBody, ErrorCode};
pub use event::{CATALOGUE, ClientEvent, Direction, Domain, Event, EventInfo, InLog, ServerEvent};
pub use number::SafeInteger;
pub use room::{Epoch, Meta, Position, RoomAddress, RoomKind};
pub use time::Timestamp;

/// The protocol's version, `major.minor`: what a client says in its handshake (wire.md, section 2).
///
/// Another major version is refused; a higher minor version only adds events and fields.
pub const VERSION: &str = "1.0";

/// What [`events!`] needs in the crate that uses it. Not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;
    pub use serde_with;
}
