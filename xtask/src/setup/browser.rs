//! A browser for the tests, and the driver that steers it.

use std::{env, path::PathBuf};

use anyhow::{Error, Result};

use super::apt;
use crate::{program::found, progress::missing};

/// Chromium or Chrome, and its driver.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) chrome: PathBuf,
    /// The program that speaks WebDriver for it.
    pub(crate) driver: PathBuf,
}

/// Finds the browser and its driver: where `CHROME` and `CHROMEDRIVER` say, in `PATH`, or from
/// Debian's packages.
pub(super) fn ensure() -> Result<Browser> {
    if let Some(browser) = look() {
        return Ok(browser);
    }
    apt::install(&["chromium", "chromium-driver"]).map_err(refusal)?;
    look().ok_or_else(|| refusal(anyhow::anyhow!("its packages brought no program of that name")))
}

fn look() -> Option<Browser> {
    let names = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome"];
    Some(Browser {
        chrome: named_by("CHROME").or_else(|| names.into_iter().find_map(found))?,
        driver: named_by("CHROMEDRIVER").or_else(|| found("chromedriver"))?,
    })
}

fn named_by(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|program| program.is_file())
}

fn refusal(why: Error) -> Error {
    missing(
        "Chromium with its driver",
        format!("{why:#}"),
        "install both and have them in PATH, or name the programs in CHROME and CHROMEDRIVER",
    )
}
