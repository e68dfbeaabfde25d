//! Packages of a Debian system.

use std::sync::OnceLock;

use anyhow::{Result, bail};

use crate::{
    progress::Progress,
    shell::{command, first_line, found, quietly},
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
    if first_line(&command("id", ["-u"])).as_deref() != Some("0") {
        bail!("installing it takes root: sudo apt-get install -y {names}");
    }
    Progress::doing(&format!("apt-get install {names}"));
    refresh()?;
    let arguments = ["install", "--yes", "--no-install-recommends"].iter().chain(packages);
    quietly(&command("apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Fetches the list of packages, once a run: a fresh system has none, an old one points at versions
/// that are gone.
fn refresh() -> Result<()> {
    static REFRESHED: OnceLock<()> = OnceLock::new();
    if REFRESHED.get().is_none() {
        quietly(&command("apt-get", ["update"]))?;
        let _ = REFRESHED.set(());
    }
    Ok(())
}
