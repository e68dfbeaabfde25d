//! How what is right is spoilt.

use rand::{Rng, RngExt, seq::IndexedRandom};
use serde_json::{Map, Number, Value};

/// Texts that somebody might trip over.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "null",
    "__proto__",
    "constructor",
    "ada",
    "user:ada",
    "user:grace",
    "project:",
    "room:",
    "room:lobby",
    "lobby",
    ":",
    "::",
    "\u{0}",
    "\u{feff}",
    "\u{202e}abc",
    "é😀",
    "../../../etc/passwd",
    "' OR 1=1 --",
    "%00%ff%",
    "2026-11-21T07:38:47.123Z",
    "-1",
    "<script>",
];

/// Pieces of JSON's text, and of what is none.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "1e999",
    "-0",
    "1e-999",
    "NaN",
    "9007199254740993",
    "99999999999999999999",
    "null",
    "true",
    "\u{0}",
    "\u{1e}",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":",
    "\"_placeholder\":true,\"num\":0",
    "5-",
];

/// A text: one that somebody might trip over, a long one, or any.
pub(crate) fn text(random: &mut impl Rng) -> String {
    match random.random_range(0..10) {
        0 => "x".repeat(random.random_range(1..3000)),
        1 => (0..random.random_range(0..20)).map(|_| random.random::<char>()).collect(),
        _ => (*TEXTS.choose(random).unwrap()).to_owned(),
    }
}

/// Any JSON, not too large.
pub(crate) fn any(random: &mut impl Rng, depth: u32) -> Value {
    match random.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => Value::Bool(random.random()),
        2 => Value::from(random.random::<i64>()),
        3 => Number::from_f64(f64::from_bits(random.random())).map_or(Value::Null, Value::Number),
        4 | 5 => Value::String(text(random)),
        6 => (0..random.random_range(0..4)).map(|_| any(random, depth - 1)).collect(),
        _ => {
            let fields =
                (0..random.random_range(0..4)).map(|_| (text(random), any(random, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// Changes something somewhere in a value.
pub(crate) fn mutate(random: &mut impl Rng, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && random.random_ratio(4, 5) => {
            let name = fields.keys().nth(random.random_range(0..fields.len())).unwrap().clone();
            match random.random_range(0..8) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let moved = fields.remove(&name).unwrap();
                    fields.insert(text(random), moved);
                }
                2 => drop(fields.insert(text(random), any(random, 2))),
                _ => mutate(random, fields.get_mut(&name).unwrap()),
            }
        }
        Value::Array(items) if !items.is_empty() && random.random_ratio(4, 5) => {
            let at = random.random_range(0..items.len());
            match random.random_range(0..6) {
                0 => drop(items.remove(at)),
                1 => {
                    let again = items[at].clone();
                    items.extend(std::iter::repeat_n(again, random.random_range(1..300)));
                }
                _ => mutate(random, &mut items[at]),
            }
        }
        other => *other = any(random, 3),
    }
}

/// Changes something somewhere in a text, so that it may be no JSON any longer.
pub(crate) fn spoil(random: &mut impl Rng, text: &mut String) {
    for _ in 0..random.random_range(1..4) {
        let (from, to) = (place(random, text), place(random, text));
        let range = from.min(to)..from.max(to);
        match random.random_range(0..4) {
            0 => text.replace_range(range, ""),
            1 => text.truncate(from),
            2 if range.len() < 5000 => {
                let again = text[range.clone()].repeat(random.random_range(1..20));
                text.insert_str(range.end, &again);
            }
            _ => text.insert_str(from, PIECES.choose(random).unwrap()),
        }
    }
}

/// Somewhere between the characters of a text.
fn place(random: &mut impl Rng, text: &str) -> usize {
    let at = random.random_range(0..=text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap()
}
