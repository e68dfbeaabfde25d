//! Events: each of the protocol with its golden payload, spoilt in many ways, and others.

use std::fs;

use rand::{Rng, RngExt, rngs::StdRng, seq::IndexedRandom};
use samewire_protocol::{Direction, event};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    fuzz, mutation,
    target::{Missing, Target, read_until},
};

/// Messages before the server is asked whether it has read them.
const AT_A_TIME: usize = 16;

#[test]
fn no_event_breaks_the_server() {
    let known = known();
    let mut sockets = Vec::new();
    fuzz("events", |random, target, sent| {
        // Several users, who meet in rooms.
        while sockets.len() < 3 {
            sockets.push(target.sign_in(["ada", "grace", "alan"][sockets.len()]));
        }
        let at = random.random_range(0..sockets.len());
        let socket = &mut sockets[at];
        for n in 0..AT_A_TIME {
            let messages = event(random, target, &known, n);
            sent.extend(messages.iter().map(|message| format!("{message:?}")));
            if messages.into_iter().any(|message| socket.send(message).is_err()) {
                break;
            }
        }
        let _ = socket.send(Message::text("42999[\"ping\"]"));
        let answers = &mut Vec::new();
        let alive = read_until(socket, "43999[", |text| answers.extend(outcome(text)));
        for answer in answers.drain(..) {
            if ["INTERNAL", "UNAVAILABLE"].contains(&answer.as_str()) {
                target.failed(format!("answered by {answer}"));
            }
            target.answered(answer);
        }
        // What is no packet ends the connection; all else doesn't.
        match alive {
            Ok(_) => {}
            Err(Missing::Ended) => {
                target.answered("ended");
                sockets.remove(at);
            }
            Err(Missing::Late) => target.failed("no answer in time"),
        }
    });
}

/// How an acknowledgement or an `error` reads.
fn outcome(text: &str) -> Option<String> {
    let code = |value: &Value| value["code"].as_str().map(str::to_owned);
    if let Some(error) = text.strip_prefix("42[\"error\",") {
        let error: Value = serde_json::from_str(error.strip_suffix(']')?).ok()?;
        return code(&error);
    }
    let answer = text.strip_prefix("43")?.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let answer: Value = serde_json::from_str(answer).ok()?;
    if answer[0]["ok"] == true { Some("ok".into()) } else { code(&answer[0]["error"]) }
}

/// An event of the protocol, with its golden payload.
struct Known {
    name: &'static str,
    payload: Value,
    is_of_clients: bool,
}

/// All of them: a client may send the server's, too.
fn known() -> Vec<Known> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/fixtures");
    event::all()
        .map(|(domain, event)| {
            let path = format!("{folder}/{}/{}.json", domain.name, event.type_name);
            let fixture: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let is_of_clients = event.direction == Direction::Client;
            Known { name: event.name, payload: fixture["payload"].clone(), is_of_clients }
        })
        .collect()
}

/// An event, with the binary messages that it announces, or nearly so.
fn event(random: &mut StdRng, target: &Target, known: &[Known], n: usize) -> Vec<Message> {
    let known = loop {
        let known = known.choose(random).unwrap();
        if known.is_of_clients || random.random_ratio(1, 10) {
            break known;
        }
    };
    let (mut name, mut payload) = (known.name.to_owned(), known.payload.clone());
    // Whoever signs in anew may be refused and gone: not too often.
    if name.starts_with("auth") && random.random_ratio(9, 10) {
        name = "room:join".into();
    }
    if random.random_ratio(1, 20) {
        name = mutation::text(random);
    }
    make_real(random, target, &mut payload);
    for _ in 0..random.random_range(0..6_u32).saturating_sub(2) {
        mutation::mutate(random, &mut payload);
    }
    let mut arguments = vec![json!(name), payload];
    match random.random_range(0..10) {
        0 => arguments
            .push(json!({ "id": uuid::Uuid::from_u128(random.random_range(0..50)).to_string() })),
        1 => arguments.push(mutation::any(random, 2)),
        2 => arguments.truncate(random.random_range(0..2)),
        _ => {}
    }
    let mut arguments = Value::Array(arguments).to_string();
    if random.random_ratio(1, 8) {
        mutation::spoil(random, &mut arguments);
        // Still an array, or the connection would end each time.
        if random.random_ratio(4, 5) {
            arguments.insert(0, '[');
        }
    }
    let ack = if random.random_ratio(3, 4) { n.to_string() } else { String::new() };
    let parts: usize = if random.random_ratio(1, 15) { random.random_range(1..5) } else { 0 };
    let head = if parts > 0 { format!("45{parts}-{ack}") } else { format!("42{ack}") };
    let mut messages = vec![Message::text(format!("{head}{arguments}"))];
    messages.extend((0..parts).map(|_| {
        let length = random.random_range(0..2000);
        Message::binary((0..length).map(|_| random.random()).collect::<Vec<u8>>())
    }));
    // Announced and not sent, sent and not announced: ends the connection.
    if random.random_ratio(1, 300) {
        messages.push(Message::binary(vec![1]));
    }
    messages
}

/// Puts what exists in the place of a payload's made-up ids, often enough.
fn make_real(random: &mut impl Rng, target: &Target, payload: &mut Value) {
    let Some(fields) = payload.as_object_mut() else { return };
    let rooms = ["lobby", "room:lobby", "room:other", "user:ada"];
    for (name, value) in fields {
        if random.random_ratio(1, 3) {
            continue;
        }
        match name.as_str() {
            "projectId" => *value = target.project["id"].clone(),
            "sessionId" => *value = json!(target.session),
            "room" => *value = json!(rooms.choose(random).unwrap()),
            _ => {}
        }
    }
}
