//! The Samewire server, as a library that another axum application mounts.
//!
//! - [`engine`]: the engine, which knows no domain: connections, rooms, the one `join` and the one
//!   `publish`. Its parts: [`connection`], `session` (a connection's task), `rooms`, `log`,
//!   [`limits`], [`auth`].
//! - [`registry`]: what a domain brings: handlers of events, kinds of rooms, routes.
//! - [`domains`]: the domains, each in a folder of its own.
//! - [`http`]: who asks, what they sent, and how a refusal looks; [`error`]: every refusal.
//! - [`store`]: the database. [`config`]: the settings. [`demo`]: sample data and a little traffic.
//! - [`serve`]: all of it put together, and stopping in good order.
//! - `socketio`: the packets. [`logging`]: the log of a program.

pub mod auth;
mod clock;
pub mod config;
pub mod connection;
pub mod demo;
pub mod domains;
mod emits;
pub mod engine;
pub mod error;
pub mod http;
pub mod limits;
mod log;
pub mod logging;
mod metrics;
mod presence;
pub mod registry;
mod rooms;
pub mod serve;
mod session;
mod socketio;
pub mod store;

pub use auth::{Identity, Verifier};
pub use config::Config;
pub use engine::Engine;
pub use error::{Error, Result};
pub use registry::{Context, Domain, Registry};
pub use rooms::RoomState;
pub use serve::Server;
pub use store::Store;
