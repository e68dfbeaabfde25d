//! A client to which anything happens: it never panics, and never does what it may not.
//!
//! Quick as a test. `cargo xtask fuzz` goes on for longer, with the seed and for the seconds that
//! the environment says.

mod scripts;
mod target;

use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Scripts that are played as a test.
const AS_A_TEST: u32 = 2_000;

#[test]
#[expect(clippy::disallowed_methods, reason = "the clock says when it is enough, and nothing else")]
fn nothing_that_happens_breaks_a_client() {
    let start = Instant::now();
    let seconds = Duration::from_secs(setting("SAMEWIRE_FUZZ_SECONDS").unwrap_or(0));
    let mut seed = setting("SAMEWIRE_FUZZ_SEED").unwrap_or(1);
    loop {
        play_many(seed);
        if start.elapsed() >= seconds {
            break;
        }
        seed += 1;
    }
}

/// Plays [`AS_A_TEST`] scripts. One that fails is made smaller, and shown.
fn play_many(seed: u64) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: AS_A_TEST, failure_persistence: None, ..Config::default() };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let played = TestRunner::new_with_rng(config, random).run(&scripts::scripts(), |script| {
        target::play(&script);
        Ok(())
    });
    match played {
        Err(TestError::Fail(reason, script)) => {
            panic!(
                "seed {seed}: {reason}\n{}",
                script.escape_ascii().to_string().replace("\\n", "\n")
            );
        }
        Err(TestError::Abort(reason)) => panic!("seed {seed}: {reason}"),
        Ok(()) => {}
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
