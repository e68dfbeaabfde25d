//! Packages of a Debian system.

use std::sync::OnceLock;

use anyhow::{Result, bail};

use crate::{
    program::{Program, found},
    progress::Progress,
};

/// Installs packages where this process may: on Debian and its kin, as root.
///
/// # Errors
/// Says what to type where it may not, or what apt-get said where it failed.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if found("apt-get").is_none() {
        bail!("this system has no apt-get to install {names} with");
    }
    if Program::new("id").arg("-u").printed().as_deref() != Some("0") {
        bail!("installing it takes root: sudo apt-get install -y {names}");
    }
    Progress::doing(&format!("apt-get install {names}"));
    refresh()?;
    Program::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .quietly()
}

/// Fetches the list of packages, once a run: a fresh system has none, an old one points at versions
/// that are gone.
fn refresh() -> Result<()> {
    static REFRESHED: OnceLock<()> = OnceLock::new();
    if REFRESHED.get().is_none() {
        Program::new("apt-get").arg("update").quietly()?;
        let _ = REFRESHED.set(());
    }
    Ok(())
}
