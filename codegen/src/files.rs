//! Which files are generated, and whether the ones on disk are those.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use samewire_protocol::Domain;

use crate::{Error, checks, model::Model, reference, typescript};

/// A file that is made from the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where it belongs, from the repository's root.
    pub path: PathBuf,
    /// What it holds.
    pub contents: String,
}

/// Everything that is made from these domains.
///
/// # Errors
/// When a type's schema is one that the products can't express; the error names the type.
pub fn generate(domains: &[&'static Domain]) -> Result<Vec<GeneratedFile>, Error> {
    let model = Model::read(domains)?;
    let file = |path: &str, contents| GeneratedFile { path: path.into(), contents };
    Ok(vec![
        file("npm/src/generated/protocol.ts", typescript::write(&model)),
        file("npm/src/generated/checks.js", checks::write(&model)),
        file("npm/src/generated/checks.d.ts", checks::declare()),
        file("docs/events.md", reference::write(&model)),
    ])
}

/// Writes the files that are not what they should be, and says which.
///
/// A file that already is stays untouched, so that nothing is built anew for its sake.
///
/// # Errors
/// When a type can't be expressed, or a file can't be written.
pub fn write(root: &Path, domains: &[&'static Domain]) -> io::Result<Vec<PathBuf>> {
    let changed = changed(root, domains)?;
    for file in &changed {
        let path = root.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, &file.contents)?;
    }
    Ok(changed.into_iter().map(|file| file.path).collect())
}

/// The files that are missing or not what they should be.
///
/// # Errors
/// When a type can't be expressed, or a file can't be read.
pub fn stale(root: &Path, domains: &[&'static Domain]) -> io::Result<Vec<PathBuf>> {
    Ok(changed(root, domains)?.into_iter().map(|file| file.path).collect())
}

fn changed(root: &Path, domains: &[&'static Domain]) -> io::Result<Vec<GeneratedFile>> {
    let mut changed = Vec::new();
    for file in generate(domains).map_err(io::Error::other)? {
        match fs::read_to_string(root.join(&file.path)) {
            Ok(contents) if contents == file.contents => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => changed.push(file),
        }
    }
    Ok(changed)
}
