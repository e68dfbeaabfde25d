//! Runs the simulation of client and server (`client-core/tests/simulation`) with seeds of one's own.

use std::time::Instant;

use anyhow::Result;

use crate::{program::Program, progress::seconds};

/// Runs so many schedules, those of `seed` and the seeds after it. A failure is printed with its
/// seed and with the few steps that are enough for it.
pub(crate) fn run(runs: u64, seed: u64) -> Result<()> {
    let started = Instant::now();
    Program::new("cargo")
        .args(["test", "--quiet", "--package", "samewire-client-core", "--test", "simulation"])
        .args(["--", "--exact", "--nocapture", "no_schedule_breaks_an_invariant"])
        .env("SAMEWIRE_SIMULATE_RUNS", runs.to_string())
        .env("SAMEWIRE_SIMULATE_SEED", seed.to_string())
        // Where a failure was found in the test is not what is wrong.
        .env("RUST_BACKTRACE", "0")
        .openly()?;
    println!("{runs} schedules hold, in {} with the build", seconds(started.elapsed()));
    Ok(())
}
