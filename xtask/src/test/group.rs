//! The groups of tests, and the commands each is made of.

use std::{path::PathBuf, thread};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::{count::Count, throwaway_postgres::ThrowawayPostgres, webdriver};
use crate::{
    build::Artifacts,
    codegen, fuzz,
    program::Program,
    progress::Progress,
    rust_tests::rust_tests,
    setup::{Deployment, Services, TestTools},
    workspace,
};

const NODE_CLIENT_TESTS: &str = "server/tests/clients/node";
const POSTGRES_TESTS: &str = "server/tests/clients/postgres";
const PYTHON_CLIENT_TESTS: &str = "server/tests/clients/python";
const EXAMPLE_APP: &str = "examples/react-dashboard";
const CUSTOM_EVENTS_PAGE: &str = "examples/custom-events/page";
const PACKAGE: &str = "npm";

/// Tests that are run and reported together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Rust sources are formatted.
    Format,
    /// Clippy and rustdoc have nothing to say.
    Lint,
    /// Rust tests and doc tests, of everything that doesn't need a browser.
    Rust,
    /// Anything happens to a client, for a minute, and is sent to a server, for another.
    Fuzz,
    /// Generated files are what the protocol generates.
    Codegen,
    /// Rust tests of the browser client, in Chromium.
    Wasm,
    /// TypeScript sources and type tests.
    Types,
    /// JavaScript unit tests.
    Npm,
    /// The server under the official Socket.IO clients for Node.js and Python, on SQLite.
    Clients,
    /// The same once more, and the Rust tests that use a store, on PostgreSQL; and what is PostgreSQL's own.
    Postgres,
    /// The npm package and the examples' pages in Chromium, against the real servers; the package packed,
    /// installed and run in projects of all sorts.
    Browser,
}

/// What a group wants there before it runs; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// The Rust toolchain that runs this program.
    Nothing,
    /// The servers of others that tests start.
    Services,
    /// What `cargo xtask setup` installs.
    Tools,
    /// What `cargo xtask build` builds.
    Build,
}

/// What has been set up and built for the groups so far.
#[derive(Default)]
pub(super) struct Bench {
    /// Nothing is tried again after a failure.
    pub(super) services_tried: bool,
    pub(super) services: Option<Services>,
    pub(super) setup_tried: bool,
    pub(super) tools: Option<TestTools>,
    pub(super) build_tried: bool,
    pub(super) artifacts: Option<Artifacts>,
}

impl Bench {
    fn tools(&self) -> Result<&TestTools> {
        self.tools.as_ref().context("nothing is set up")
    }

    /// Tells a program where to find what was set up and built.
    fn tell(&self, mut program: Program) -> Program {
        let services = self.tools.as_ref().map(|tools| &tools.services).or(self.services.as_ref());
        if let Some(services) = services {
            program = program.env("REDIS_SERVER", &services.redis);
        }
        if let Some(tools) = &self.tools {
            let browser = &tools.browser;
            program = program.env("CHROME", &browser.chrome).env("CHROMEDRIVER", &browser.driver);
            let Deployment { nginx, caddy, promtool } = &tools.deployment;
            program = program.env("NGINX", nginx).env("CADDY", caddy).env("PROMTOOL", promtool);
        }
        if let Some(artifacts) = &self.artifacts {
            program = program
                .env("SAMEWIRE_SERVER", &artifacts.server)
                .env("SAMEWIRE_APP", &artifacts.app);
        }
        program.env("NO_COLOR", "1")
    }
}

/// A part of a group.
enum Part {
    /// Passes or fails as a whole.
    Check(Program),
    /// A check of this program's own.
    Own(fn() -> Result<()>),
    /// Says how many tests passed and failed; to have run none is a failure.
    Tests(Program),
}

impl Group {
    /// The group's name, as it is typed and reported.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Rust => "rust",
            Self::Fuzz => "fuzz",
            Self::Codegen => "codegen",
            Self::Wasm => "wasm",
            Self::Types => "types",
            Self::Npm => "npm",
            Self::Clients => "clients",
            Self::Postgres => "postgres",
            Self::Browser => "browser",
        }
    }

    /// What has to be there before it runs.
    ///
    /// `Codegen` runs before anything is built, since building writes what it checks.
    pub(super) fn needs(self) -> Needs {
        match self {
            Self::Format | Self::Lint | Self::Fuzz | Self::Codegen => Needs::Nothing,
            Self::Rust => Needs::Services,
            Self::Wasm => Needs::Tools,
            Self::Types | Self::Npm | Self::Clients | Self::Postgres | Self::Browser => {
                Needs::Build
            }
        }
    }

    /// Runs the group to its end, whatever fails on the way.
    pub(super) fn run(self, bench: &Bench) -> Count {
        said(self.run_lanes(bench))
    }

    fn run_lanes(self, bench: &Bench) -> Result<Count> {
        // It is there until the last part has ended.
        let postgres = match self {
            Self::Postgres => Some(ThrowawayPostgres::start(&bench.tools()?.postgres)?),
            _ => None,
        };
        let run = |lane: Vec<Part>| {
            let mut sum = Count::default();
            lane.into_iter().for_each(|part| sum += said(part.run(bench)));
            sum
        };
        let lanes = self.lanes(bench, postgres.as_ref())?;
        Ok(thread::scope(|scope| {
            let running: Vec<_> =
                lanes.into_iter().map(|lane| scope.spawn(move || run(lane))).collect();
            let mut sum = Count::default();
            for lane in running {
                sum += lane.join().unwrap_or(Count::FAILURE);
            }
            sum
        }))
    }

    /// What runs beside each other, as what mostly waits may, for a minute to be over or for servers;
    /// the parts of a lane run one after the other.
    fn lanes(self, bench: &Bench, postgres: Option<&ThrowawayPostgres>) -> Result<Vec<Vec<Part>>> {
        Ok(match self {
            // A seed of its own: the first ones are played with the other tests.
            Self::Fuzz => vec![
                vec![Part::Tests(fuzz::client(fuzz::SECONDS, 1_000))],
                vec![Part::Tests(fuzz::server(fuzz::SECONDS, 1_000))],
            ],
            Self::Clients => vec![
                vec![Part::Tests(node_tests(NODE_CLIENT_TESTS)?)],
                vec![Part::Tests(python_tests(bench)?)],
            ],
            Self::Postgres => {
                let url = &postgres.context("there is no PostgreSQL")?.url;
                let part = |tests: Program| Part::Tests(tests.env("SAMEWIRE_TEST_POSTGRES", url));
                vec![
                    vec![part(node_tests(NODE_CLIENT_TESTS)?)],
                    vec![
                        part(node_tests(POSTGRES_TESTS)?),
                        part(python_tests(bench)?),
                        part(rust_tests().args(["--lib", "domains::"])),
                        part(rust_tests().args(["--test", "custom_domain"])),
                    ],
                ]
            }
            _ => vec![self.parts(bench)?],
        })
    }

    /// The parts of a group that are run one after the other.
    fn parts(self, bench: &Bench) -> Result<Vec<Part>> {
        let cargo = |words: &[&str]| Program::new("cargo").args(words);
        let npm = |words: &[&str]| Program::new("npm").args(words);
        Ok(match self {
            Self::Format => vec![Part::Check(cargo(&["fmt", "--all", "--check"]))],
            Self::Lint => vec![
                Part::Check(cargo(&[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ])),
                Part::Check(
                    cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
                ),
            ],
            Self::Rust => vec![Part::Tests(rust_tests().arg("--no-fail-fast"))],
            Self::Codegen => vec![Part::Own(codegen::check)],
            Self::Wasm => {
                let tools = bench.tools()?;
                let cargo = tools.build.wasm.cargo("test");
                let test =
                    cargo.args(["--package", "samewire-wasm-client", "--tests", "--no-fail-fast"]);
                vec![Part::Tests(webdriver::told(test, tools)?)]
            }
            Self::Types => {
                vec![Part::Check(npm(&["run", "check", "--workspaces", "--if-present"]))]
            }
            Self::Npm => vec![Part::Tests(npm(&["test", "--workspaces", "--if-present"]))],
            Self::Fuzz | Self::Clients | Self::Postgres => bail!("{} has lanes", self.name()),
            Self::Browser => {
                let playwright = || Program::new("npx").args(["--no", "playwright", "test"]);
                // As the tests in Rust build it, so that it is there already after these.
                let cafe = ["--test", "cafe", "--no-run"];
                vec![
                    Part::Check(rust_tests().args(cafe)),
                    Part::Tests(playwright().within(folder(CUSTOM_EVENTS_PAGE)?)),
                    Part::Tests(
                        playwright().args(["--config", "tests/browser"]).within(folder(PACKAGE)?),
                    ),
                    Part::Tests(playwright().within(folder(EXAMPLE_APP)?)),
                    Part::Tests(
                        playwright().args(["--config", "tests/consumers"]).within(folder(PACKAGE)?),
                    ),
                ]
            }
        })
    }
}

impl Part {
    fn run(self, bench: &Bench) -> Result<Count> {
        match self {
            Self::Own(check) => check().map(|()| Count::SUCCESS),
            Self::Check(program) => {
                let succeeded = bench.tell(program).watched(|_| {})?;
                Ok(if succeeded { Count::SUCCESS } else { Count::FAILURE })
            }
            Self::Tests(program) => {
                let mut count = Count::default();
                let succeeded =
                    bench.tell(program).watched(|line| count += Count::of_line(line))?;
                match succeeded {
                    true if count.total() == 0 => bail!("it ran no test"),
                    // What broke was not a test, but what runs them.
                    false if count.failed == 0 => Ok(Count { failed: 1, ..count }),
                    _ => Ok(count),
                }
            }
        }
    }
}

/// The tests of a folder by Node.js, two files at a time on any machine: they mostly wait for servers, and
/// each has its own.
fn node_tests(below_root: &str) -> Result<Program> {
    let node =
        Program::new("node").args(["--test", "--test-concurrency=2", "--test-timeout=600000"]);
    Ok(node.within(folder(below_root)?))
}

/// The tests with the official Python client.
fn python_tests(bench: &Bench) -> Result<Program> {
    let python = bench.tools()?.python.as_ref().context("there are no tests in Python")?;
    let python = Program::new(python).args(["-m", "unittest", "discover", "--verbose"]);
    Ok(python.within(folder(PYTHON_CLIENT_TESTS)?))
}

fn folder(below_root: &str) -> Result<PathBuf> {
    let folder = workspace::path(below_root);
    if !folder.is_dir() {
        bail!("the tests in {below_root} are not there");
    }
    Ok(folder)
}

/// Shows an error and counts it.
fn said(result: Result<Count>) -> Count {
    result.unwrap_or_else(|error| {
        Progress::complain(&error);
        Count::FAILURE
    })
}
