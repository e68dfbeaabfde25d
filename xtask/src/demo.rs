//! `cargo xtask demo`: the example app, served with demo data.

use std::{
    net::{Ipv4Addr, TcpStream},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use duct::{Handle, cmd};

use crate::{
    build::{self, Artifacts, Profile},
    progress::missing,
    setup, workspace,
};

/// How long the server may take until it answers, in tries of a tenth of a second.
const TRIES: usize = 300;

/// Builds what is not to be skipped, serves until Ctrl-C or until the server ends by itself.
pub(crate) fn run(port: u16, skip_build: bool) -> Result<()> {
    let artifacts = if skip_build {
        Artifacts::of(Profile::Release)
    } else {
        build::everything(&setup::for_building()?, Profile::Release)?
    };
    if !artifacts.server.is_file() || !artifacts.app.is_dir() {
        return Err(missing("the demo", "it is not built", "cargo xtask demo, without --skip-build"));
    }
    let server = start(&artifacts, port)?;
    wait_until_it_answers(&server, port)?;
    println!("\n  Samewire's demo is at http://localhost:{port}  (Ctrl-C ends it)\n");
    server.wait().context("the server was lost")?;
    Ok(())
}
