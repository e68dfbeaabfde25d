//! What a process has used, read from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// A process on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

/// Clock ticks a second in `/proc`, the same on every Linux that is about.
const TICKS: f64 = 100.0;

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// This program.
    pub(crate) fn own() -> Self {
        Self::new(std::process::id())
    }

    /// CPU time so far, of the program and of the system on its behalf.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The second field is the name in parentheses, which may hold anything.
        let fields = stat.rsplit_once(')').context("no name in stat")?.1;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| -> Result<f64> { Ok(fields.get(at).context("stat")?.parse()?) };
        Ok(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS))
    }

    /// Bytes of memory that are the process's own.
    pub(crate) fn memory(self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("RssAnon")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }
}
