//! `docs/seeds.md` says where each thing of the five documents is, and by which tests: all of its
//! cells are filled, and all of its tests exist.

use std::{fs, path::Path};

const SECTIONS: [&str; 5] = ["Live preview", "Stories", "Inbox", "Assistant", "Workspace"];
const HEAD: [&str; 3] = ["what the document names", "where it is here", "test"];

#[test]
fn every_row_is_whole_and_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/seeds.md")).expect("docs/seeds.md");
    let wrong: Vec<String> = rows(&page)
        .flat_map(|(number, row)| {
            faults(&row).into_iter().map(move |fault| format!("line {number}: {fault}"))
        })
        .collect();
    assert!(wrong.is_empty(), "docs/seeds.md: {wrong:#?}");
}

#[test]
fn each_document_has_its_section_with_rows() {
    let page = fs::read_to_string(root().join("docs/seeds.md")).expect("docs/seeds.md");
    let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    let titles: Vec<&str> = sections.iter().filter_map(|section| section.lines().next()).collect();
    assert_eq!(titles, SECTIONS);
    for section in sections {
        assert!(rows(section).next().is_some(), "no row in: {section}");
    }
}

#[test]
fn faults_are_found() {
    let faults = |row: &str| faults(&cells(row));
    let good = "`xtask/tests/seeds.rs: faults_are_found`";
    assert!(faults(&format!("| a | b \\| c | {good} |")).is_empty());
    assert!(faults(&format!("| a | b | {good}; {good} |")).is_empty());
    for row in [
        format!("| a |  | {good} |"),
        format!("| a | {good} |"),
        "| a | b | |".to_owned(),
        "| a | b | none yet |".to_owned(),
        format!("| a | b | {good} and more |"),
        format!("| a | b | {good} {good} |"),
        "| a | b | `xtask/tests/seeds.rs` |".to_owned(),
        "| a | b | `xtask/tests/seeds.rs: ` |".to_owned(),
        "| a | b | `xtask/tests/seeds.rs: made_up` |".to_owned(),
        "| a | b | `xtask/tests/seeds.rs: rows` |".to_owned(),
        "| a | b | `xtask/tests/no-such-file.rs: faults_are_found` |".to_owned(),
    ] {
        assert_eq!(faults(&row).len(), 1, "{row}");
    }
}

#[test]
fn a_test_is_told_from_what_only_looks_like_one() {
    let rust = "fn helper() {}\n#[tokio::test]\nasync fn works() {}\n/// works_too(\n";
    assert!(has_test("a.rs", rust, "works"));
    assert!(!has_test("a.rs", rust, "helper") && !has_test("a.rs", rust, "works_too"));
    let javascript =
        "test('it works', …)\nit.each([1])(\n  `of ${n}`, …)\nconst title = 'no test'\n";
    assert!(has_test("a.mjs", javascript, "it works") && has_test("a.tsx", javascript, "of ${n}"));
    assert!(!has_test("a.ts", javascript, "it") && !has_test("a.js", javascript, "no test"));
    let python = "async def test_it(server):\n    pass\ndef helper():\n";
    assert!(has_test("a.py", python, "test_it"));
    assert!(!has_test("a.py", python, "test_i") && !has_test("a.py", python, "helper"));
    assert!(!has_test("a.md", "test('it works')", "it works"));
}

/// The rows of all tables with the numbers of their lines, without the heads.
fn rows(page: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    (1..)
        .zip(page.lines())
        .filter(|(_, line)| line.starts_with('|') && !line.starts_with("|---"))
        .map(|(number, line)| (number, cells(line)))
        .filter(|(_, cells)| cells.as_slice() != HEAD)
}

/// A row's cells; `\|` is a bar within one.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').replace("\\|", "\0");
    let row = row.strip_suffix('|').unwrap_or(&row);
    row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

fn faults(row: &[String]) -> Vec<String> {
    let [named, place, tests] = row else {
        return vec![format!("{} cells where {} were expected", row.len(), HEAD.len())];
    };
    if named.is_empty() || place.is_empty() || tests.is_empty() {
        return vec![format!("an empty cell, of “{named}”")];
    }
    // Text and code by turns: nothing but the separators may stand between the tests.
    let parts: Vec<&str> = tests.split('`').map(str::trim).collect();
    let between_are_separators = parts.iter().step_by(2).enumerate().all(|(at, text)| {
        let ends = at == 0 || at == parts.len() / 2;
        *text == if ends { "" } else { ";" }
    });
    if parts.len() < 3 || parts.len().is_multiple_of(2) || !between_are_separators {
        return vec![format!("“{tests}” names no tests: expected `path/to/file: name`; …")];
    }
    parts.iter().skip(1).step_by(2).filter_map(|test| missing(test)).collect()
}

/// Why a test isn't to be found.
fn missing(test: &str) -> Option<String> {
    let Some((file, name)) = test.split_once(": ") else {
        return Some(format!("“{test}” is no `path/to/file: name`"));
    };
    let Ok(text) = fs::read_to_string(root().join(file)) else {
        return Some(format!("there is no {file}"));
    };
    (!has_test(file, &text, name)).then(|| format!("{file} has no test “{name}”"))
}

fn has_test(file: &str, text: &str, name: &str) -> bool {
    let ending = Path::new(file).extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or_default() {
        "rs" => before(text, &format!("fn {name}(")).any(|before| {
            let above = before.rsplit_once('\n').map_or("", |(above, _)| above);
            let attributes =
                above.lines().rev().map(str::trim).take_while(|line| line.starts_with("#["));
            attributes.into_iter().any(|attribute| attribute.contains("test"))
        }),
        "py" => name.starts_with("test_") && before(text, &format!("def {name}(")).next().is_some(),
        "js" | "mjs" | "ts" | "tsx" => ['\'', '"', '`'].iter().any(|quote| {
            before(text, &format!("{quote}{name}{quote}"))
                .any(|before| before.trim_end().ends_with('('))
        }),
        _ => false,
    }
}

/// What stands before each place where `word` does.
fn before<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(word).map(|(at, _)| &text[..at])
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}
