//! A Redis of a test's own.

use std::{
    env,
    ffi::OsString,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{Connection, RedisAddress};

/// How long anything may take on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// A Redis that ends with the test. It listens on a socket in a folder of its own, so that no other
/// program's port is in its way.
pub(crate) struct TestRedis {
    folder: TempDir,
    running: Option<Child>,
    /// Whether it keeps what it knows over its restarts.
    keeps: bool,
}

impl TestRedis {
    /// Starts one, and waits until it answers.
    pub(crate) async fn start() -> Self {
        Self::start_with(false).await
    }

    /// As [`TestRedis::start`]: one that writes down all that it is told.
    pub(crate) async fn start_keeping() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(keeps: bool) -> Self {
        let mut redis = Self { folder: TempDir::new().unwrap(), running: None, keeps };
        redis.resume().await;
        redis
    }

    pub(crate) fn address(&self) -> RedisAddress {
        format!("unix://{}", self.socket().display()).parse().unwrap()
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.address()).unwrap()
    }

    /// Ends it, with all that it knows and doesn't keep.
    pub(crate) fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    /// Starts it again.
    pub(crate) async fn resume(&mut self) {
        let program = env::var_os("REDIS_SERVER").unwrap_or_else(|| OsString::from("redis-server"));
        let running = Command::new(&program)
            .args(["--port", "0", "--save", "", "--appendfsync", "always"])
            .args(["--appendonly", if self.keeps { "yes" } else { "no" }, "--unixsocket"])
            .arg(self.socket())
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.running = Some(running.unwrap_or_else(|error| {
            panic!("{}: {error}; `cargo xtask setup` installs it", program.display())
        }));
        let connection = self.connect();
        eventually("Redis answers", async || connection.is_up()).await;
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("redis.sock")
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
