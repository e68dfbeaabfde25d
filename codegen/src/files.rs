//! Which files are generated, and whether the ones on disk are those.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use samewire_protocol::Domain;

use crate::{Error, checks, model::Model, reference, typescript};

/// A file that is made from a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where it belongs, below the folder it is written to.
    pub path: PathBuf,
    /// What it holds.
    pub contents: String,
}

impl GeneratedFile {
    pub(crate) fn new(path: &str, contents: String) -> Self {
        Self { path: path.into(), contents }
    }
}

/// What is made from Samewire's own protocol, by its place in Samewire's repository. What an application
/// makes from its own is a [`ClientPackage`](crate::ClientPackage).
///
/// # Errors
/// When a type's schema is one that the products can't express; the error names the type.
pub fn generate(domains: &[&'static Domain]) -> Result<Vec<GeneratedFile>, Error> {
    let model = Model::read_protocol(domains)?;
    Ok(vec![
        GeneratedFile::new("npm/src/generated/protocol.ts", typescript::write(&model)),
        GeneratedFile::new("npm/src/generated/checks.js", checks::write(&model)),
        GeneratedFile::new("npm/src/generated/checks.d.ts", checks::declare()),
        GeneratedFile::new("docs/events.md", reference::write(&model)),
    ])
}

/// Writes the files that are not what they should be below a folder, and says which.
///
/// A file that already is stays untouched, so that nothing is built anew for its sake.
///
/// # Errors
/// When a file can't be read or written.
pub fn write(folder: &Path, files: &[GeneratedFile]) -> io::Result<Vec<PathBuf>> {
    let stale = stale(folder, files)?;
    for file in files.iter().filter(|file| stale.contains(&file.path)) {
        let path = folder.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, &file.contents)?;
    }
    Ok(stale)
}

/// The files that are missing below a folder, or not what they should be.
///
/// # Errors
/// When a file can't be read.
pub fn stale(folder: &Path, files: &[GeneratedFile]) -> io::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for file in files {
        match fs::read_to_string(folder.join(&file.path)) {
            Ok(contents) if contents == file.contents => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => stale.push(file.path.clone()),
        }
    }
    Ok(stale)
}
