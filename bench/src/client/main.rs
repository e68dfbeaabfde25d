//! The client of `cargo xtask bench server`: many connections on one thread, which reads whatever
//! has come in one go and only counts it. Prints each row as a line of JSON.

mod process;
mod rows;
mod socket;

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use clap::Parser;
use tokio::task::LocalSet;

use crate::{process::Process, rows::Rows};

/// Loads a Socket.IO server that answers `room:join`, `say` and `echo`.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's address.
    #[arg(long)]
    server: SocketAddr,
    /// The server's process, whose CPU time and memory are read.
    #[arg(long)]
    pid: u32,
    /// A file of tokens, one a line; the connections take turns.
    #[arg(long)]
    tokens: std::path::PathBuf,
    /// How long each row is measured, in milliseconds.
    #[arg(long, default_value_t = 3000)]
    measure_ms: u64,
    /// How many connections are opened at most.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// The rows whose names begin so; all when none is named.
    rows: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let tokens = std::fs::read_to_string(&arguments.tokens)?;
    let rows = Rows {
        server: arguments.server,
        process: Process::new(arguments.pid),
        tokens: tokens.lines().map(str::to_owned).collect(),
        measure: Duration::from_millis(arguments.measure_ms),
        connections: arguments.connections,
        wanted: arguments.rows,
    };
    LocalSet::new().run_until(rows.run()).await
}
