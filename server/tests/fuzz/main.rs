//! A server to which anything is sent, at each of its entrances: the handshake, events, and HTTP
//! calls. It never panics, never fails by a 5xx, never logs an error, keeps its memory within
//! [`target::MAX_MEMORY_BYTES`], and serves a fresh client when all is over.
//!
//! The server runs as the program that is shipped, in a process of its own: its memory is then its
//! own and not also the fuzzer's, a panic is seen wherever it happens, in whichever task, and what
//! it writes to its log is what an operator would read. Each entrance has a server to itself and
//! sends one thing after the other, so that the same seed sends the same again.
//!
//! Quick as a test. `cargo xtask fuzz` goes on for longer, the three side by side, with the seed
//! and for the seconds that the environment says.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod calls;
mod events;
mod handshake;
mod mutation;
mod raw_http;
mod target;

use std::time::{Duration, Instant};

use rand::{SeedableRng, rngs::StdRng};

use target::Target;

/// Rounds that are played as a test.
const AS_A_TEST: u64 = 150;

/// Plays rounds of an entrance until it is enough. `play` notes what it sends before it does.
fn fuzz(entrance: &str, mut play: impl FnMut(&mut StdRng, &mut Target, &mut Vec<String>)) {
    let start = Instant::now();
    let seconds = Duration::from_secs(setting("SAMEWIRE_FUZZ_SECONDS").unwrap_or(0));
    let seed = setting("SAMEWIRE_FUZZ_SEED").unwrap_or(1);
    let mut random = StdRng::seed_from_u64(seed);
    let mut target = Target::start();
    let mut rounds = 0;
    while rounds < AS_A_TEST || start.elapsed() < seconds {
        let mut sent = Vec::new();
        play(&mut random, &mut target, &mut sent);
        rounds += 1;
        if let Some(problem) = target.problem() {
            for line in sent {
                eprintln!("sent: {line}");
            }
            panic!("{entrance}, seed {seed}, round {rounds}: {problem}");
        }
    }
    target.finish();
    let memory = target.memory_bytes() / 1024 / 1024;
    println!(
        "{entrance}: seed {seed}, {rounds} rounds, {memory} MiB; answers: {:?}",
        target.answers
    );
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
