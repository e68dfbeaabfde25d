//! `cargo xtask bench`: figures that only mean something against a peer, measured in the same run.

mod client;
mod cluster;
mod server;

use anyhow::Result;
use clap::Subcommand;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The npm package against socket.io-client, in one Chromium.
    Client(client::Arguments),
    /// Several servers on one Redis: what they do in a second, and what an event costs.
    Cluster(cluster::Arguments),
    /// The server against socket.io for Node.js and a bare socketioxide server, on one core each.
    Server(server::Arguments),
}

/// Measures, and prints what it found. A figure that misses its target is no failure.
pub(crate) fn run(what: &Bench) -> Result<()> {
    match what {
        Bench::Client(arguments) => client::run(arguments),
        Bench::Cluster(arguments) => cluster::run(arguments),
        Bench::Server(arguments) => server::run(arguments),
    }
}
