//! The project's own commands: `cargo xtask <verb>`, one module a verb.

mod bench;
mod border;
mod build;
mod codegen;
mod demo;
mod fuzz;
mod program;
mod progress;
mod rust_tests;
mod setup;
mod simulate;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{bench::Bench, build::Profile, progress::Progress, test::Group};

/// Everything that is done to this repository, from a fresh clone to a green test run.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install what building and testing need; quick when nothing is missing.
    Setup,
    /// Write the TypeScript sources and the event reference from the protocol crate, and the client of
    /// examples/custom-events from its own.
    Codegen {
        /// Write nothing; fail when a file is not what it would be.
        #[arg(long)]
        check: bool,
    },
    /// Build the browser client, the npm package, the example app and the server.
    Build {
        /// Readable and quick to build, instead of small and quick to run.
        #[arg(long)]
        dev: bool,
    },
    /// Build everything and serve the example app with demo data.
    Demo {
        /// The port of localhost to serve it at.
        #[arg(long, default_value_t = 3000)]
        port: u16,
        /// Start what the last build left.
        #[arg(long)]
        skip_build: bool,
    },
    /// Measure, against a peer in the same run.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Let anything happen to a client, then send anything to a server.
    Fuzz {
        /// How long, each.
        #[arg(long, default_value_t = fuzz::SECONDS)]
        seconds: u64,
        /// What chance begins with; the same again does the same again.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Run a client and a model server through random schedules of whatever can go wrong.
    Simulate {
        /// How many schedules.
        #[arg(long, default_value_t = 100_000)]
        runs: u64,
        /// The first one's seed; each later one has the next.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Run the tests: all of them, or the groups named.
    Test {
        /// What to run; all of it when none is named.
        groups: Vec<Group>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Setup => setup::everything().map(|_| ()),
        Verb::Codegen { check: true } => codegen::check(),
        Verb::Codegen { check: false } => codegen::write().and_then(|()| codegen::write_example()),
        Verb::Build { dev } => {
            let profile = if dev { Profile::Dev } else { Profile::Release };
            setup::for_building().and_then(|tools| build::everything(&tools, profile).map(|_| ()))
        }
        Verb::Demo { port, skip_build } => demo::run(port, skip_build),
        Verb::Bench { what } => bench::run(&what),
        Verb::Fuzz { seconds, seed } => fuzz::run(seconds, seed),
        Verb::Simulate { runs, seed } => simulate::run(runs, seed),
        Verb::Test { groups } => return test::run(&groups),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Progress::complain(&error);
            ExitCode::FAILURE
        }
    }
}
