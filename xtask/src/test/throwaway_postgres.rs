//! A PostgreSQL server for one run of the tests, with nothing in it, gone when it is dropped.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{program::Program, progress::missing, setup::Postgres};

const USER: &str = "samewire";

/// How often it is asked whether it is there yet, and how many times.
const ASK_EVERY: Duration = Duration::from_millis(100);
const ASK_TIMES: u32 = 600;

/// How often another port is tried: the one that was free may be taken a moment later.
const PORTS: u32 = 3;

/// A server that runs.
pub(super) struct ThrowawayPostgres {
    server: Child,
    folder: PathBuf,
    /// The address of a database of its own, by a user who may make others.
    pub(super) url: String,
}

impl ThrowawayPostgres {
    /// Makes one and starts it.
    ///
    /// # Errors
    /// When it can't be started, with what it said.
    pub(super) fn start(postgres: &Postgres) -> Result<Self> {
        let folder = env::temp_dir().join(format!("samewire-postgres-{}", std::process::id()));
        let started = Self::start_in(postgres, &folder);
        if started.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        started.map_err(|why| {
            missing(
                "a PostgreSQL server for the tests",
                format!("{why:#}"),
                "see what it says, and whether cargo xtask setup passes",
            )
        })
    }

    fn start_in(postgres: &Postgres, folder: &Path) -> Result<Self> {
        // Nobody else on this machine is to come in while it runs.
        let password = fs::read_to_string("/proc/sys/kernel/random/uuid")
            .map_or_else(|_| "only for the tests".replace(' ', "-"), |uuid| uuid.trim().to_owned());
        fs::create_dir(folder).with_context(|| format!("{}", folder.display()))?;
        let password_file = folder.join("password");
        fs::write(&password_file, &password)?;
        let owner = Owner::of_servers()?;
        owner.owns(&password_file)?;
        owner.owns(folder)?;
        let data = folder.join("data");
        // A language's order of texts, which isn't the bytes' order: queries must not depend on it.
        owner
            .runs(postgres.programs.join("initdb"))
            .args(["--username", USER, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data)
            .within(folder)
            .quietly()?;
        for _ in 0..PORTS {
            let port =
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port().to_string();
            let mut server = owner
                .runs(postgres.programs.join("postgres"))
                .arg("-D")
                .arg(&data)
                .arg("-k")
                .arg(folder)
                .args(["-h", "127.0.0.1", "-p", &port, "-c", "max_connections=300"])
                // What is in it needn't outlive the machine.
                .args([
                    "-c",
                    "fsync=off",
                    "-c",
                    "full_page_writes=off",
                    "-c",
                    "synchronous_commit=off",
                ])
                .within(folder)
                .logging_to(&folder.join("log"))?
                .start()?;
            let url = format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres");
            if answers(&mut server, &url)? {
                return Ok(Self { server, folder: folder.to_owned(), url });
            }
        }
        let said = fs::read_to_string(folder.join("log")).unwrap_or_default();
        bail!("it ended at once: {said}")
    }
}

impl Drop for ThrowawayPostgres {
    fn drop(&mut self) {
        end(&mut self.server);
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether it comes to answer, or ends before.
fn answers(server: &mut Child, url: &str) -> Result<bool> {
    for _ in 0..ASK_TIMES {
        if server.try_wait()?.is_some() {
            return Ok(false);
        }
        let ask =
            Program::new("psql").args(["--no-psqlrc", "--dbname", url, "--command", "SELECT 1"]);
        if ask.printed().is_some() {
            return Ok(true);
        }
        thread::sleep(ASK_EVERY);
    }
    end(server);
    bail!("it did not answer within {:?}", ASK_EVERY * ASK_TIMES)
}

/// Ends it with all connections at once, in good order.
#[cfg(unix)]
fn end(server: &mut Child) {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let _ = i32::try_from(server.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGINT));
}

#[cfg(not(unix))]
fn end(server: &mut Child) {
    let _ = server.kill();
}

/// Who runs PostgreSQL, which refuses to be run by root.
enum Owner {
    Myself,
    Another { user: u32, group: u32 },
}

impl Owner {
    fn of_servers() -> Result<Self> {
        let id = |which: &str, name: &[&str]| {
            Program::new("id").arg(which).args(name).printed().and_then(|id| id.parse::<u32>().ok())
        };
        if id("-u", &[]) != Some(0) {
            return Ok(Self::Myself);
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| {
                Some(Self::Another { user: id("-u", &[name])?, group: id("-g", &[name])? })
            })
            .context(
                "PostgreSQL refuses to be run by root, and there is no user `postgres` or `nobody`",
            )
    }

    #[cfg(unix)]
    fn owns(&self, path: &Path) -> Result<()> {
        if let Self::Another { user, group } = self {
            std::os::unix::fs::chown(path, Some(*user), Some(*group))?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn owns(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    /// A program in its name, which ends when this one is killed.
    fn runs(&self, program: impl AsRef<Path>) -> Program {
        match self {
            Self::Myself => Program::new(program.as_ref()),
            Self::Another { user, group } => Program::new("setpriv")
                .args([format!("--reuid={user}"), format!("--regid={group}")])
                .args(["--clear-groups", "--pdeathsig", "INT"])
                .arg(program.as_ref()),
        }
    }
}
