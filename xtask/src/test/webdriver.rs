//! How compiled tests come into a browser.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{program::Program, setup::TestTools, workspace};

/// The browser's options, as `wasm-pack test` finds them too.
const OPTIONS: &str = "wasm-client/webdriver.json";

/// Tells a program that tests for the browser what runs them.
pub(super) fn told(program: Program, tools: &TestTools) -> Result<Program> {
    Ok(program
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &tools.wasm_runner)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", options(tools)?)
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "30")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120"))
}

/// The options, with the very browser that was found.
fn options(tools: &TestTools) -> Result<PathBuf> {
    let text = fs::read_to_string(workspace::path(OPTIONS)).context(OPTIONS)?;
    let mut options: Value = serde_json::from_str(&text).context(OPTIONS)?;
    options["goog:chromeOptions"]["binary"] = json!(tools.browser.chrome.to_string_lossy());
    let file = workspace::tools().join("webdriver.json");
    fs::write(&file, options.to_string())?;
    Ok(file)
}
