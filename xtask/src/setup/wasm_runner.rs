//! The program that runs compiled tests in a browser.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{
    program::{Program, found},
    progress::{Progress, missing},
    workspace,
};

const PROGRAM: &str = "wasm-bindgen-test-runner";

/// Finds or builds the runner of exactly the version that Cargo.lock has: another one can't read what
/// the compiler wrote.
pub(super) fn ensure() -> Result<PathBuf> {
    let version = locked_version()?;
    let own = workspace::tools().join("bin").join(PROGRAM);
    let right = |runner: &PathBuf| {
        Program::new(runner).arg("--version").printed().is_some_and(|line| line.ends_with(&version))
    };
    if let Some(runner) = [Some(own.clone()), found(PROGRAM)].into_iter().flatten().find(right) {
        return Ok(runner);
    }
    Progress::doing("building wasm-bindgen-cli");
    // Without --locked: its lockfile may name a version that its registry has taken back.
    let install = Program::new("cargo")
        .args(["install", "wasm-bindgen-cli", "--debug", "--force", "--bin", PROGRAM, "--version"])
        .arg(format!("={version}"))
        .arg("--root")
        .arg(workspace::tools());
    install.quietly().map_err(|failed| {
        missing(
            PROGRAM,
            format!("{failed:#}"),
            &format!("cargo install wasm-bindgen-cli --version ={version}"),
        )
    })?;
    Ok(own)
}

/// The version of wasm-bindgen that this workspace is built with.
fn locked_version() -> Result<String> {
    let lock = std::fs::read_to_string(workspace::path("Cargo.lock"))?;
    lock.lines()
        .skip_while(|line| *line != "name = \"wasm-bindgen-cli-support\"")
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .context("Cargo.lock names no wasm-bindgen-cli-support")
}
