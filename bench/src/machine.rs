//! The machine: who runs on which core, and how many files may be open.

use anyhow::{Context, Result, ensure};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};

/// Who runs where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    /// The server's core.
    pub(crate) server: usize,
    /// The client's.
    pub(crate) client: usize,
}

/// Two cores that this program may run on.
///
/// # Errors
/// When there is one alone: whoever shared it would measure the other.
pub(crate) fn cores() -> Result<Cores> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false));
    let (server, client) = (cores.next(), cores.next());
    let client =
        client.context("two cores are needed, one for the server and one for the client")?;
    Ok(Cores { server: server.unwrap_or(0), client })
}

/// Keeps this thread, and what it starts from now on, on a core.
///
/// # Errors
/// When the system doesn't allow it.
pub(crate) fn stay_on(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("staying on one core")
}

/// Lets this program, and what it starts, have so many files open.
///
/// # Errors
/// When the system doesn't allow as many.
pub(crate) fn raise_open_files(wanted: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        hard >= wanted,
        "{wanted} open files are needed for as many connections, and this system allows {hard}\n  \
         remedy: ulimit -Hn {wanted} as root, then again"
    );
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}
