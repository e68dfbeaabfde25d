//! `cargo xtask bench`: figures that only mean something against a peer, measured in the same run.

mod client;

use anyhow::Result;
use clap::Subcommand;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The npm package against socket.io-client, in one Chromium.
    Client(client::Arguments),
}

/// Measures, and prints what it found. A figure that misses its target is no failure.
pub(crate) fn run(what: &Bench) -> Result<()> {
    match what {
        Bench::Client(arguments) => client::run(arguments),
    }
}
