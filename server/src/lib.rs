//! The Samewire server, as a library that another axum application mounts:
//!
//! ```
//! # use {axum::{Router, routing::get}, clap::Parser};
//! use samewire_protocol::room::{ROOM, RoomAddress};
//! use samewire_server::{Config, Engine, Registry, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::parse_from(["app", "--jwt-secret", "32 bytes or more, kept to yourself"]);
//! let mut registry = Registry::default(); // .with(YourDomain), which has its own access check
//! let routes = registry.take_routes();
//! let engine = Engine::new(config.verifier()?, config.auth_mode, config.limits(), registry);
//! let server = Server::new(engine, routes, &config);
//!
//! let news = server.engine.clone();
//! let publish = async move || {
//!     let position = news.publish_value(&RoomAddress::new(ROOM, "news"), "headline", &"Rain")?;
//!     Ok::<_, samewire_server::Error>(position.offset.get().to_string())
//! };
//! let app: Router = Router::new().route("/rain", get(publish)).fallback_service(server.router);
//! # drop(app);
//! # Ok(())
//! # }
//! ```
//!
//! - [`engine`]: the engine, which knows no domain: connections, rooms, the one `join` and the one
//!   `publish`. Its parts: [`connection`], `session` (a connection's task), `rooms`, `log`,
//!   [`limits`], [`auth`] with `jwks`.
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
mod jwks;
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
