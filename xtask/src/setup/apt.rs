//! Packages of a Debian system.

use std::{fs, path::Path, sync::OnceLock};

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

/// Lays what is in a package into a folder, without installing it. Not what it depends on.
///
/// # Errors
/// Says what apt-get or dpkg-deb said where they failed.
pub(super) fn unpack(package: &str, folder: &Path) -> Result<()> {
    if found("apt-get").is_none() {
        bail!("this system has no apt-get to fetch {package} with");
    }
    Progress::doing(&format!("apt-get download {package}"));
    // Takes root, and is needed where there is no list yet, or an old one.
    let refreshed = refresh();
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let download = Program::new("apt-get").args(["download", package]).within(folder).quietly();
    download.or_else(|failed| refreshed.and(Err(failed)))?;
    for entry in fs::read_dir(folder)? {
        Program::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(folder).quietly()?;
    }
    Ok(())
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
