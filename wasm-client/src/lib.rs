//! The browser side of the Samewire client: it brings JavaScript's sockets, timers and values to
//! [`samewire_client_core`], which decides.
//!
//! - [`Engine`] is what JavaScript sees: one client.
//! - `drive` takes out what the core wants done, and does it.
//! - `host` is what JavaScript gives: how to open a socket, and who is told what.
//! - `socket`, `timer` wrap what must be let go of again.
//! - `value` lets the core look into JavaScript values, with the little JavaScript of `value.js`;
//!   `names` are the texts that both sides know; `checks` asks the generated checks, `options` reads the options.
//!
//! No type of the protocol's domains occurs here: this crate serves any protocol.

mod checks;
mod drive;
mod engine;
mod host;
mod names;
mod options;
mod socket;
mod timer;
mod value;

pub use engine::Engine;
pub use host::Host;
