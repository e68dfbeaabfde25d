//! The Samewire server, as a library that another axum application mounts:
//!
//! ```
//! # use {axum::{Router, routing::get}, clap::Parser};
//! use samewire_protocol::room::{ROOM, RoomAddress};
//! use samewire_server::{Config, Error, Identity, Registry, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::parse_from(["app", "--jwt-secret", "32 bytes or more, kept to yourself"]);
//! let mut registry = Registry::default(); // .with(YourDomain): its events, its rooms, its routes
//! registry.room(ROOM, async |who: Identity, name: String| who.may_read(&name));
//! let server = Server::with(registry, &config)?;
//!
//! let news = server.engine.clone();
//! let rain = async move || news.publish_value(&RoomAddress::new(ROOM, "news"), "headline", "Rain").await.map(drop);
//! let app: Router = Router::new().route("/rain", get(rain)).fallback_service(server.router);
//! # drop(app);
//! # Ok(())
//! # }
//! # trait Reads { fn may_read(&self, name: &str) -> Result<(), Error>; }
//! # impl Reads for Identity { fn may_read(&self, _: &str) -> Result<(), Error> { Ok(()) } }
//! ```
//!
//! `examples/mounted` is such an application, whole.
//!
//! - [`engine`]: the engine, which knows no domain: connections, rooms, the one `join` and the one
//!   `publish`. Its parts: [`connection`], `session` (a connection's task), `rooms`, `log`,
//!   `backplane` (what servers share), [`limits`], [`auth`] with `jwks`.
//! - [`registry`]: what a domain brings: handlers of events, kinds of rooms, routes.
//!   `attachments`: the binary values of an event.
//! - [`domains`]: the domains, each in a folder of its own.
//! - [`http`]: who asks, what they sent, and how a refusal looks; [`error`]: every refusal.
//! - [`store`]: the database. [`config`]: the settings. [`demo`]: sample data and a little traffic.
//! - [`serve`]: all of it put together, and stopping in good order.
//! - `remote`: what other servers publish. `socketio`: the packets. [`logging`]: the log of a program.

mod activities;
mod answer;
mod attachments;
pub mod auth;
pub mod backplane;
mod clock;
pub mod config;
pub mod connection;
pub mod demo;
pub mod domains;
mod emits;
pub mod engine;
pub mod error;
pub mod http;
mod jwks;
pub mod limits;
mod log;
pub mod logging;
mod metrics;
mod presence;
pub mod registry;
mod remote;
mod retained;
mod rooms;
pub mod serve;
mod session;
mod socketio;
pub mod store;
#[cfg(test)]
#[path = "../tests/throwaway_database/mod.rs"]
mod throwaway_database;

pub use attachments::{Attached, Attachments};
pub use auth::{Identity, Verifier};
pub use config::Config;
pub use engine::Engine;
pub use error::{Error, Result};
pub use registry::{Context, Domain, Registry};
pub use retained::Retain;
pub use rooms::{RoomState, Whom};
pub use serve::Server;
pub use store::Store;
