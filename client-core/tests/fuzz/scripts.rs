//! Scripts: what really happens to a client, in any order and damaged.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

/// One thing that happens a line.
const CORPUS: &str = include_str!("corpus.txt");

/// How a connection begins.
const BEGINNING: [&str; 5] = [
    "c",
    r#"<0{"sid":"s","pingInterval":25000,"pingTimeout":20000}"#,
    "t",
    r#"<40{"sid":"x"}"#,
    r#"<42["authenticated",{"userId":"ada"}]"#,
];

/// The same by polling, from which a websocket takes over.
const WITH_UPGRADE: [&str; 10] = [
    "P",
    "c",
    r#"<0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#,
    "R",
    "t",
    r#"<40{"sid":"x"}"#,
    r#"<42["authenticated",{"userId":"ada"}]"#,
    ">3probe",
    "edata:update",
    "r",
];

/// Numbers at which something may break.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "-1",
    "0.5",
    "1000",
    "1001",
    "4294967296",
    "9007199254740991",
    "9007199254740993",
    "18446744073709551615",
    "999999999999999999999999",
    "1e308",
];

/// Values of every kind, to stand where another belongs.
const VALUES: [&str; 10] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"user:ada\"",
    "[[[[[[[[[[1]]]]]]]]]]",
    r#"{"_placeholder":true,"num":0}"#,
    r#"{"room":"project:42","epoch":"e3","offset":9}"#,
    r#"{"ok":true,"data":null}"#,
];

/// What is done to a line.
#[derive(Debug, Clone)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, u8),
    Cut(Index, Index),
    Double(Index, Index),
    Number(Index, &'static str),
    Value(Index, &'static str),
    Join(Index, &'static str),
}

/// Any script.
pub(crate) fn scripts() -> impl Strategy<Value = Vec<u8>> {
    let begun = |beginning: &'static [&'static str]| {
        prop_oneof![9 => Just(beginning.len()), 3 => 0..beginning.len()]
            .prop_map(move |count| &beginning[..count])
    };
    let beginnings = prop_oneof![2 => begun(&BEGINNING), 1 => begun(&WITH_UPGRADE)];
    (beginnings, vec(lines(), 1..30)).prop_map(|(beginning, rest)| {
        let beginning = beginning.iter().map(|line| line.as_bytes().to_vec());
        beginning.chain(rest).collect::<Vec<_>>().join(&b'\n')
    })
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let damages = prop_oneof![3 => Just(Vec::new()).boxed(), 2 => vec(damages(), 1..4).boxed()];
    (corpus(), damages).prop_map(|(line, damages)| {
        damages.into_iter().fold(line.as_bytes().to_vec(), |line, damage| damage.done_to(line))
    })
}

fn corpus() -> impl Strategy<Value = &'static str> {
    select(CORPUS.lines().collect::<Vec<_>>())
}

fn damages() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let byte = || prop_oneof![select(&b"0123456789-/,[]{}\":\\. <#+"[..]), any::<u8>()];
    prop_oneof![
        1 => (at(), byte()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        1 => (at(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Cut(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Double(from, to)),
        3 => (at(), select(&NUMBERS[..])).prop_map(|(at, number)| Damage::Number(at, number)),
        3 => (at(), select(&VALUES[..])).prop_map(|(at, value)| Damage::Value(at, value)),
        1 => (at(), corpus()).prop_map(|(at, line)| Damage::Join(at, line)),
    ]
}

impl Damage {
    fn done_to(self, mut line: Vec<u8>) -> Vec<u8> {
        let place = |at: Index| at.index(line.len() + 1);
        let range = |from, to| {
            let (from, to) = (place(from), place(to));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Replace(at, byte) => {
                let at = at.index(line.len().max(1));
                if let Some(replaced) = line.get_mut(at) {
                    *replaced = byte;
                }
            }
            Self::Insert(at, byte) => line.insert(place(at), byte),
            Self::Cut(from, to) => drop(line.drain(range(from, to))),
            Self::Double(from, to) => {
                let range = range(from, to);
                let copy = line[range.clone()].to_vec();
                line.splice(range.end..range.end, copy);
            }
            Self::Number(at, number) => {
                replace_one(&mut line, at, number, u8::is_ascii_digit, |byte| {
                    !byte.is_ascii_digit()
                });
            }
            // From a colon or a comma to where its value ends, roughly.
            Self::Value(at, value) => {
                let ends = |byte: &u8| b",]}".contains(byte);
                let begins = |byte: &u8| !b",:[".contains(byte);
                replace_one(&mut line, at, value, begins, ends);
            }
            Self::Join(at, other) => {
                line.truncate(place(at));
                line.extend_from_slice(
                    &other.as_bytes()[at.index(other.len().max(1)).min(other.len())..],
                );
            }
        }
        line
    }
}

/// Replaces one of the runs that begin where a byte fits after one that doesn't.
fn replace_one(
    line: &mut Vec<u8>,
    at: Index,
    by: &str,
    fits: impl Fn(&u8) -> bool,
    ends: impl Fn(&u8) -> bool,
) {
    let starts: Vec<usize> =
        (1..line.len()).filter(|at| fits(&line[*at]) && !fits(&line[*at - 1])).collect();
    if starts.is_empty() {
        return;
    }
    let start = *at.get(&starts);
    let length = line[start..].iter().position(ends).unwrap_or(line.len() - start);
    line.splice(start..start + length, by.bytes());
}
