//! `cargo xtask build`: from sources to what is run and published.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    border, codegen,
    program::Program,
    progress::{Progress, missing},
    setup::{BuildTools, WasmToolchain},
    workspace,
};

/// The file name, less its ending, of the compiled browser client.
const CLIENT: &str = "samewire_wasm_client";

/// Where the npm package finds the browser client. Not in git: it is built, never edited.
const CLIENT_FOLDER: &str = "npm/src/wasm";

/// The WebAssembly that every browser of the last years runs, and that rustc writes.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Of a crate that is a library for Rust, too, as it is for its tests, nothing is optimized as a whole.
const ALONE: [&str; 4] = ["--profile", "wasm", "--crate-type", "cdylib"];

/// For size, the compiler doesn't look into functions where they are called, and misses that most of what
/// they do is nothing there. In the standard library that weighs more than it saves.
const INLINE: [&str; 2] = ["--", "-Zinline-mir=yes"];

/// What makes it small. Control flow is taken apart and put together anew before all else: rustc's has blocks
/// that `-Oz` alone leaves. gzip finds more where functions of one kind, which have similar names, stand together.
const SMALL: [&str; 9] = [
    "--flatten",
    "--rereloop",
    "--always-inline-max-function-size=5",
    "-Oz",
    "--converge",
    "--low-memory-unused",
    "--reorder-functions-by-name",
    "--strip-debug",
    "--strip-target-features",
];

/// What TypeScript is to know of the client's own JavaScript.
const ENGINE_TYPES: &str = "\
import type { Engine, EngineOptions, Host } from '../engine.js'
import type { Checks } from '../types.js'

export interface Exports {
  readonly memory: WebAssembly.Memory
}

export declare const imports: WebAssembly.Imports
export declare const exported: (from: WebAssembly.Exports) => Exports
export declare const makeEngine: (
  wasm: Exports,
  options: EngineOptions,
  checks: Checks,
  host: Host,
) => Engine
";

/// What a build is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// To be read and debugged, and built quickly.
    Dev,
    /// To be published, measured and tested.
    Release,
}

/// What a build leaves behind.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    /// The server's program.
    pub(crate) server: PathBuf,
    /// The built example app.
    pub(crate) app: PathBuf,
}

impl Artifacts {
    /// Where a build of this profile leaves its things.
    pub(crate) fn of(profile: Profile) -> Self {
        let folder = match profile {
            Profile::Dev => "debug",
            Profile::Release => "release",
        };
        let server = format!("samewire-server{}", std::env::consts::EXE_SUFFIX);
        Self {
            server: workspace::target().join(folder).join(server),
            app: workspace::path("examples/react-dashboard/dist"),
        }
    }
}

/// Builds everything, each thing from what was built before it.
pub(crate) fn everything(tools: &BuildTools, profile: Profile) -> Result<Artifacts> {
    let mut progress = Progress::of(6);
    package_stages(&mut progress, tools, profile)?;
    progress.stage("Example app", || build_package("examples/react-dashboard"))?;
    progress.stage("Server", || {
        let release = (profile == Profile::Release).then_some("--release");
        Program::new("cargo").args(["build", "--package", "samewire-server"]).args(release).openly()
    })?;
    Ok(Artifacts::of(profile))
}

/// Builds the npm package alone.
pub(crate) fn package(tools: &BuildTools, profile: Profile) -> Result<()> {
    package_stages(&mut Progress::of(4), tools, profile)
}

fn package_stages(progress: &mut Progress, tools: &BuildTools, profile: Profile) -> Result<()> {
    progress.stage("Generated sources", codegen::write)?;
    let compiled = progress.stage("Browser client", || compile_client(tools, profile))?;
    progress.stage("Browser client's JavaScript", || bind_client(&compiled, profile))?;
    progress.stage("npm package", || build_package("npm"))
}

/// Compiles the browser client. Where its WebAssembly lies.
fn compile_client(tools: &BuildTools, profile: Profile) -> Result<PathBuf> {
    let package = ["--package", "samewire-wasm-client", "--lib"];
    let folder = match profile {
        Profile::Dev => {
            tools.wasm.cargo("build").args(package).openly()?;
            WasmToolchain::artifacts("debug")
        }
        Profile::Release => {
            tools.wasm.cargo_with_std("rustc").args(package).args(ALONE).args(INLINE).openly()?;
            WasmToolchain::artifacts_with_std("wasm")
        }
    };
    Ok(folder.join(CLIENT).with_extension("wasm"))
}

/// Writes the JavaScript that loads the client and speaks to it, and makes the client small.
fn bind_client(compiled: &Path, profile: Profile) -> Result<()> {
    let folder = workspace::path(CLIENT_FOLDER);
    // Nothing of an earlier build is to be taken for this one's.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(compiled)
        .web(true)?
        .typescript(true)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        // Names are needed until the functions are in their order.
        .keep_debug(true)
        .generate(&folder)
        .context("the browser client could not be bound to JavaScript")?;
    let wasm = client_file("_bg.wasm");
    let border = border::shorten(optimizer()?, &wasm)?;
    export_engine(&folder, &border)?;
    match profile {
        Profile::Dev => Ok(()),
        Profile::Release => optimizer()?.args(SMALL).arg(&wasm).arg("-o").arg(&wasm).openly(),
    }
}

/// Gives the client's own JavaScript, which lies in a folder with a number in its name, a lasting one.
/// What wasm-bindgen writes besides is for values that aren't numbers, and stays behind.
fn export_engine(folder: &Path, border: &str) -> Result<()> {
    let snippets = fs::read_dir(folder.join("snippets"))?.collect::<io::Result<Vec<_>>>()?;
    let [snippet] = &snippets[..] else {
        bail!("{} folders of JavaScript where one was expected", snippets.len());
    };
    let source = format!("./snippets/{}/src/engine.js", snippet.file_name().to_string_lossy());
    let script = format!("export {{ makeEngine }} from '{source}'\n{border}");
    fs::write(folder.join("engine.js"), script)?;
    fs::write(folder.join("engine.d.ts"), ENGINE_TYPES)?;
    for glue in [".js", ".d.ts", "_bg.wasm.d.ts"] {
        fs::remove_file(client_file(glue))?;
    }
    Ok(())
}

/// Binaryen's optimizer, told what WebAssembly may hold.
fn optimizer() -> Result<Program> {
    let program = ["node_modules/.bin/wasm-opt", "npm/node_modules/.bin/wasm-opt"]
        .map(workspace::path)
        .into_iter()
        .find(|program| program.exists())
        .ok_or_else(|| {
            missing("wasm-opt", "no npm package brought it", "npm install --save-dev binaryen")
        })?;
    Ok(Program::new(program).args(WASM_FEATURES))
}

fn build_package(folder: &str) -> Result<()> {
    Program::new("npm").args(["run", "build"]).within(workspace::path(folder)).openly()
}

fn client_file(ending: &str) -> PathBuf {
    workspace::path(CLIENT_FOLDER).join(format!("{CLIENT}{ending}"))
}
