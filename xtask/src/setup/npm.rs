//! Node.js, npm, and what the JavaScript packages depend on.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    program::Program,
    progress::{Progress, missing},
    workspace,
};

const OLDEST_NODE: u32 = 20;
const REMEDY: &str = "install Node.js 20 or newer with its npm, and have both in PATH";

/// Makes sure of Node.js and npm. Their versions.
pub(super) fn ensure() -> Result<String> {
    let node = Program::new("node")
        .arg("--version")
        .printed()
        .ok_or_else(|| missing("Node.js", "there is no program `node` in PATH", REMEDY))?;
    let major = node.trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().is_ok_and(|major| major < OLDEST_NODE) {
        return Err(missing("Node.js 20", format!("`node` is {node}"), REMEDY));
    }
    let npm = Program::new("npm")
        .arg("--version")
        .printed()
        .ok_or_else(|| missing("npm", "there is no program `npm` in PATH", REMEDY))?;
    Ok(format!("Node.js {node}, npm {npm}"))
}

/// Installs what each lockfile of this repository names. How many folders had to be filled.
pub(super) fn install_dependencies() -> Result<usize> {
    let lockfiles = Program::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            "*package-lock.json",
        ])
        .printed()
        .context("git could not list the lockfiles")?;
    let mut filled = 0;
    for lockfile in lockfiles.lines().map(workspace::path).filter(|file| file.is_file()) {
        let Some(folder) = lockfile.parent() else {
            continue;
        };
        if is_installed(folder, &lockfile) {
            continue;
        }
        Progress::doing("npm ci");
        let install = Program::new("npm").args(["ci", "--no-audit", "--no-fund"]).within(folder);
        install.quietly().map_err(|failed| {
            missing(
                &format!("what {} names", lockfile.display()),
                format!("{failed:#}"),
                "see that npm reaches its registry (npm ping); where package.json and the \
                 lockfile differ, run npm install and commit the lockfile",
            )
        })?;
        filled += 1;
    }
    Ok(filled)
}

/// npm leaves a lockfile of what it installed: it is up to date unless ours is newer.
fn is_installed(folder: &Path, lockfile: &Path) -> bool {
    let written = |file: &Path| fs::metadata(file).and_then(|file| file.modified());
    match (written(&folder.join("node_modules/.package-lock.json")), written(lockfile)) {
        (Ok(installed), Ok(wanted)) => installed >= wanted,
        _ => false,
    }
}
