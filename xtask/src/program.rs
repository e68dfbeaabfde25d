//! Running other programs.

use std::{
    env,
    ffi::OsStr,
    fmt::{self, Display, Formatter},
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// How much of a failed program's output its error shows of the beginning and of the end, in lines:
/// some say first what is wrong, some last.
const SHOWN_LINES: usize = 20;

/// A program with its arguments, about to run in the repository's root.
#[derive(Debug)]
pub(crate) struct Program(Command);

impl Program {
    /// A program found in `PATH` or at a path.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.current_dir(workspace::root());
        Self(command)
    }

    /// With one more argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    /// With more arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    /// In this folder.
    pub(crate) fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// With an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Without an environment variable that this process has.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    /// With output and errors appended to a file.
    pub(crate) fn logging_to(mut self, file: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(file)?;
        self.0.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Ok(self)
    }

    /// In a process group of its own, which the terminal's Ctrl-C does not reach.
    #[cfg(unix)]
    pub(crate) fn apart(mut self) -> Self {
        std::os::unix::process::CommandExt::process_group(&mut self.0, 0);
        self
    }

    /// Runs with output that is shown only when it fails.
    pub(crate) fn quietly(self) -> Result<()> {
        let mut text = Vec::new();
        let (name, status) = self.piped(|line| text.push(line.to_owned()))?;
        if status.success() {
            return Ok(());
        }
        if text.len() > 2 * SHOWN_LINES {
            text.splice(SHOWN_LINES..text.len() - SHOWN_LINES, ["[…]".to_owned()]);
        }
        let shown: String = text.iter().map(|line| format!("\n    {line}")).collect();
        bail!("{name}: {status}{shown}")
    }

    /// Runs with its output on the terminal.
    pub(crate) fn openly(mut self) -> Result<()> {
        let status = self.0.status().with_context(|| format!("{self} did not start"))?;
        if !status.success() {
            bail!("{self}: {status}; what it said stands above");
        }
        Ok(())
    }

    /// Runs, showing each line of its output and handing it to `read`. Whether it succeeded.
    pub(crate) fn watched(self, mut read: impl FnMut(&str)) -> Result<bool> {
        println!("$ {self}");
        let (_, status) = self.piped(|line| {
            // A closed terminal is no reason to stop the work.
            let _ = writeln!(io::stdout(), "{line}");
            read(line);
        })?;
        Ok(status.success())
    }

    /// Runs for what it prints; nothing when it fails or isn't there.
    pub(crate) fn printed(mut self) -> Option<String> {
        let output = self.0.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts, and goes on beside this program.
    pub(crate) fn start(mut self) -> Result<Child> {
        self.0.spawn().with_context(|| format!("{self} did not start"))
    }

    /// Runs with output and errors in one pipe, line by line.
    fn piped(mut self, mut read: impl FnMut(&str)) -> Result<(String, ExitStatus)> {
        let name = self.to_string();
        let (output, end) = io::pipe()?;
        self.0.stdin(Stdio::null()).stdout(end.try_clone()?).stderr(end);
        let mut child = self.0.spawn().with_context(|| format!("{name} did not start"))?;
        // Our own ends of the pipe, without which it would never close.
        drop(self);
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? > 0 {
            read(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
        Ok((name, child.wait()?))
    }
}

/// As one would type it.
impl Display for Program {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let program = Path::new(self.0.get_program());
        let name = program.file_name().unwrap_or(self.0.get_program());
        write!(formatter, "{}", name.to_string_lossy())?;
        self.0.get_args().try_for_each(|word| write!(formatter, " {}", word.to_string_lossy()))
    }
}

/// Where a program of this name is found in `PATH`.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name).with_extension(env::consts::EXE_EXTENSION))
        .find(|file| file.is_file())
}

#[cfg(all(test, unix))]
mod tests {
    use super::Program;

    fn shell(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    #[test]
    fn a_failure_shows_both_ends_of_what_was_said() {
        let error =
            shell("echo first; seq 1000; echo last >&2; exit 3").quietly().unwrap_err().to_string();
        assert!(error.starts_with("sh -c "), "{error}");
        assert!(error.contains("exit status: 3\n    first\n    1\n"), "{error}");
        assert!(error.contains("[…]") && error.ends_with("1000\n    last"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_says_so() {
        let error = Program::new("no-such-program").quietly().unwrap_err();
        assert!(format!("{error:#}").starts_with("no-such-program did not start: "), "{error:#}");
        assert_eq!(Program::new("no-such-program").printed(), None);
    }

    #[test]
    fn output_and_errors_are_read_line_by_line() {
        let mut lines = Vec::new();
        let succeeded =
            shell("echo one; echo two >&2; false").watched(|line| lines.push(line.to_owned()));
        assert!(!succeeded.unwrap());
        assert_eq!(lines, ["one", "two"]);
    }
}
