//! HTTP calls: each that the OpenAPI document names, with bodies made by its schemas, then spoilt.

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

use crate::{
    fuzz, mutation,
    raw_http::Call,
    target::{API_KEY, Target, signed, token},
};

#[test]
fn no_call_breaks_the_server() {
    let mut document = Value::Null;
    fuzz("calls", |random, target, sent| {
        if document.is_null() {
            let answer = Call::get("/api/openapi.json").send(target.address).unwrap();
            document = serde_json::from_str(&answer.body).unwrap();
        }
        for _ in 0..4 {
            let call = call(random, target, &document);
            sent.push(String::from_utf8_lossy(&call.bytes()).into_owned());
            let Some(answer) = call.send(target.address) else {
                // What is hardly HTTP may be left without an answer.
                target.answered("none");
                continue;
            };
            if answer.status >= 500 {
                target.failed(format!("answered by {}: {}", answer.status, answer.body));
            }
            // What is no HTTP, or far too long, is refused before it gets to us, without a body.
            let before_us = [400, 414, 431].contains(&answer.status) && answer.body.is_empty();
            let ours = !before_us && call.method != "HEAD";
            if ours && answer.status >= 400 {
                let problem: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                let kind = answer.head.contains("content-type: application/problem+json");
                if !kind || problem["code"].as_str().is_none() {
                    target.failed(format!("{} without a code: {}", answer.status, answer.body));
                }
            }
            target.answered(answer.status.to_string());
        }
    });
}

/// A call of one operation, right or not.
fn call(random: &mut StdRng, target: &Target, document: &Value) -> Call {
    let paths = document["paths"].as_object().unwrap();
    let (path, item) = paths.iter().nth(random.random_range(0..paths.len())).unwrap();
    let operations = item.as_object().unwrap();
    let (method, operation) =
        operations.iter().nth(random.random_range(0..operations.len())).unwrap();
    let mut call = Call::new(&method.to_uppercase(), &filled(random, target, path));
    if random.random_ratio(1, 5) {
        let value = escaped(&mutation::text(random));
        call.target = format!("{}?after={value}&{value}", call.target);
    }
    open(random, target, &mut call);
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !schema.is_null() || random.random_ratio(1, 20) {
        call = call.header("Content-Type", "application/json");
        let mut body = made(random, document, schema, 6);
        for _ in 0..random.random_range(0..4) {
            mutation::mutate(random, &mut body);
        }
        let mut body = body.to_string();
        if random.random_ratio(1, 6) {
            mutation::spoil(random, &mut body);
        }
        let mut body = body.into_bytes();
        if random.random_ratio(1, 20) && !body.is_empty() {
            let at = random.random_range(0..body.len());
            body[at] = random.random();
        }
        call.body = Some(body);
    }
    if path.starts_with("/api/webhooks") && random.random_ratio(9, 10) {
        call = signed(call);
    }
    match random.random_range(0..60) {
        0 => {
            call.method = ["OPTIONS", "HEAD", "TRACE", "PROPFIND", "get", ""]
                .choose(random)
                .unwrap()
                .to_string()
        }
        1 => call = call.header("Transfer-Encoding", "chunked"),
        2 => {
            call = call.header("Content-Length", &mutation::text(random).replace(['\r', '\n'], ""))
        }
        3 => call = call.header("Content-Type", "text/plain"),
        4 => call = call.header("Origin", &escaped(&mutation::text(random))),
        5 => mutation::spoil(random, &mut call.target),
        6 => call = call.header("X-Forwarded-For", &escaped(&mutation::text(random))),
        _ => {}
    }
    call
}

/// A path whose parts name what exists, often enough.
fn filled(random: &mut StdRng, target: &Target, path: &str) -> String {
    let part = |part: &str| {
        if !part.starts_with('{') {
            return part.to_owned();
        }
        let real = match (path, part) {
            (_, "{room}") => "room:lobby",
            (_, "{user_id}") => "grace",
            (path, _) if path.starts_with("/api/projects") => {
                target.project["id"].as_str().unwrap()
            }
            (path, _) if path.starts_with("/api/sessions") => &target.session,
            (path, _) if path.starts_with("/api/inbox/messages") => {
                target.message["messageId"].as_str().unwrap()
            }
            (path, _) if path.starts_with("/api/inbox") => {
                target.message["conversationId"].as_str().unwrap()
            }
            _ => "ada",
        };
        if random.random_ratio(4, 5) { real.to_owned() } else { escaped(&mutation::text(random)) }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What opens a call, or nearly so.
fn open(random: &mut StdRng, target: &Target, call: &mut Call) {
    let mut right = token("ada");
    if random.random_ratio(1, 10) {
        mutation::spoil(random, &mut right);
    }
    let right = right.replace(['\r', '\n', '\0'], "");
    let key = target.project["ingestKey"].as_str().unwrap();
    for (name, value) in [
        ("Authorization", format!("Bearer {right}")),
        ("X-Ingest-Key", key.into()),
        ("X-Api-Key", API_KEY.into()),
    ] {
        match random.random_range(0..12) {
            0 => {}
            1 => *call = call.clone().header(name, &escaped(&mutation::text(random))),
            _ => *call = call.clone().header(name, &value),
        }
    }
}

/// A value that a schema describes.
fn made(random: &mut StdRng, document: &Value, schema: &Value, depth: u32) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(pointer) = schema["$ref"].as_str().and_then(|pointer| pointer.strip_prefix('#')) {
        let named = document.pointer(pointer).unwrap_or(&Value::Null);
        return made(random, document, named, depth - 1);
    }
    // All of one, which is how a field with words of its own refers to a type.
    for choice in ["anyOf", "oneOf", "allOf", "enum"] {
        if let Some(chosen) = schema[choice].as_array().and_then(|choices| choices.choose(random)) {
            let literal = choice == "enum";
            return if literal {
                chosen.clone()
            } else {
                made(random, document, chosen, depth - 1)
            };
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.choose(random).and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object().cloned().unwrap_or_default();
            let fields = fields
                .iter()
                .map(|(name, schema)| (name.clone(), made(random, document, schema, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("array") => {
            let count = random.random_range(0..5);
            (0..count).map(|_| made(random, document, &schema["items"], depth - 1)).collect()
        }
        Some("string") if schema["format"] == "date-time" => json!("2026-11-21T07:38:47.123Z"),
        Some("string") => {
            json!(["lobby", "ada", "headline", "unread_count_update"].choose(random).unwrap())
        }
        Some("integer" | "number") => json!(random.random_range(-5..1000)),
        Some("boolean") => json!(random.random::<bool>()),
        _ => mutation::any(random, 2),
    }
}

/// A text that may stand in an address or a header.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
