//! The official Python client, which the server's tests connect with.

use std::{ffi::OsStr, fs, path::PathBuf};

use anyhow::Result;
use duct::Expression;

use super::apt;
use crate::{
    progress::{Progress, missing},
    shell::{command, found, quietly},
    workspace,
};

const REQUIREMENTS: &str = "server/tests/clients/python/requirements.txt";

/// A Python of its own with the client's packages; none where no test asks for it.
pub(super) fn ensure() -> Result<Option<PathBuf>> {
    let Ok(wanted) = fs::read_to_string(workspace::path(REQUIREMENTS)) else {
        return Ok(None);
    };
    let home = workspace::target().join("python");
    let python = home.join("bin/python");
    let installed = home.join("installed-requirements.txt");
    if python.is_file() && fs::read_to_string(&installed).is_ok_and(|had| had == wanted) {
        return Ok(Some(python));
    }

    let refusal = |why: anyhow::Error| {
        missing(
            "the official Python client",
            format!("{why:#}"),
            "install Python 3.10 or newer with its venv and pip, and see that pip reaches its index",
        )
    };
    Progress::doing("pip install");
    let venv = ["-m", "venv", "--clear"].map(OsStr::new).into_iter().chain([home.as_os_str()]);
    create_venv(&command("python3", venv)).map_err(refusal)?;
    quietly(&command(&python, ["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS])).map_err(refusal)?;
    fs::write(&installed, wanted)?;
    Ok(Some(python))
}

/// Debian keeps a part of `venv` in a package of its own.
fn create_venv(create: &Expression) -> Result<()> {
    if found("python3").is_some() && quietly(create).is_ok() {
        return Ok(());
    }
    apt::install(&["python3-venv"])?;
    quietly(create)
}
