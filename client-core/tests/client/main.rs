//! The whole client on a virtual clock: no test waits for anything.

mod bench;
mod connecting;
mod emitting;
mod page;
mod rooms;
mod upgrading;
