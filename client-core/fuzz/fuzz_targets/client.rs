//! The target, under libFuzzer.

#![no_main]

#[path = "../../tests/fuzz/target.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|script: &[u8]| target::play(script));
