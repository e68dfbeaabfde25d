//! `cargo xtask bench server`: our server beside a Socket.IO server for Node.js and a bare
//! socketioxide server, each in turn under the same client, round after round.
//!
//! The servers have one core for themselves, the client ([`socket`]) another. It is one thread that
//! reads whatever has come in one go and only counts it, so that it is the servers that are
//! measured; where it was busy all the same, [`report`] says so.

#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod socket;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Parser;

/// Measures our server beside others that do the same.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench server")]
struct Arguments {
    /// How many rounds; each measures every server.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each row is measured, in milliseconds.
    #[arg(long, default_value_t = 3000)]
    measure_ms: u64,
    /// One short round.
    #[arg(long)]
    quick: bool,
    /// Only the rows whose name has this in it.
    #[arg(long)]
    only: Option<String>,
    /// Where the Socket.IO server for Node.js lies.
    #[arg(long)]
    node_server: PathBuf,
}

impl Arguments {
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn measure(&self) -> Duration {
        Duration::from_millis(if self.quick { 1000 } else { self.measure_ms.max(100) })
    }
}

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    use rows::Rows;
    use server::{Kind, Server};

    let arguments = Arguments::parse();
    let cores = machine::cores()?;
    machine::raise_open_files(rows::OPEN_FILES)?;
    let mut report = report::Report::default();
    let tokens = server::tokens()?;
    for round in 0..arguments.rounds() {
        for kind in Kind::ALL {
            eprintln!("round {} of {}: {}", round + 1, arguments.rounds(), kind.name());
            let server = Server::start(kind, &arguments.node_server, cores.server)?;
            machine::stay_on(cores.client)?;
            let rows = Rows {
                server: server.address(),
                process: server.process(),
                tokens: tokens.clone(),
                measure: arguments.measure(),
                only: arguments.only.clone(),
            };
            tokio::task::LocalSet::new().run_until(rows.run(&mut report, kind)).await?;
        }
    }
    print!("{report}");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<()> {
    let arguments = Arguments::parse();
    anyhow::bail!(
        "the servers' memory and CPU time are read from /proc, which Linux alone has: {} rounds of \
         {:?} with {} can't be run here{}",
        arguments.rounds(),
        arguments.measure(),
        arguments.node_server.display(),
        arguments.only.map_or_else(String::new, |only| format!(" (only {only})")),
    )
}
