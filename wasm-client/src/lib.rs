//! The browser side of the Samewire client: it brings JavaScript's frames, timers and values to
//! [`samewire_client_core`], which decides.
//!
//! One half is Rust, the other JavaScript, and nothing but numbers crosses between them. A value
//! stays on JavaScript's side, where `values.js` keeps it under a number for as long as anybody
//! here holds that number.
//!
//! - [`Core`] is what JavaScript sees: one client. What happened goes in; what is to be done comes
//!   out one by one, as `told`, and `engine.js` does it.
//! - `value` is a number that stands for a JavaScript value, and lets the core look into it.
//! - `writer` writes frames on JavaScript's side; `options` reads the options.
//!
//! No type of the protocol's domains occurs here: this crate serves any protocol.

mod core;
mod options;
mod told;
mod value;
mod writer;

pub use core::Core;

/// Made for WebAssembly and for size: the standard library's weighs three kilobytes more.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());
