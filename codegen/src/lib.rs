//! TypeScript types, payload checks and the event reference, from a protocol's catalogue.
//!
//! A tour: [`generate`] reads every event's JSON Schema into one small model of types (`schema`,
//! `model`), which each product then writes in its own language: `typescript`, `checks`,
//! `reference`. What a product can't write is an [`Error`] that names the type, never a guess.
//!
//! ```
//! let files = samewire_codegen::generate(samewire_protocol::CATALOGUE)?;
//! let types = files.iter().find(|file| file.path.ends_with("protocol.ts")).expect("made");
//! assert!(types.contents.contains("export interface SessionStarted"));
//! # Ok::<(), samewire_codegen::Error>(())
//! ```
//!
//! An application with events of its own makes its [`ClientPackage`] of them.

mod checks;
mod client_package;
mod files;
mod javascript;
mod model;
mod reference;
mod schema;
mod typescript;

pub use client_package::ClientPackage;
pub use files::{GeneratedFile, generate, stale, write};
pub use schema::Error;
