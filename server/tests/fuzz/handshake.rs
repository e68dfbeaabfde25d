//! The handshake: requests for a session, `CONNECT`, and packets of Engine.IO by polling and by
//! websocket.

use std::io::Write;

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    fuzz, mutation,
    raw_http::{self, Call},
    target::{Target, token},
};

#[test]
fn no_handshake_breaks_the_server() {
    fuzz("handshake", |random, target, sent| match random.random_range(0..4) {
        0 => request(random, target, sent),
        1 => poll(random, target, sent),
        2 => websocket(random, target, sent),
        _ => frames(random, target, sent),
    });
}

/// A request that may or may not begin a session.
fn request(random: &mut StdRng, target: &mut Target, sent: &mut Vec<String>) {
    let mut call = Call::get(&format!("/socket.io/?{}", query(random, None)));
    match random.random_range(0..12) {
        0 => {
            call.method = ["POST", "PUT", "OPTIONS", "DELETE", "HEAD", "X"]
                .choose(random)
                .unwrap()
                .to_string()
        }
        1 => mutation::spoil(random, &mut call.target),
        _ => {}
    }
    for (name, value) in [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("Authorization", "Bearer nonsense"),
        ("Origin", "http://localhost:5173"),
        ("X-Forwarded-For", "1.2.3.4, nonsense"),
        ("Cookie", "io=abc"),
    ] {
        if random.random_ratio(1, 3) {
            let mut value = value.to_owned();
            if random.random_ratio(1, 3) {
                mutation::spoil(random, &mut value);
            }
            call = call.header(name, &value);
        }
    }
    // One that is switched to a websocket stays open: half-closed, it ends.
    sent.push(String::from_utf8_lossy(&call.bytes()).into_owned());
    let mut stream = raw_http::connect(target.address);
    let _ = stream.write_all(&call.bytes());
    let _ = stream.shutdown(std::net::Shutdown::Write);
    note(target, raw_http::exchange(stream, b"").map(|answer| (answer.status, answer.body)));
}

/// A session by polling, and what is posted to it.
fn poll(random: &mut StdRng, target: &mut Target, sent: &mut Vec<String>) {
    let opened = Call::get("/socket.io/?EIO=4&transport=polling").send(target.address).unwrap();
    let open: Value = serde_json::from_str(opened.body.get(1..).unwrap_or_default()).unwrap();
    let id = open["sid"].as_str().unwrap();
    for _ in 0..random.random_range(1..4) {
        let mut call = Call::new("POST", &format!("/socket.io/?{}", query(random, Some(id))));
        call = call.header("Content-Type", "text/plain;charset=UTF-8");
        let packets: Vec<_> = (0..random.random_range(1..4)).map(|_| packet(random)).collect();
        let mut body = packets.join("\u{1e}").into_bytes();
        if random.random_ratio(1, 10) && !body.is_empty() {
            let at = random.random_range(0..body.len());
            body[at] = random.random();
        }
        call.body = Some(body);
        sent.push(String::from_utf8_lossy(&call.bytes()).into_owned());
        note(target, call.send(target.address).map(|answer| (answer.status, answer.body)));
    }
    // Its packets are there for the taking: at least a ping, or that it has ended.
    let rest = Call::get(&format!("/socket.io/?EIO=4&transport=polling&sid={id}"));
    note(target, rest.send(target.address).map(|answer| (answer.status, answer.body)));
}

/// A websocket, and messages on it.
fn websocket(random: &mut StdRng, target: &mut Target, sent: &mut Vec<String>) {
    let query = query(random, None).replace("polling", "websocket");
    sent.push(query.clone());
    let mut socket = match target.websocket(&query) {
        Ok(socket) => socket,
        Err(status) => return note(target, Some((status, String::new()))),
    };
    for _ in 0..random.random_range(1..6) {
        let packet = packet(random);
        sent.push(packet.clone());
        let message = if random.random_ratio(1, 10) {
            Message::binary(packet.into_bytes())
        } else {
            Message::text(packet)
        };
        if socket.send(message).is_err() {
            break;
        }
    }
    target.answered("websocket");
    let _ = socket.close(None);
    while socket.read().is_ok() {}
}

/// A websocket, and bytes on it that need be no frames.
fn frames(random: &mut StdRng, target: &mut Target, sent: &mut Vec<String>) {
    let Ok(socket) = target.websocket("EIO=4&transport=websocket") else { return };
    let mut stream = socket.into_inner();
    for _ in 0..random.random_range(1..6) {
        let mut payload = packet(random).into_bytes();
        payload.truncate(60_000);
        let first = if random.random_ratio(1, 2) { 0x81 } else { random.random() };
        let length = u16::try_from(payload.len()).unwrap();
        let mut frame = vec![first];
        if length < 126 {
            frame.push(0x80 | u8::try_from(length).unwrap());
        } else {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        // An empty mask leaves the payload as it is.
        frame.extend([0; 4]);
        frame.extend(payload);
        if random.random_ratio(1, 4) {
            let at = random.random_range(0..frame.len().min(12));
            frame[at] = random.random();
        }
        sent.push(String::from_utf8_lossy(&frame).into_owned());
        if stream.write_all(&frame).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = raw_http::exchange(stream, b"");
    target.answered("frames");
}

fn note(target: &mut Target, answer: Option<(u16, String)>) {
    match answer {
        Some((status, body)) if status >= 500 => {
            target.failed(format!("answered by {status}: {body}"))
        }
        Some((status, _)) => target.answered(status.to_string()),
        None => target.answered("none"),
    }
}

/// A query of a handshake, or of a session's request.
fn query(random: &mut StdRng, id: Option<&str>) -> String {
    let mut pairs = vec!["EIO=4".to_owned(), "transport=polling".to_owned()];
    pairs.extend(id.map(|id| format!("sid={id}")));
    if random.random_ratio(1, 4) {
        pairs.push(format!("token={}", token("ada")));
    }
    let odd = [
        "EIO=3",
        "EIO=",
        "transport=flash",
        "sid=",
        "sid=AAAAAAAAAAAAAAHs",
        "t=x",
        "b64=1",
        "j=0",
        "=",
        "&",
        "%",
    ];
    if random.random_ratio(1, 4) {
        let at = random.random_range(0..=pairs.len());
        pairs.insert(at, (*odd.choose(random).unwrap()).to_owned());
    }
    let mut query = pairs.join("&");
    if random.random_ratio(1, 8) {
        mutation::spoil(random, &mut query);
        query.retain(|sign| sign.is_ascii_graphic());
    }
    query
}

/// A packet of Engine.IO, most often a message with one of Socket.IO.
fn packet(random: &mut StdRng) -> String {
    let mut packet = match random.random_range(0..12) {
        0 => (*["0", "1", "2", "2probe", "3", "3probe", "5", "6", "", "b", "bAAEC", "b!"]
            .choose(random)
            .unwrap())
        .into(),
        1 => format!("4{}", mutation::text(random)),
        2 => format!(
            "4{}/{},{}",
            random.random_range(0..8),
            mutation::text(random),
            mutation::any(random, 2)
        ),
        3 => format!("45{}-[\"x\",{{\"_placeholder\":true,\"num\":0}}]", random.random::<i16>()),
        4 => "42[\"ping\"]".into(),
        _ => {
            let mut auth = json!({
                "token": token("ada"),
                "protocol": "1.0",
                "resume": [{ "room": "room:lobby", "epoch": "e", "offset": 3, "events": ["broadcast"] }],
            });
            for _ in 0..random.random_range(0..4) {
                mutation::mutate(random, &mut auth);
            }
            format!("40{auth}")
        }
    };
    if random.random_ratio(1, 6) {
        mutation::spoil(random, &mut packet);
    }
    packet
}
