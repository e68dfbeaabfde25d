//! The files in the repository are those that the protocol generates.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::path::Path;

#[test]
fn what_is_committed_is_what_the_protocol_generates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = samewire_codegen::generate(samewire_protocol::CATALOGUE).unwrap();
    let stale = samewire_codegen::stale(&root, &files).unwrap();
    assert!(stale.is_empty(), "run `cargo xtask codegen`: {stale:?}");
}
