//! `cargo xtask bench client`: what our client costs a page, beside the official one.

use std::path::{self, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::{
    build::{self, Profile},
    program::Program,
    setup, workspace,
};

/// Where the page and what steers it lie.
const FOLDER: &str = "npm/bench";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many rounds are counted, after those that warm up.
    #[arg(long, default_value_t = 9)]
    rounds: u32,
    /// Only the rows whose name has this in it.
    #[arg(long)]
    only: Option<String>,
    /// Also write the figures of each round to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure the package that the last build left.
    #[arg(long)]
    skip_build: bool,
}

/// Builds the npm package in its release form and measures it.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let (tools, browser) = setup::for_benching()?;
    if !arguments.skip_build {
        build::package(&tools, Profile::Release)?;
    }
    let mut program = Program::new("node")
        .arg("run.js")
        .args(["--rounds", &arguments.rounds.to_string()])
        .within(workspace::path(FOLDER))
        .env("CHROME", &browser.chrome);
    if let Some(only) = &arguments.only {
        program = program.args(["--only", only]);
    }
    if let Some(json) = &arguments.json {
        program = program.arg("--json").arg(path::absolute(json)?);
    }
    program.openly()
}
