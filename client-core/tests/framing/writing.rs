//! What we write, they read as we meant it.

use bytes::Bytes;
use engineioxide_core::{Packet as EngineFrame, ProtocolVersion};
use proptest::prelude::*;
use samewire_client_core::Event;
use serde_json::{Value, json};

use crate::{
    Meaning,
    ours::Connected,
    reading::{binaries, placeholders, values},
    theirs,
};

#[test]
fn a_greeting_a_pong_and_a_farewell() {
    let (mut client, greeting) = Connected::new();
    let read: Vec<_> = greeting.iter().map(|sent| theirs::read(sent).unwrap().0).collect();
    assert_eq!(read, [Meaning::Connect]);
    let farewell = client.disconnect();
    assert_eq!(theirs::read(&farewell[0]).unwrap().0, Meaning::Disconnect);
    for (text, _) in &farewell[1..] {
        assert_eq!(
            EngineFrame::parse(ProtocolVersion::V4, text.clone()).unwrap(),
            EngineFrame::Close
        );
    }
}

proptest! {
    #[test]
    fn an_event(name: String, payload in values()) {
        let (mut client, _) = Connected::new();
        for ack in [Some(0), Some(1)] {
            let sent = client.emit(&name, &payload, &[]);
            let (read, _) = theirs::read(&sent).unwrap();
            prop_assert_eq!(read, Meaning::Event { ack, args: json!([name, payload]), attachments: 0 });
        }
    }

    #[test]
    fn an_event_with_binary_parts(name: String, parts in binaries()) {
        let (mut client, _) = Connected::new();
        let payload = Value::from(placeholders(parts.len()));
        let sent = client.emit(&name, &payload, &parts);
        let (read, attachments) = theirs::read(&sent).unwrap();
        let args = json!([name, payload]);
        prop_assert_eq!(read, Meaning::Event { ack: Some(0), args, attachments: parts.len() });
        prop_assert_eq!(attachments, parts);
    }

    #[test]
    fn an_answer(ack in 0_u64..1_000_000_000_000_000, answer in values(), parts in binaries()) {
        let (mut client, _) = Connected::new();
        client.receive(&format!(r#"42{ack}["ask"]"#), &[]);
        let told = client.told();
        let [Event::Arrived { event }] = &told[..] else {
            panic!("{told:?}");
        };
        prop_assert_eq!(event.ack, Some(ack));

        let (read, _) = theirs::read(&client.acknowledge(ack, &answer, &[])).unwrap();
        prop_assert_eq!(read, Meaning::Ack { id: ack, args: json!([answer]), attachments: 0 });

        let answer = Value::from(placeholders(parts.len()));
        let (read, attachments) = theirs::read(&client.acknowledge(ack, &answer, &parts)).unwrap();
        prop_assert_eq!(read, Meaning::Ack { id: ack, args: json!([answer]), attachments: parts.len() });
        prop_assert_eq!(attachments, parts);
    }
}

/// The bytes are where the server's handler looks for them, too.
#[test]
fn a_handler_of_theirs_gets_the_bytes() {
    use socketioxide_core::parser::Parse;

    let (mut client, _) = Connected::new();
    let (text, parts) =
        client.emit("upload", &json!({ "_placeholder": true, "num": 0 }), &[vec![1, 2]]);
    let args = text[text.find('[').unwrap()..].to_owned();
    let parts = parts.into_iter().map(Bytes::from).collect();
    let mut data = socketioxide_core::Value::Str(args.into(), Some(parts));
    let read: Bytes =
        socketioxide_parser_common::CommonParser.decode_value(&mut data, true).unwrap();
    assert_eq!(&read[..], [1, 2]);
}
