//! PostgreSQL, the store of several servers, for the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::apt;
use crate::{
    program::{Program, found},
    progress::{Progress, missing},
};

const REMEDY: &str = "install PostgreSQL 15 or newer with its client (Debian: apt-get install postgresql), and have \
                      its programs in PATH";

/// Where Debian's packages put the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of a PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    /// The folder that `initdb` and `postgres` are in.
    pub(crate) programs: PathBuf,
}

/// Makes sure of PostgreSQL and of its client `psql`.
pub(super) fn ensure() -> Result<Postgres> {
    let refusal = |why: anyhow::Error| missing("PostgreSQL", format!("{why:#}"), REMEDY);
    if programs().is_none() || found("psql").is_none() {
        Progress::doing("PostgreSQL");
        apt::install(&["postgresql", "postgresql-client"]).map_err(refusal)?;
    }
    found("psql").context("there is no program `psql` in PATH").map_err(refusal)?;
    let programs = programs().context("there is no program `initdb`").map_err(refusal)?;
    Ok(Postgres { programs })
}

impl Postgres {
    /// What it says it is.
    pub(crate) fn version(&self) -> String {
        let version = Program::new(self.programs.join("postgres")).arg("--version").printed();
        version.unwrap_or_else(|| self.programs.display().to_string())
    }
}

fn programs() -> Option<PathBuf> {
    let is_whole =
        |folder: &Path| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    let in_path = found("initdb").and_then(|file| Some(file.parent()?.to_owned()));
    in_path.filter(|folder| is_whole(folder)).or_else(|| {
        let versions = fs::read_dir(DEBIAN).ok()?.flatten();
        let version =
            |folder: &PathBuf| -> Option<u32> { folder.file_name()?.to_str()?.parse().ok() };
        let newest = versions.map(|entry| entry.path()).max_by_key(version)?.join("bin");
        is_whole(&newest).then_some(newest)
    })
}
