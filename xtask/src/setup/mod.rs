//! `cargo xtask setup`: installs what building and testing need, and says what it can't.

mod apt;
mod browser;
mod deployment;
mod npm;
mod postgres;
mod python;
mod redis;
mod wasm_runner;
mod wasm_toolchain;

use std::path::PathBuf;

use anyhow::Result;

pub(crate) use self::{
    browser::Browser, deployment::Deployment, postgres::Postgres, wasm_toolchain::WasmToolchain,
};
use crate::progress::Progress;

/// What building takes.
#[derive(Clone, Debug)]
pub(crate) struct BuildTools {
    /// Compiles for the browser.
    pub(crate) wasm: WasmToolchain,
}

/// The servers of others that tests start.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// Redis.
    pub(crate) redis: PathBuf,
}

/// What testing takes.
#[derive(Clone, Debug)]
pub(crate) struct TestTools {
    /// What is started beside the server.
    pub(crate) services: Services,
    /// What is built before it is tested.
    pub(crate) build: BuildTools,
    /// Where pages are opened.
    pub(crate) browser: Browser,
    /// Runs tests that were compiled for the browser.
    pub(crate) wasm_runner: PathBuf,
    /// Runs the tests with the official Python client; none where there are no such tests.
    pub(crate) python: Option<PathBuf>,
    /// Proxies, and what checks the alerts.
    pub(crate) deployment: Deployment,
    /// What the server's tests store in, besides SQLite.
    pub(crate) postgres: Postgres,
}

/// Makes sure of everything that building takes.
pub(crate) fn for_building() -> Result<BuildTools> {
    build_tools(&mut Progress::of(3))
}

/// Makes sure of Node.js and of what the JavaScript packages depend on.
pub(crate) fn for_node() -> Result<()> {
    node(&mut Progress::of(2))
}

/// Makes sure of everything that measuring in a browser takes.
pub(crate) fn for_benching() -> Result<(BuildTools, Browser)> {
    let mut progress = Progress::of(4);
    Ok((build_tools(&mut progress)?, chromium(&mut progress)?))
}

/// Makes sure of what tests start beside the server.
pub(crate) fn for_services() -> Result<Services> {
    services(&mut Progress::of(1))
}

/// Makes sure of everything.
pub(crate) fn everything() -> Result<TestTools> {
    let mut progress = Progress::of(9);
    Ok(TestTools {
        services: services(&mut progress)?,
        build: build_tools(&mut progress)?,
        browser: chromium(&mut progress)?,
        wasm_runner: progress
            .step("Test runner for the browser", wasm_runner::ensure, |_| String::new())?,
        python: progress.step("Official Python client", python::ensure, |python| match python {
            Some(_) => String::new(),
            None => "no test asks for it".into(),
        })?,
        deployment: progress
            .step("nginx, Caddy and promtool", deployment::ensure, |_| String::new())?,
        postgres: progress.step("PostgreSQL", postgres::ensure, Postgres::version)?,
    })
}

fn build_tools(progress: &mut Progress) -> Result<BuildTools> {
    let wasm = progress
        .step("Rust for the browser", wasm_toolchain::ensure, |wasm| wasm.describe().into())?;
    node(progress)?;
    Ok(BuildTools { wasm })
}

/// Two steps.
fn node(progress: &mut Progress) -> Result<()> {
    progress.step("Node.js and npm", npm::ensure, Clone::clone)?;
    progress.step("npm dependencies", npm::install_dependencies, |filled| match filled {
        0 => String::new(),
        filled => format!("{filled} installed"),
    })?;
    Ok(())
}

fn services(progress: &mut Progress) -> Result<Services> {
    let redis = progress.step("Redis", redis::ensure, |program| program.display().to_string())?;
    Ok(Services { redis })
}

fn chromium(progress: &mut Progress) -> Result<Browser> {
    progress.step("Chromium and its driver", browser::ensure, |browser| {
        browser.chrome.display().to_string()
    })
}
