//! `cargo xtask fuzz`: anything happens to a client, for as long as it is given.

use anyhow::{Result, bail};

use crate::program::Program;

/// How long it goes on where nobody says otherwise.
pub(crate) const SECONDS: u64 = 60;

/// Fails with the script that broke the client, if one did.
pub(crate) fn run(seconds: u64, seed: u64) -> Result<()> {
    if !program(seconds, seed).watched(|_| {})? {
        bail!("the script that broke the client stands above, with its seed");
    }
    Ok(())
}

/// The test that goes on for so long, beginning with a seed.
pub(crate) fn program(seconds: u64, seed: u64) -> Program {
    Program::new("cargo")
        .args(["test", "--package", "samewire-client-core", "--test", "fuzz"])
        .env("SAMEWIRE_FUZZ_SECONDS", seconds.to_string())
        .env("SAMEWIRE_FUZZ_SEED", seed.to_string())
}
