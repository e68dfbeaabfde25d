//! The browser side of the Samewire client: it brings JavaScript's frames, timers and values to
//! [`samewire_client_core`], which decides.
//!
//! One half is Rust, the other JavaScript, and nothing but numbers crosses between them. A value
//! stays on JavaScript's side, where `values.js` keeps it under a number until, asked what is held, no
//! client names that number.
//!
//! - [`make`] gives a client, and [`call`] says what happened to it. What is to be done comes out one by
//!   one, as `told`, and `engine.js` does it. [`next`] is a way past all that, for nearly every event.
//! - `numbers` are what both sides call by number.
//! - `value` is a number that stands for a JavaScript value, and lets the core look into it.
//! - `writer` writes frames on JavaScript's side; `options` reads the options.
//!
//! No type of the protocol's domains occurs here: this crate serves any protocol.

mod core;
mod numbers;
mod options;
mod told;
mod value;
mod writer;

pub use core::{call, free, make, next};

/// Made for WebAssembly and for size: the standard library's weighs three kilobytes more.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());
