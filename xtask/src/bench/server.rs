//! `cargo xtask bench server`: what our server does in a second, beside others (`bench/`).

use anyhow::Result;
use clap::Args;

use crate::{program::Program, setup, workspace};

/// The Socket.IO server for Node.js.
const NODE_SERVER: &str = "bench/node/server.mjs";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many rounds; each measures every server.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// One short round.
    #[arg(long)]
    quick: bool,
    /// Only the rows whose name has this in it.
    #[arg(long)]
    only: Option<String>,
}

/// Builds the servers and their client in their release form, and measures.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    setup::for_node()?;
    let package = ["--package", "samewire-bench", "--release"];
    Program::new("cargo").arg("build").args(package).openly()?;
    let mut program = Program::new("cargo")
        .args(["run", "--quiet"])
        .args(package)
        .args(["--", "--rounds", &arguments.rounds.to_string()])
        .arg("--node-server")
        .arg(workspace::path(NODE_SERVER));
    if arguments.quick {
        program = program.arg("--quick");
    }
    if let Some(only) = &arguments.only {
        program = program.args(["--only", only]);
    }
    program.openly()
}
