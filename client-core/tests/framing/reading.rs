//! What they write, we read as they meant it.

use bytes::Bytes;
use engineioxide_core::{OpenPacket, Packet as EngineFrame};
use proptest::{collection::vec, option, prelude::*};
use samewire_client_core::{
    Event,
    framing::{Frame, FrameError},
};
use serde_json::{Map, Value, json};
use socketioxide_core::packet::Packet;

use crate::{
    Meaning,
    ours::{self, Connected},
    theirs,
};

/// The largest number that a packet of theirs is given, and more than a session counts to.
const MAX_ACK: i64 = 999_999_999_999_999;

/// Any JSON.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A few binary values.
pub(crate) fn binaries() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..20), 1..4)
}

/// The placeholders that stand for so many.
pub(crate) fn placeholders(count: usize) -> Vec<Value> {
    (0..count).map(|num| json!({ "_placeholder": true, "num": num })).collect()
}

fn bytes(parts: &[Vec<u8>]) -> Vec<Bytes> {
    parts.iter().cloned().map(Bytes::from).collect()
}

#[test]
fn the_frames_of_a_connection() {
    let read = |frame: EngineFrame| ours::read(&String::from(frame));
    let open = serde_json::to_value(OpenPacket::default()).unwrap();
    assert_eq!(read(EngineFrame::Open(OpenPacket::default())), Ok(Frame::Open(open)));
    assert_eq!(read(EngineFrame::Close), Ok(Frame::Close));
    assert_eq!(read(EngineFrame::Ping), Ok(Frame::Ping));
    assert_eq!(read(EngineFrame::PongUpgrade), Ok(Frame::Pong));
    assert_eq!(read(EngineFrame::Noop), Ok(Frame::Noop));
}

#[test]
fn being_let_in_and_shown_out() {
    let sid = theirs::data(&json!({ "sid": "a" }), None);
    for packet in [Packet::connect("/", None), Packet::connect("/", Some(sid))] {
        assert_eq!(ours::meaning(&theirs::write(packet).0), Ok(Meaning::Connect));
    }
    let (text, _) = theirs::write(Packet::disconnect("/"));
    assert_eq!(ours::meaning(&text), Ok(Meaning::Disconnect));
}

proptest! {
    #[test]
    fn a_refusal(message: String) {
        let (text, _) = theirs::write(Packet::connect_error("/", message.clone()));
        prop_assert_eq!(ours::meaning(&text), Ok(Meaning::ConnectError { message }));
    }

    #[test]
    fn an_event(name: String, payload in values(), ack in option::of(0..=MAX_ACK)) {
        let mut packet = Packet::event("/", theirs::data(&payload, Some(&name)));
        if let Some(ack) = ack {
            packet.inner.set_ack_id(ack);
        }
        let (text, _) = theirs::write(packet);
        let ack = ack.map(i64::unsigned_abs);
        let args = json!([name, payload]);
        prop_assert_eq!(ours::meaning(&text), Ok(Meaning::Event { ack, args, attachments: 0 }));
    }

    #[test]
    fn an_answer(answer in values(), id in 0..=MAX_ACK) {
        let (text, _) = theirs::write(Packet::ack("/", theirs::data(&answer, None), id));
        let expected = Meaning::Ack { id: id.unsigned_abs(), args: json!([answer]), attachments: 0 };
        prop_assert_eq!(ours::meaning(&text), Ok(expected));
    }

    #[test]
    fn an_event_with_binary_parts(name: String, payload in values(), parts in binaries(), ack in option::of(0..=MAX_ACK)) {
        let mut packet = Packet::event("/", theirs::data(&(&payload, bytes(&parts)), Some(&name)));
        if let Some(ack) = ack {
            packet.inner.set_ack_id(ack);
        }
        let (text, attachments) = theirs::write(packet);
        let args = json!([name, payload, placeholders(parts.len())]);
        let ack = ack.map(i64::unsigned_abs);
        let expected = Meaning::Event { ack, args, attachments: parts.len() };
        prop_assert_eq!((ours::meaning(&text), attachments), (Ok(expected), parts));
    }

    #[test]
    fn an_answer_with_binary_parts(parts in binaries(), id in 0..=MAX_ACK) {
        let (text, attachments) = theirs::write(Packet::ack("/", theirs::data(&bytes(&parts), None), id));
        let args = json!([placeholders(parts.len())]);
        let expected = Meaning::Ack { id: id.unsigned_abs(), args, attachments: parts.len() };
        prop_assert_eq!((ours::meaning(&text), attachments), (Ok(expected), parts));
    }

    #[test]
    fn binary_parts_come_to_where_they_belong(parts in binaries(), id in 0_u64..3) {
        let (mut client, _) = Connected::new();
        let data = theirs::data(&bytes(&parts), Some("upload"));
        let (text, attachments) = theirs::write(Packet::event("/", data));
        client.receive(&text, &attachments);
        let told = client.told();
        let [Event::Arrived { event }] = &told[..] else {
            panic!("{told:?}");
        };
        prop_assert_eq!((&*event.name, &event.payload), ("upload", &Some(json!(parts))));

        client.emit("download", &json!(id), &[]);
        let (text, attachments) = theirs::write(Packet::ack("/", theirs::data(&bytes(&parts), None), 0));
        client.receive(&text, &attachments);
        let told = client.told();
        let [Event::Settled { outcome, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        prop_assert_eq!(outcome, &Ok(Some(json!(parts))));
    }

    #[test]
    fn another_namespace_is_none_of_ours(namespace in "/[a-z™]{0,3}[a-z]", ack in 0..MAX_ACK) {
        let data = || theirs::data(&json!([1]), Some("event"));
        let part = theirs::data(&Bytes::from_static(b"part"), Some("event"));
        for packet in [
            Packet::connect(namespace.clone(), None),
            Packet::connect_error(namespace.clone(), "no"),
            Packet::disconnect(namespace.clone()),
            Packet::event(namespace.clone(), data()),
            Packet::event(namespace.clone(), part.clone()),
            Packet::ack(namespace.clone(), data(), ack),
            Packet::ack(namespace.clone(), part.clone(), ack),
        ] {
            prop_assert_eq!(ours::meaning(&theirs::write(packet).0), Err(FrameError::Namespace));
        }
    }
}
