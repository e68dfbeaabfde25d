//! `cargo xtask bench cluster`: several servers on one Redis (`bench/node/cluster.mjs`).

use anyhow::Result;
use clap::Args;

use crate::{program::Program, setup, workspace};

/// What measures.
const SCRIPT: &str = "bench/node/cluster.mjs";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long each number of servers is published to.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
}

/// Builds the server in its release form, and measures several of it.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    setup::for_node()?;
    let services = setup::for_services()?;
    Program::new("cargo").args(["build", "--package", "samewire-server", "--release"]).openly()?;
    Program::new("node")
        .arg(workspace::path(SCRIPT))
        .env("SAMEWIRE_SERVER", workspace::target().join("release/samewire-server"))
        .env("REDIS_SERVER", services.redis)
        .env("BENCH_SECONDS", arguments.seconds.to_string())
        .openly()
}
