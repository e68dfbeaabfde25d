//! `cargo xtask codegen`: the files that are made from the protocol crate.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// What is written in place of a generator, until there is one.
struct GeneratedFile {
    path: PathBuf,
    contents: String,
}

/// Writes the files that are not what they should be.
///
/// A file that already is stays untouched, so that nothing is built anew for its sake.
pub(crate) fn write() -> Result<()> {
    for file in stale() {
        let path = workspace::root().join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, &file.contents)
            .with_context(|| format!("{} can't be written", path.display()))?;
        println!("      wrote {}", file.path.display());
    }
    Ok(())
}

/// Fails when a file is not what it should be.
pub(crate) fn check() -> Result<()> {
    let stale = stale();
    if stale.is_empty() {
        println!("what is generated from the protocol is up to date");
        return Ok(());
    }
    let names: Vec<String> = stale
        .iter()
        .map(|file| file.path.display().to_string())
        .collect();
    bail!(
        "not what the protocol crate generates: {}\n  remedy: cargo xtask codegen, and commit what it writes",
        names.join(", ")
    )
}

/// The generated files that differ from what is on disk, or aren't there.
fn stale() -> Vec<GeneratedFile> {
    let differs = |file: &GeneratedFile| {
        fs::read_to_string(workspace::root().join(&file.path))
            .ok()
            .as_ref()
            != Some(&file.contents)
    };
    let generated: Vec<GeneratedFile> = Vec::new();
    generated.into_iter().filter(differs).collect()
}
