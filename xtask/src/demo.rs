//! `cargo xtask demo`: the example app, served with demo data.

use std::{
    net::{Ipv4Addr, TcpStream},
    process::Child,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    build::{self, Artifacts, Profile},
    program::Program,
    progress::missing,
    setup,
};

/// How often the server is asked whether it is there yet, and how many times.
const ASK_EVERY: Duration = Duration::from_millis(100);
const ASK_TIMES: u32 = 300;

/// Whether a person, or what runs this program, wanted the end: then it is no failure.
static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

/// Builds, then serves until Ctrl-C or until the server ends by itself.
pub(crate) fn run(port: u16, skip_build: bool) -> Result<()> {
    let artifacts = if skip_build {
        Artifacts::of(Profile::Release)
    } else {
        build::everything(&setup::for_building()?, Profile::Release)?
    };
    if !artifacts.server.is_file() || !artifacts.app.is_dir() {
        return Err(missing(
            "the demo",
            "it is not built",
            "cargo xtask demo, without --skip-build",
        ));
    }
    if answers(port) {
        bail!(
            "port {port} is taken by another program\n  remedy: cargo xtask demo --port <another>"
        );
    }

    let server = Program::new(&artifacts.server)
        .args(["--demo", "--port", &port.to_string(), "--app"])
        .arg(&artifacts.app);
    let mut server = start(server)?;
    wait_for(&mut server, port)?;
    println!("\n  Samewire's demo: http://localhost:{port}  (Ctrl-C ends it)\n");
    let status = server.wait().context("the server was lost")?;
    if !status.success() && !ASKED_TO_END.load(Ordering::Relaxed) {
        bail!("the server ended by itself, {status}; what it said stands above");
    }
    Ok(())
}

fn wait_for(server: &mut Child, port: u16) -> Result<()> {
    for _ in 0..ASK_TIMES {
        if let Some(status) = server.try_wait()? {
            bail!("the server ended at once, {status}; what it said stands above");
        }
        if answers(port) {
            return Ok(());
        }
        thread::sleep(ASK_EVERY);
    }
    server.kill()?;
    bail!("the server did not answer at port {port} within {:?}", ASK_EVERY * ASK_TIMES)
}

fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Starts the server so that what ends this program asks the server to end, once, and this program
/// waits for it.
#[cfg(unix)]
fn start(server: Program) -> Result<Child> {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let server = server.apart().start()?;
    let id = Pid::from_raw(i32::try_from(server.id())?);
    ctrlc::set_handler(move || {
        ASKED_TO_END.store(true, Ordering::Relaxed);
        // One that has ended already needs no asking.
        let _ = kill(id, Signal::SIGTERM);
    })?;
    Ok(server)
}

/// Starts the server in this console, whose Ctrl-C reaches both.
#[cfg(not(unix))]
fn start(server: Program) -> Result<Child> {
    ctrlc::set_handler(|| ASKED_TO_END.store(true, Ordering::Relaxed))?;
    server.start()
}
