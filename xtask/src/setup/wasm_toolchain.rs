//! A Rust compiler for the browser.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::apt;
use crate::{
    program::{Program, found},
    progress::{Progress, missing},
    workspace,
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Where a toolchain has its standard library's sources.
const SOURCES: &str = "lib/rustlib/src/rust/library/Cargo.lock";

/// The toolchain's name when rustup knows Debian's compiler: `cargo +web build --target …`.
const LINKED_NAME: &str = "web";

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/bin/rust-lld";
const DEBIAN_TARGET: &str = "/usr/lib/rustlib/wasm32-unknown-unknown";

/// Which compiler makes WebAssembly on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasmToolchain {
    /// The one that builds everything else: it has the target.
    Default,
    /// Debian's `rustc-web`, with a standard library that was built here. For machines that reach
    /// Debian's packages and not the server of Rust's toolchains.
    Debian,
}

impl WasmToolchain {
    /// A cargo that compiles for the browser, with a verb such as `build`.
    pub(crate) fn cargo(self, verb: &str) -> Program {
        self.any_cargo()
            .args([verb, "--target", TARGET, "--target-dir"])
            .arg(workspace::wasm_target())
    }

    /// The same for what is published: the standard library is compiled with it, for size, and a panic
    /// is nothing but a trap. Nothing but numbers crosses the border, so that there are no references.
    pub(crate) fn cargo_with_std(self, verb: &str) -> Program {
        self.any_cargo()
            // Both are options of the nightly compiler, which this one has, too.
            .env("RUSTC_BOOTSTRAP", "1")
            .env(
                "RUSTFLAGS",
                "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Ctarget-feature=-reference-types",
            )
            .args([verb, "--target", TARGET, "--target-dir"])
            .arg(workspace::wasm_target_with_std())
            .args(["-Z", "build-std=std", "-Z", "build-std-features=optimize_for_size"])
    }

    fn any_cargo(self) -> Program {
        match self {
            Self::Default => Program::new("cargo"),
            Self::Debian => debian_cargo(),
        }
    }

    /// The folder of what a cargo profile compiles with its standard library.
    pub(crate) fn artifacts_with_std(profile_folder: &str) -> PathBuf {
        workspace::wasm_target_with_std().join(TARGET).join(profile_folder)
    }

    /// The folder of what a cargo profile compiles for the browser.
    pub(crate) fn artifacts(profile_folder: &str) -> PathBuf {
        workspace::wasm_target().join(TARGET).join(profile_folder)
    }

    /// How it is called in the line of its step.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Default => "the default toolchain",
            Self::Debian => "Debian's compiler",
        }
    }
}

/// Finds a compiler for the browser, or makes one.
pub(super) fn ensure() -> Result<WasmToolchain> {
    if default_has_target() && default_has_sources() {
        return Ok(WasmToolchain::Default);
    }
    if debian_has_target() {
        return Ok(WasmToolchain::Debian);
    }
    let refused = match add_with_rustup() {
        Ok(()) => return Ok(WasmToolchain::Default),
        Err(refused) => refused,
    };
    if !Path::new("/etc/debian_version").exists() {
        return Err(missing(
            "the compiler's wasm32-unknown-unknown target and its library's sources",
            refused,
            "rustup target add wasm32-unknown-unknown && rustup component add rust-src",
        ));
    }
    Progress::doing("the toolchain server gives nothing; taking Debian's compiler");
    install_debian().map_err(|failed| {
        missing(
            "the compiler's wasm32-unknown-unknown target and its library's sources",
            format!("{failed:#}\n  and before that: {refused:#}"),
            "rustup target add wasm32-unknown-unknown && rustup component add rust-src, or as root on Debian: cargo xtask setup",
        )
    })?;
    Ok(WasmToolchain::Debian)
}

fn default_has_target() -> bool {
    Program::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .printed()
        .is_some_and(|folder| has_std(Path::new(&folder)))
}

fn default_has_sources() -> bool {
    Program::new("rustc")
        .args(["--print", "sysroot"])
        .printed()
        .is_some_and(|folder| Path::new(&folder).join(SOURCES).exists())
}

fn add_with_rustup() -> Result<()> {
    found("rustup").context("there is no rustup")?;
    for words in [["target", "add", TARGET], ["component", "add", "rust-src"]] {
        Progress::doing(&format!("rustup {} add", words[0]));
        Program::new("rustup")
            .args(words)
            .env("RUSTUP_MAX_RETRIES", "1")
            .env("RUST_BACKTRACE", "0")
            .quietly()?;
    }
    Ok(())
}

/// Debian's compiler has the target when a standard library lies there that this very compiler made.
fn debian_has_target() -> bool {
    let made_by = fs::read_to_string(stamp()).ok();
    made_by.is_some() && made_by == debian_version() && has_std(&library_folder())
}

fn install_debian() -> Result<()> {
    apt::install(&["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"])?;
    // The compiler's linker is a link into a package of its own, which is named like the link's end.
    if !Path::new(DEBIAN_LINKER).exists() {
        let linker = fs::read_link(DEBIAN_LINKER).context("rustc-web brought no rust-lld")?;
        let package = linker.file_name().and_then(|name| name.to_str()).unwrap_or("lld");
        apt::install(&[package])?;
    }
    build_std()?;
    if found("rustup").is_some() {
        Program::new("rustup").args(["toolchain", "link", LINKED_NAME, "/usr"]).quietly()?;
    }
    Ok(())
}

/// Builds the standard library from Debian's sources, as a dependency of an empty crate, and lays it
/// where the compiler looks for it.
fn build_std() -> Result<()> {
    Progress::doing("building the standard library for wasm32");
    let empty_crate = workspace::target().join("wasm-std");
    fs::create_dir_all(empty_crate.join("src"))?;
    fs::write(empty_crate.join("src/lib.rs"), "#![no_std]\n")?;
    fs::write(
        empty_crate.join("Cargo.toml"),
        "[package]\nname = \"wasm-std\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [profile.release]\nopt-level = 3\ncodegen-units = 1\n",
    )?;
    let parts = "build-std=std,panic_abort,panic_unwind,test,proc_macro";
    debian_cargo()
        .args(["build", "--release", "--target", TARGET, "-Z", parts])
        .within(&empty_crate)
        .env("CARGO_TARGET_DIR", empty_crate.join("target"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .quietly()?;

    let library = library_folder();
    if library.exists() {
        fs::remove_dir_all(&library)?;
    }
    fs::create_dir_all(&library)?;
    for entry in fs::read_dir(empty_crate.join("target").join(TARGET).join("release/deps"))? {
        let file = entry?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".rlib") && !name.starts_with("libwasm_std-") {
            fs::copy(&file, library.join(name))?;
        }
    }
    fs::write(stamp(), debian_version().context("Debian's compiler does not run")?)?;
    fs::remove_dir_all(&empty_crate)?;
    Ok(())
}

fn debian_cargo() -> Program {
    // What rustup and cargo set for the toolchain that runs this program is not for this one.
    Program::new(DEBIAN_CARGO)
        .env("RUSTC", DEBIAN_RUSTC)
        .without_env("RUSTUP_TOOLCHAIN")
        .without_env("LD_LIBRARY_PATH")
}

fn debian_version() -> Option<String> {
    Program::new(DEBIAN_RUSTC).arg("-vV").without_env("LD_LIBRARY_PATH").printed()
}

fn library_folder() -> PathBuf {
    Path::new(DEBIAN_TARGET).join("lib")
}

/// Says which compiler made the standard library: another one can't read it.
fn stamp() -> PathBuf {
    Path::new(DEBIAN_TARGET).join("made-by")
}

fn has_std(library: &Path) -> bool {
    fs::read_dir(library).is_ok_and(|files| {
        files.flatten().any(|file| {
            let name = file.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}
