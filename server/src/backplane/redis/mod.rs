//! Several servers as one, by Redis.
//!
//! - `address`: the setting. `connection`: the way there, which comes back by itself.
//! - `servers`: which there are, and their figures.
//! - `shared`: rooms over servers. `following`: how a server follows their logs, `subscriber`: the connection
//!   over which it hears of them. `presence`: who is in them. `record`: what stands in Redis of them.
//! - `keys`: under which names all of that stands there.
//! - `locks`: who stores and publishes in a room. `leases`: what one server at a time is to do.
//! - `emits`: what users send, counted, and each named emit once; `answers`: what they were answered.

pub(crate) mod address;
mod answers;
mod connection;
mod emits;
mod following;
mod keys;
mod leases;
mod locks;
mod presence;
mod record;
mod servers;
mod shared;
mod subscriber;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use redis::RedisResult;

use crate::limits::Limits;

pub use address::RedisAddress;
pub(crate) use {
    connection::Connection,
    emits::SharedEmits,
    following::Held,
    leases::HeldLease,
    locks::HeldLock,
    servers::{Figures, Servers},
    shared::Shared,
};

/// What servers share by Redis.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) connection: Connection,
    pub(crate) servers: Servers,
    pub(crate) emits: SharedEmits,
}

impl Redis {
    /// Connects, in the background.
    ///
    /// # Errors
    /// When the address can't be used.
    pub(crate) fn open(address: &RedisAddress, limits: &Limits) -> RedisResult<Self> {
        let connection = Connection::open(address)?;
        let servers = Servers::new(connection.clone());
        let emits = SharedEmits::new(connection.clone(), servers.clone(), limits);
        Ok(Self { connection, servers, emits })
    }
}

/// Another epoch than any other.
fn new_epoch() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
