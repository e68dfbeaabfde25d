//! Running other programs.

use std::{
    env,
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use duct::{Expression, cmd};

use crate::workspace;

/// How much of a failed program's output its error shows, in lines.
const SHOWN_LINES: usize = 40;

/// A command that starts in the repository's root.
pub(crate) fn command<I>(program: impl AsRef<Path>, arguments: I) -> Expression
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    cmd(program.as_ref().as_os_str(), arguments).dir(workspace::root())
}

/// Runs a command whose output matters only when it fails.
pub(crate) fn quietly(command: &Expression) -> Result<()> {
    let output = command.stderr_to_stdout().stdout_capture().stdin_null().unchecked().run()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n    ");
    bail!("{} of {command:?}:\n    {shown}", output.status)
}

/// Runs a command that writes to the terminal.
pub(crate) fn openly(command: &Expression) -> Result<()> {
    let output = command.unchecked().run().with_context(|| format!("{command:?} did not start"))?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{} of {command:?}; what it said stands above", output.status)
}

/// Runs a command, showing each line of its output and handing it to `read`. Whether it succeeded.
pub(crate) fn watched(command: &Expression, mut read: impl FnMut(&str)) -> Result<bool> {
    let output = command
        .stderr_to_stdout()
        .stdin_null()
        .unchecked()
        .reader()
        .with_context(|| format!("{command:?} did not start"))?;
    let mut lines = BufReader::new(&output);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        read(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    let finished = output.try_wait()?.context("a command closed its output and went on")?;
    Ok(finished.status.success())
}

/// The first line that a command prints; nothing when it fails or isn't there.
pub(crate) fn first_line(command: &Expression) -> Option<String> {
    let text = command.stderr_null().stdin_null().read().ok()?;
    text.lines().next().map(str::to_owned)
}

/// Where a program of this name is found in `PATH`.
pub(crate) fn found(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program).with_extension(env::consts::EXE_EXTENSION))
        .find(|file| file.is_file())
}
