//! `cargo xtask fuzz`: anything happens to a client and to a server, for as long as it is given.

use anyhow::{Result, bail};

use crate::{program::Program, rust_tests::rust_tests};

/// How long each goes on where nobody says otherwise.
pub(crate) const SECONDS: u64 = 60;

/// Fails with what broke one of them, if anything did.
pub(crate) fn run(seconds: u64, seed: u64) -> Result<()> {
    for program in [client(seconds, seed), server(seconds, seed)] {
        if !program.watched(|_| {})? {
            bail!("what broke it stands above, with its seed");
        }
    }
    Ok(())
}

/// The client's test, beginning with a seed.
pub(crate) fn client(seconds: u64, seed: u64) -> Program {
    fuzz(seconds, seed).args(["--", "breaks_a_client"])
}

/// The server's tests, one for each entrance, all at the same time.
pub(crate) fn server(seconds: u64, seed: u64) -> Program {
    fuzz(seconds, seed).args(["--", "breaks_the_server", "--nocapture", "--test-threads=3"])
}

fn fuzz(seconds: u64, seed: u64) -> Program {
    rust_tests()
        .args(["--test", "fuzz"])
        .env("SAMEWIRE_FUZZ_SECONDS", seconds.to_string())
        .env("SAMEWIRE_FUZZ_SEED", seed.to_string())
}
