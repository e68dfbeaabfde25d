//! The official Python client, which the server's tests connect with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::apt;
use crate::{
    program::Program,
    progress::{Progress, missing},
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
    create_venv(&home).map_err(refusal)?;
    let install =
        Program::new(&python).args(["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]);
    install.quietly().map_err(refusal)?;
    fs::write(&installed, wanted)?;
    Ok(Some(python))
}

fn create_venv(home: &Path) -> Result<()> {
    let create = || Program::new("python3").args(["-m", "venv", "--clear"]).arg(home).quietly();
    // Debian keeps a part of `venv` in a package of its own.
    create().or_else(|_| apt::install(&["python3-venv"]).and_then(|()| create()))
}
