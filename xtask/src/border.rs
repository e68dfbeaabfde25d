//! What WebAssembly and its JavaScript call each other by: a letter each, instead of names and of the
//! path of a module with each of them.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program::Program;

/// What `wasm-opt` says of names that it shortened: each with its module, if it has one, and the new one.
const SHORTEN: &str = "--minify-imports-and-exports-and-modules";

/// Shortens the names in a file of WebAssembly, in place. The JavaScript that knows them by the long
/// ones: `imports` for the WebAssembly to be given, `exported` for what it gives.
pub(crate) fn shorten(optimizer: Program, wasm: &Path) -> Result<String> {
    let said =
        optimizer.args([SHORTEN, "--debuginfo"]).arg(wasm).arg("-o").arg(wasm).printed().context(
            "wasm-opt could not shorten what the WebAssembly and JavaScript call each other",
        )?;
    let names: Value =
        serde_json::from_str(&said).context("wasm-opt did not say what it renamed")?;
    let (mut sources, mut imports) = (String::new(), String::new());
    for name in texts(&names["imports"]) {
        let [module, long, short] = &name[..] else { continue };
        // wasm-bindgen's own are for references, of which there are none.
        if module.contains("/snippets/") {
            sources += &format!("import {{ {long} }} from '{module}'\n");
            imports += &format!("    {short}: {long},\n");
        } else {
            imports += &format!("    {short}() {{}},\n");
        }
    }
    let exports: String = texts(&names["exports"])
        .filter_map(|name| match &name[..] {
            [long, short] if !long.starts_with("__") => Some(format!("  {long}: from.{short},\n")),
            _ => None,
        })
        .collect();
    Ok(format!(
        "{sources}\n\
         export const imports = {{\n  a: {{\n{imports}  }},\n}}\n\n\
         export const exported = (from) => ({{\n{exports}}})\n"
    ))
}

/// Lists of texts in a list.
fn texts(lists: &Value) -> impl Iterator<Item = Vec<&str>> {
    let lists = lists.as_array().into_iter().flatten();
    lists.map(|list| list.as_array().into_iter().flatten().filter_map(Value::as_str).collect())
}
