//! All that a Samewire client decides, without IO and without a clock.
//!
//! In the form of `quinn-proto`: the caller tells what happened and when, and then takes out what
//! is to be done. The tour:
//!
//! - [`Client`] is the whole: calls of the application and what the network brings go in,
//!   [`Transmit`]s, [`Event`]s and the next deadline come out. `reactions` is what happens in between.
//! - `connection` is its life as one state machine, with `backoff` and `timer`; [`framing`] reads
//!   frames, `message` writes them, `assembly` puts binary parts in their places.
//! - `outbox` keeps what was emitted until it is answered, `rooms` knows what was joined, `sequence`
//!   puts a room's events in order, `presence` folds who is there.
//! - [`Payload`] is how a value is looked into, [`Text`] how a text is. In a browser they are
//!   JavaScript's, which never come in here.
//!
//! ```
//! use samewire_client_core::{Client, Config, Instant, NoChecks, Transmit};
//! use serde_json::Value;
//!
//! let now = Instant::from_millis(0);
//! let mut client = Client::<Value>::new(Config::default(), 42, NoChecks);
//! client.connect(now);
//! assert!(matches!(client.poll_transmit(), Some(Transmit::Open { .. })));
//! assert!(client.poll_timeout().is_some_and(|at| at <= now + Config::default().timeout));
//! ```

mod assembly;
mod backoff;
mod client;
mod config;
mod connection;
mod event;
mod failure;
pub mod framing;
mod instant;
mod json;
mod message;
mod outbox;
mod payload;
mod position;
mod presence;
mod queue;
mod reactions;
mod room;
mod rooms;
mod sequence;
mod sorted;
mod text;
mod timer;
mod transmit;

pub use client::Client;
pub use config::Config;
pub use connection::ConnectionState;
pub use event::{EmitOptions, Event, PageEvent};
pub use failure::{ClientErrorCode, Failure};
pub use instant::{Clock, Duration, Instant};
pub use json::Message;
pub use message::FrameWriter;
pub use payload::{Arrived, Checks, Holdings, NoChecks, Payload};
pub use position::{Place, Position};
pub use text::Text;
pub use transmit::{CallId, HandleId, SocketId, Transmit, Transport};
