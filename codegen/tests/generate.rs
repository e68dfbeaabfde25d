//! What is generated for a small domain of all kinds of types.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use samewire_codegen::{ClientPackage, generate};
use samewire_protocol::{SafeInteger, Timestamp, event::Shape, events, room};
use serde_json::{Value, json};

events! {
    /// Games of chess.
    ///
    /// Played by two.
    domain CHESS = "chess";

    /// A piece was moved */ by somebody.
    server "piece-moved" in [room::ROOM];
    pub struct PieceMoved {
        /// The piece.
        pub piece: Piece,
        /// Squares it passed.
        pub path: Vec<Vec<String>>,
        /// Seconds that each side has left.
        pub clocks: BTreeMap<String, f64>,
        /// When.
        pub at: Timestamp,
        /// The move's number.
        pub number: SafeInteger,
        /// Points up or down.
        pub score: Option<i8>,
        /// Its opening, where it is known.
        #[serde(rename = "ECO-code")]
        pub opening: Option<Opening>,
        /// Named like what every object has.
        pub constructor: bool,
        /// Games that it was seen in.
        pub seen: Vec<Option<Box<PieceMoved>>>,
    }

    /// The game is over.
    server "over";
    pub struct Over {}

    /// Somebody holds a piece.
    server "held" in [room::ROOM], unlogged;
    pub struct Held {}

    /// How the game stands.
    server "board" in [room::ROOM], retained;
    pub struct Board {}

    /// Moves a piece.
    client "move" -> PieceMoved, bare "to", refuses [Conflict];
    pub struct MovePiece {
        /// To this square.
        pub to: String,
    }

    /// Gives up.
    client "resign" -> Value;
    pub struct Resign {
        /// Why.
        pub reason: Option<String>,
    }

    /// Asks for the moves so far.
    client "moves" -> Vec<PieceMoved>;
    pub struct ReadMoves {}

    /// What a piece can be.
    pub enum Piece {
        /// Moves by one.
        King,
        /// Moves at will.
        Queen,
    }

    /// The openings that are known, or another.
    pub enum Opening {
        /// By Ruy López.
        Spanish,
        /// By anybody.
        #[serde(untagged)]
        Other(String),
    }
}

events! {
    /// Wrong.
    domain WRONG = "wrong";

    /// Holds what JavaScript can't.
    server "wrong";
    pub struct Wrong {
        /// Too large.
        pub size: u64,
    }
}

events! {
    /// Asks what Samewire's own asks.
    domain PINGS = "pings";

    /// Asks whether somebody is there.
    client "ping" -> Value;
    pub struct Asked {}
}

fn file(name: &str) -> String {
    let files = generate(&[&CHESS]).unwrap();
    files.into_iter().find(|file| file.path.ends_with(name)).unwrap().contents
}

#[track_caller]
fn holds(file: &str, expected: &str) {
    assert!(file.contains(expected), "not there:\n{expected}\nin:\n{file}");
}

#[test]
fn types_say_what_serde_takes() {
    let types = file("protocol.ts");
    holds(
        &types,
        r"/** A piece was moved *\/ by somebody. */
export interface PieceMoved {
  /** The piece. */
  piece: Piece
  /** Squares it passed. */
  path: string[][]
  /** Seconds that each side has left. */
  clocks: Record<string, number>
  /** When. */
  at: string
  /** The move's number. */
  number: number
  /** Named like what every object has. */
  constructor: boolean
  /** Games that it was seen in. */
  seen: (PieceMoved | null)[]
  /** Its opening, where it is known. */
  'ECO-code'?: Opening | null
  /** Points up or down. */
  score?: number | null
}
",
    );
    holds(&types, "export interface Over {\n}\n");
    holds(&types, " * - `spanish`: By Ruy López.\n");
    holds(&types, "export type Opening = 'spanish' | (string & {})\n");
    holds(&types, "export type Piece = 'king' | 'queen'\n");
}

#[test]
fn events_are_found_by_name_direction_and_room() {
    let types = file("protocol.ts");
    holds(
        &types,
        "export interface Answers {\n  move: PieceMoved\n  resign: unknown\n  moves: PieceMoved[]\n}\n",
    );
    holds(
        &types,
        "export interface RoomEvents {\n  room:\n    | 'piece-moved'\n    | 'held'\n    | 'board'\n}\n",
    );
    holds(&types, "  'piece-moved': (payload: PieceMoved, meta: Meta) => void\n");
    holds(&types, "  over: (payload: Over) => void\n");
    holds(&types, "  held: (payload: Held) => void\n");
    holds(&types, "  board: (payload: Board, meta?: Meta) => void\n");
    holds(&types, "  move: Emit<MovePiece | string, PieceMoved>\n");
    holds(&types, "  resign: Emit<Resign, unknown> | (() => void)\n");
}

#[test]
fn the_reference_tells_all_of_an_event() {
    let reference = file("events.md");
    holds(&reference, "- [Chess](#chess)\n");
    holds(
        &reference,
        "## Chess\n\nGames of chess. Played by two.\n\n### `piece-moved` (server → client)\n",
    );
    holds(&reference, "Sent to: `room:{id}`.\n");
    holds(&reference, "Sent to: `room:{id}`. It stands in no log, and comes without `meta`.\n");
    holds(&reference, "Sent to: `room:{id}`. Whoever joins is sent it without `meta`, as how");
    holds(&reference, "| `number` | integer, 0 to 9007199254740991 | yes | The move's number. |\n");
    holds(
        &reference,
        "| `ECO-code` | [Opening](#opening) |  | Its opening, where it is known. |\n",
    );
    holds(
        &reference,
        "A bare string is taken for `to`.\n\n| field | type | required | |\n|---|---|---|---|\n\
         | `to` | string | yes | To this square. |\n\n\
         Answered with [PieceMoved](#piecemoved).\n\nRefused with: `CONFLICT`.\n",
    );
    holds(&reference, "- `\"queen\"`: Moves at will.\n");
}

/// The package that an application would be given whose protocol is this one.
fn packaged(name: &str) -> String {
    let package = ClientPackage { name: "chess-client", version: "1.2.3", domains: &[&CHESS] };
    let files = package.generate().unwrap();
    files.into_iter().find(|file| file.path.ends_with(name)).unwrap().contents
}

#[test]
fn a_client_package_tells_samewire_of_its_events() {
    let types = packaged("index.d.ts");
    holds(
        &types,
        "declare module 'samewire' {
  interface CustomEvents {
    board: { received: Board; rooms: 'room' }
    held: { received: Held; rooms: 'room' }
    move: { sent: MovePiece; answer: PieceMoved }
    moves: { sent: ReadMoves; answer: PieceMoved[] }
    over: { received: Over; rooms: never }
    'piece-moved': { received: PieceMoved; rooms: 'room' }
    resign: { sent: Resign; answer: unknown }
  }
}
",
    );
    holds(&types, "export interface MovePiece {\n");
    assert!(!types.contains("Handshake"), "samewire has it:\n{types}");
}

#[test]
fn a_client_package_is_one_for_npm() {
    let manifest: Value = serde_json::from_str(&packaged("package.json")).unwrap();
    assert_eq!(
        (&manifest["name"], &manifest["version"]),
        (&json!("chess-client"), &json!("1.2.3"))
    );
    assert_eq!(manifest["peerDependencies"]["samewire"], concat!("^", env!("CARGO_PKG_VERSION")));
    holds(&packaged("index.js"), "create(url, { ...options, checks })");
    holds(
        &packaged("checks.js"),
        "export const payloads = table({\n  __proto__: null,\n  'piece-moved': ",
    );
}

#[test]
fn a_client_package_says_how_it_is_used_and_what_its_events_carry() {
    let readme = packaged("README.md");
    holds(&readme, "\n# chess-client\n");
    holds(&readme, "import { createClient } from 'chess-client'\n");
    holds(
        &readme,
        "const room = await client.join('room:1')\nroom.on('piece-moved', (payload) => ",
    );
    holds(&readme, "### `move` (client → server)\n");
    holds(&readme, "## Types\n\n### Opening\n");
}

#[test]
fn an_event_of_a_taken_name_is_named() {
    for (domains, name) in [(&[&CHESS, &CHESS][..], "piece-moved"), (&[&PINGS], "ping")] {
        let package = ClientPackage { name: "taken", version: "1.0.0", domains };
        let error = package.generate().unwrap_err().to_string();
        assert_eq!(error, format!("another event is called {name} as well"));
    }
}

#[test]
fn a_type_that_no_product_can_express_is_named() {
    let error = generate(&[&WRONG]).unwrap_err().to_string();
    assert!(error.starts_with("Wrong.size: JavaScript can't hold such an integer"), "{error}");
}

#[test]
fn a_payload_of_another_s_name_is_named() {
    let error = generate(&[&CHESS, &CHESS_AGAIN]).unwrap_err().to_string();
    assert_eq!(error, "another type is called Over as well");
}

mod again {
    use samewire_protocol::events;

    events! {
        /// Games again.
        domain CHESS_AGAIN = "chess_again";

        /// The game is over.
        server "over-again";
        pub struct Over {
            /// Who won.
            pub winner: String,
        }
    }
}
use again::CHESS_AGAIN;

/// What the protocol's own types don't hold: nested arrays, signed integers, a field that every
/// JavaScript object has, a type that holds itself.
#[test]
fn checks_agree_with_serde() {
    let good = json!({
        "piece": "king", "path": [["e1", "e2"], []], "clocks": { "white": 1.5 }, "at": "2026-01-01T00:00:00Z",
        "number": 3, "score": -128, "ECO-code": "spanish", "constructor": true, "seen": [null],
    });
    let nested = with(&good, "/seen/0", good.clone());
    let mut values = vec![good.clone(), nested.clone(), json!([]), json!(null)];
    for (place, new) in [
        ("/path/0/1", json!(4)),
        ("/path/1", json!("e2")),
        ("/clocks/white", json!("1")),
        ("/score", json!(-129)),
        ("/score", json!(128)),
        ("/score", json!(null)),
        ("/score", json!(1.5)),
        ("/piece", json!("rook")),
        ("/piece", json!({ "king": null })),
        ("/ECO-code", json!({ "spanish": null })),
        ("/ECO-code", json!("Sicilian")),
        ("/seen/0", json!(5)),
        ("/constructor", json!("yes")),
    ] {
        values.push(with(&good, place, new.clone()));
        values.push(with(&nested, &format!("/seen/0{place}"), new));
    }
    for field in good.as_object().unwrap().keys() {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(field);
        values.push(with(&nested, "/seen/0", less.clone()));
        values.push(less);
    }

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chess");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("checks.mjs"), file("checks.js")).unwrap();
    fs::write(folder.join("values.json"), json!(values).to_string()).unwrap();
    fs::write(
        folder.join("verdicts.mjs"),
        "import { readFileSync } from 'node:fs'
         import { answers, payloads } from './checks.mjs'
         const values = JSON.parse(readFileSync(new URL('values.json', import.meta.url), 'utf8'))
         console.log(JSON.stringify(values.map((value) => [
           payloads['piece-moved'](value) ?? null, answers.moves([value]) ?? null,
         ])))",
    )
    .unwrap();
    let output = Command::new("node").arg(folder.join("verdicts.mjs")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts: Vec<[Option<String>; 2]> = serde_json::from_slice(&output.stdout).unwrap();

    let moved = CHESS.events[0].payload;
    let moves = CHESS.events[6].answer.unwrap();
    for (value, [payload, answer]) in values.into_iter().zip(verdicts) {
        let said = |shape: Shape, value| (shape.check)(value).err().map(|error| error.to_string());
        assert_eq!(payload, said(moved, value.clone()), "{value}");
        assert_eq!(answer, said(moves, json!([value])), "{value}");
    }
}

fn with(value: &Value, place: &str, new: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(place).unwrap() = new;
    value
}
