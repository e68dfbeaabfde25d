//! The checks in a page say of every value what the server says of it, to the letter; but where
//! several fields are missing, each names the one that it comes upon first.
//!
//! Values are made from each type's schema, and spoilt; one Node process asks the generated
//! `checks.js` about all of them. A failure prints the seed: `AGREEMENT_SEED=… cargo test -p
//! samewire-codegen --test agreement` makes the same values again.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod spoil;
mod values;

use std::{
    env, fs,
    hash::{BuildHasher, RandomState},
    path::{Path, PathBuf},
    process::Command,
};

use proptest::{
    strategy::{Just, Strategy, Union, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use samewire_protocol::{
    Direction,
    event::{Shape, all},
};
use serde_json::{Value, json};

const VALUES_OF_EACH_SHAPE: usize = 400;

/// What has a check: the payload of a server's event, or the answer to a client's.
struct Checked {
    /// The table that the check stands in.
    table: &'static str,
    event: &'static str,
    shape: Shape,
    fixture: Value,
}

#[test]
fn both_say_the_same_of_every_value() {
    let seed = env::var("AGREEMENT_SEED")
        .ok()
        .map_or_else(|| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    let checked = checked();
    let mut corpus = Vec::new();
    let mut shapes = Vec::new();
    let mut runner = runner(seed);
    for checked in &checked {
        let strategy = spoil::perhaps(Union::new([
            values::of(checked.shape),
            Just(checked.fixture.clone()).boxed(),
        ]));
        corpus.push((checked, checked.fixture.to_string()));
        for _ in 0..VALUES_OF_EACH_SHAPE {
            let value = strategy.new_tree(&mut runner).unwrap().current();
            corpus.push((checked, value.to_string()));
        }
    }
    assert!(corpus.len() > 20_000, "only {} values", corpus.len());
    shapes.extend(corpus.iter().map(|(checked, _)| checked.shape));

    let (mut taken, mut refused) = (0, 0);
    for ((verdict, shape), (checked, _)) in ask(&corpus).into_iter().zip(shapes).zip(&corpus) {
        let value: Value = serde_json::from_str(&verdict.text).unwrap();
        let here = (shape.check)(value.clone()).err();
        if here.is_some() {
            refused += 1
        } else {
            taken += 1
        }
        let here = here.map(|error| said(&error.to_string()));
        if both_miss_a_field(&value, verdict.error.as_deref(), here.as_deref()) {
            continue;
        }
        assert_eq!(
            verdict.error, here,
            "checks.js against the server about {} {} (AGREEMENT_SEED={seed}):\n{}",
            checked.table, checked.event, verdict.text,
        );
    }
    // Else it would agree about next to nothing.
    assert!(taken > 5_000 && refused > 5_000, "{taken} taken, {refused} refused");
}

/// A number that JavaScript reads as -0 is a fraction to serde.
#[test]
fn both_refuse_a_negative_zero_where_an_integer_belongs() {
    let checked = checked();
    let with_integer = |event| checked.iter().find(|checked| checked.event == event).unwrap();
    let corpus = [
        (with_integer("server_shutdown"), r#"{"reason":"","reconnectAfterMs":-0}"#.to_owned()),
        (with_integer("broadcast"), r#"{"position":{"epoch":"","offset":-0}}"#.to_owned()),
    ];
    for (verdict, (checked, raw)) in ask(&corpus).into_iter().zip(&corpus) {
        let here = (checked.shape.check)(serde_json::from_str(raw).unwrap()).unwrap_err();
        assert_eq!(verdict.raw_error, Some(here.to_string()), "{raw}");
    }
}

/// Whether both name a field of the same object that isn't there.
fn both_miss_a_field(value: &Value, there: Option<&str>, here: Option<&str>) -> bool {
    let missing = |error: Option<&str>| {
        let path = error?.strip_suffix(": is missing")?.to_owned();
        let (object, field) = path.rsplit_once('.').unwrap_or(("", &path));
        let place: String = object.replace(['[', '.'], "/").replace(']', "");
        let place = if place.is_empty() { place } else { format!("/{place}") };
        let fields = value.pointer(place.trim_end_matches('/'))?.as_object()?;
        (!fields.contains_key(field)).then(|| object.to_owned())
    };
    missing(there).is_some_and(|object| missing(here) == Some(object))
}

/// The server tells an integer that is too large from what is no integer at all; a page needn't.
fn said(error: &str) -> String {
    error.replace(" below 2^53", "")
}

fn checked() -> Vec<Checked> {
    all()
        .map(|(domain, event)| {
            let (table, shape, part) = match event.direction {
                Direction::Server => ("payloads", event.payload, "payload"),
                Direction::Client => ("answers", event.answer.unwrap(), "answer"),
            };
            let path = root().join("protocol/fixtures").join(domain.name).join(event.type_name);
            let fixture = fs::read_to_string(path.with_extension("json")).unwrap();
            let mut fixture: Value = serde_json::from_str(&fixture).unwrap();
            Checked { table, event: event.name, shape, fixture: fixture[part].take() }
        })
        .collect()
}

/// What `checks.js` says of a value.
struct Verdict {
    /// The value as JavaScript writes it, which is how it travels.
    text: String,
    /// What is wrong with it.
    error: Option<String>,
    /// What is wrong with it as it was given.
    raw_error: Option<String>,
}

fn ask(corpus: &[(&Checked, String)]) -> Vec<Verdict> {
    // Tests of one program run at the same time.
    let name = format!("agreement-{}-{}", std::process::id(), corpus.len());
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (given, answered) =
        (tmp.join(format!("{name}.json")), tmp.join(format!("{name}.verdicts.json")));
    let rows: Vec<_> =
        corpus.iter().map(|(checked, text)| json!([checked.table, checked.event, text])).collect();
    fs::write(&given, json!(rows).to_string()).unwrap();
    let status = Command::new("node")
        .arg(root().join("codegen/tests/agreement/verdicts.mjs"))
        .arg(root().join("npm/src/generated/checks.js"))
        .args([&given, &answered])
        .status()
        .expect("Node is needed for this test");
    assert!(status.success(), "node: {status}; the values are in {}", given.display());
    let verdicts: Vec<(String, Option<String>, Option<String>)> =
        serde_json::from_str(&fs::read_to_string(&answered).unwrap()).unwrap();
    assert_eq!(verdicts.len(), corpus.len());
    fs::remove_file(given).unwrap();
    fs::remove_file(answered).unwrap();
    verdicts
        .into_iter()
        .map(|(text, error, raw_error)| Verdict { text, error, raw_error })
        .collect()
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
