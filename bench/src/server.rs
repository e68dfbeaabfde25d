//! The servers, each a program of its own on a core of its own.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use samewire_server::{Identity, auth::Issuer};
use tempfile::TempDir;

use crate::{machine, process::Process};

const SECRET: &str = "a secret of the bench, 32 bytes or more";

/// Users, as many as there are connections at most.
const USERS: usize = 10_000;

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours, with sign-in, log and metrics.
    Ours,
    /// socket.io for Node.js.
    Node,
    /// socketioxide.
    Bare,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Node, Self::Bare, Self::Ours];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "Samewire",
            Self::Node => "Socket.IO for Node.js",
            Self::Bare => "bare socketioxide",
        }
    }
}

/// A running server; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    /// Starts a server on a core and waits until it listens.
    ///
    /// # Errors
    /// When it can't be started.
    pub(crate) fn start(kind: Kind, node_server: &Path, core: usize) -> Result<Self> {
        machine::stay_on(core)?;
        let folder = tempfile::tempdir()?;
        let beside = |name| Ok::<_, anyhow::Error>(env::current_exe()?.with_file_name(name));
        let mut command = match kind {
            Kind::Ours => Command::new(beside("bench-samewire")?),
            Kind::Bare => Command::new(beside("bench-socketioxide")?),
            Kind::Node => {
                let mut node = Command::new("node");
                node.arg(node_server);
                node
            }
        };
        let log = File::create(folder.path().join("log"))?;
        let database = format!("sqlite://{}", folder.path().join("bench.db").display());
        // Everything is on; only what would refuse the bench its work is set high.
        command
            .env("JWT_SECRET", SECRET)
            .env("PORT", "0")
            .env("DATABASE_URL", database)
            .env("MEDIA_DIR", folder.path().join("media"))
            .env("RATE_LIMIT_MAX", "1000000000")
            .env("CONNECTIONS_PER_SECOND", "1000000")
            .env("RUST_LOG", "info")
            .env("NODE_ENV", "production")
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child =
            command.spawn().with_context(|| format!("{} did not start", kind.name()))?;
        let output = child.stdout.take().context("no output")?;
        let address = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("listening on http://")?.1.trim().parse().ok())
            .with_context(|| format!("{} does not listen", kind.name()))?;
        Ok(Self { child, address, _folder: folder })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token for each user.
///
/// # Errors
/// When none can be issued.
pub(crate) fn tokens() -> Result<Vec<String>> {
    let issuer = Issuer::from_secret(SECRET.as_bytes());
    (0..USERS)
        .map(|user| {
            Ok(issuer.issue(Identity {
                user_id: format!("user-{user}").as_str().into(),
                email: None,
                name: None,
                expires_at: "2100-01-01T00:00:00Z".parse()?,
            })?)
        })
        .collect()
}
