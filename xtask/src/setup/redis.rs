//! Redis, which the tests of several servers start.

use std::{env, path::PathBuf};

use anyhow::{Error, Result};

use super::apt;
use crate::{program::found, progress::missing};

/// Finds Redis: where `REDIS_SERVER` says, in `PATH`, or from Debian's package.
pub(super) fn ensure() -> Result<PathBuf> {
    if let Some(program) = look() {
        return Ok(program);
    }
    apt::install(&["redis-server"]).map_err(refusal)?;
    look().ok_or_else(|| refusal(anyhow::anyhow!("its package brought no program of that name")))
}

fn look() -> Option<PathBuf> {
    let named = env::var_os("REDIS_SERVER").map(PathBuf::from).filter(|program| program.is_file());
    named.or_else(|| found("redis-server"))
}

fn refusal(why: Error) -> Error {
    missing(
        "Redis",
        format!("{why:#}"),
        "install Redis 7 or newer and have redis-server in PATH, or name it in REDIS_SERVER",
    )
}
