//! What keeps this repository easy to find one's way in, as far as a machine can see it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCES: [&str; 10] = ["css", "html", "js", "jsx", "mjs", "py", "rs", "sql", "ts", "tsx"];
const MOST_LINES: usize = 800;

/// Crates that bring IO, a clock, async or the browser with them.
const IMPURE: [&str; 12] = [
    "async-*",
    "futures",
    "futures-*",
    "getrandom",
    "hyper",
    "js-sys",
    "mio",
    "socket2",
    "tokio",
    "tokio-*",
    "wasm-bindgen",
    "web-*",
];

#[test]
fn source_files_are_short() {
    let long: Vec<String> = sources()
        .filter(|file| !is_generated(file) && !is_test(file))
        .map(|file| (text(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, file)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "past {MOST_LINES} lines something wants out: {long:#?}");
}

#[test]
fn files_are_named_for_what_is_in_them() {
    let vague: Vec<PathBuf> = sources()
        .filter(|file| {
            let stem = file.file_name().and_then(|name| name.to_str()?.split('.').next());
            ["common", "helper", "helpers", "misc", "util", "utils"]
                .contains(&stem.unwrap_or_default())
        })
        .collect();
    assert!(vague.is_empty(), "anything might be in these, name them for what is: {vague:#?}");
}

#[test]
fn nothing_is_left_to_be_done() {
    let marks = [["todo", "!("].concat(), ["unimplemented", "!("].concat(), ["FIX", "ME"].concat()];
    let left = holding(sources(), &marks);
    assert!(left.is_empty(), "do it, or file an issue: {left:#?}");
}

#[test]
fn no_package_registry_is_named() {
    let hosts =
        ["crates io", "pypi org", "pythonhosted org", "npmjs org", "npmjs com", "debian org"]
            .map(|host| host.replace(' ', "."));
    let lockfiles = ["Cargo.lock", "package-lock.json"];
    let others =
        tracked().into_iter().filter(|file| !lockfiles.iter().any(|name| file.ends_with(name)));
    let named = holding(others, &hosts);
    assert!(named.is_empty(), "where packages come from is each machine's own setting: {named:#?}");
}

#[test]
fn protocol_is_pure() {
    assert_pure("samewire-protocol");
}

#[test]
fn client_core_is_pure() {
    assert_pure("samewire-client-core");
}

/// Each invariant of ARCHITECTURE.md names the test that keeps it:
/// ``Kept by: `xtask/tests/tidy.rs::protocol_is_pure` ``, or, where tests have titles,
/// ``Kept by: `npm/tests/client.test.ts` (rejoins its rooms)``.
#[test]
fn invariants_are_kept_by_tests_that_exist() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut named = 0;
    for line in map.lines() {
        let Some((_, keeper)) = line.split_once("Kept by: `") else {
            continue;
        };
        let (place, rest) = keeper.split_once('`').expect("a closing backtick");
        let in_brackets = || rest.trim().strip_prefix('(')?.split_once(')').map(|(title, _)| title);
        let (file, test) = match place.split_once("::") {
            Some((file, path)) => (file, path.rsplit("::").next()),
            None => (place, in_brackets()),
        };
        let test = test.unwrap_or_else(|| panic!("which test of {file}? {line}"));
        let tests =
            fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("no {file}: {line}"));
        assert!(tests.contains(test), "{file} has no test `{test}`: {line}");
        named += 1;
    }
    assert!(named > 0, "ARCHITECTURE.md names no test");
}

/// Fails when a crate, or anything it is built with, is one of the impure.
fn assert_pure(package: &str) {
    let arguments =
        ["tree", "--edges", "normal", "--target", "all", "--prefix", "none", "--package", package];
    let tree = output(Command::new("cargo").args(arguments));
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let impure = |name: &str| {
        IMPURE.iter().any(|kind| match kind.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *kind,
        })
    };
    let found: Vec<&str> = crates.into_iter().filter(|name| impure(name)).collect();
    assert!(found.is_empty(), "{package} decides, others do: {found:?} is not for it");
}

/// The files that hold one of the words, with the word.
fn holding(files: impl Iterator<Item = PathBuf>, words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let text = text(&file);
        let held = words.iter().filter(|word| text.contains(word.as_str()));
        found.extend(held.map(|word| format!("{}: {word}", file.display())));
    }
    found
}

fn sources() -> impl Iterator<Item = PathBuf> {
    tracked().into_iter().filter(|file| {
        file.extension().is_some_and(|ending| SOURCES.iter().any(|source| ending == *source))
    })
}

/// The files in git, those about to be included, by their paths below the root.
fn tracked() -> Vec<PathBuf> {
    let listing = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let files = output(Command::new("git").args(listing));
    files.lines().map(PathBuf::from).filter(|file| root().join(file).is_file()).collect()
}

fn is_generated(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "generated")
}

fn is_test(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.components().any(|part| part.as_os_str() == "tests")
        || name.contains(".test.")
        || name.contains(".test-d.")
        || name.contains(".spec.")
}

/// A file's text; nothing for one that isn't text.
fn text(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_default()
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().expect("a program that starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}
