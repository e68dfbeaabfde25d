//! Tests in Rust, as every verb and group asks Cargo for them.

use crate::program::Program;

/// Those of everything that doesn't need a browser.
///
/// Whoever wants a few of them narrows them down by targets and names, and not by packages: of fewer packages
/// what they share has fewer features, and is compiled once more.
pub(crate) fn rust_tests() -> Program {
    Program::new("cargo").args(["test", "--workspace", "--exclude", "samewire-wasm-client"])
}
