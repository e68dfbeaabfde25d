//! Where things lie in this repository.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    // Cargo says where this crate lies now; the constant, where it lay when it was compiled.
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

/// A path below the repository's root, such as `npm/src/wasm`.
pub(crate) fn path(below_root: &str) -> PathBuf {
    root().join(below_root)
}

/// Cargo's own target directory.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| path("target"), |dir| root().join(dir))
}

/// The target directory of everything compiled for the browser. Apart from Cargo's own: it may be
/// another compiler that fills it, and neither then throws away what the other has built.
pub(crate) fn wasm_target() -> PathBuf {
    target().join("wasm")
}

/// The same for what is compiled together with its standard library.
pub(crate) fn wasm_target_with_std() -> PathBuf {
    target().join("wasm-with-std")
}

/// Tools of this repository's own, installed below the target directory.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}
