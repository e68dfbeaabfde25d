//! `cargo xtask codegen`: the files that are made from the protocol crate, and the example's from its own.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use samewire_protocol::CATALOGUE;

use crate::{program::Program, workspace};

/// Writes the files that are not what they should be.
pub(crate) fn write() -> Result<()> {
    let written =
        samewire_codegen::write(&workspace::root(), &samewire_codegen::generate(CATALOGUE)?)
            .context("the generated files can't be written")?;
    for file in &written {
        println!("      wrote {}", file.display());
    }
    Ok(())
}

/// Writes the client of `examples/custom-events` as its README says; whether it is up to date is a test of its own.
pub(crate) fn write_example() -> Result<()> {
    Program::new("cargo")
        .args(["run", "--package", "cafe-protocol", "--example", "client"])
        .openly()
}

/// Fails when a file is not what it should be.
pub(crate) fn check() -> Result<()> {
    let stale =
        samewire_codegen::stale(&workspace::root(), &samewire_codegen::generate(CATALOGUE)?)
            .context("the generated files can't be compared")?;
    if stale.is_empty() {
        println!("the generated files are what the protocol generates");
        return Ok(());
    }
    let names: Vec<String> =
        stale.iter().map(|file: &PathBuf| file.display().to_string()).collect();
    bail!(
        "not what the protocol generates: {}\n  remedy: cargo xtask codegen, and commit what it writes",
        names.join(", ")
    )
}
