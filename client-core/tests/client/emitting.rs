//! Emits: in order, within bounds, sent again under the same id, settled once.

use proptest::{collection::vec, prelude::*};
use samewire_client_core::{CallId, Config, ConnectionState, Duration, Event, Message};
use serde_json::{Value, json};

use crate::bench::{Bench, options, with_token};

const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn an_answer_settles_its_emit() {
    let mut bench = Bench::signed_in();
    bench.emit(7, "message:send");
    assert_eq!(bench.sent(), [r#"["message:send",{},{"id":"uuid"}]"#]);
    bench.emit(8, "message:cancel");
    bench.answer("message:cancel", &json!({ "id": 1 }));
    assert_eq!(bench.settled(), [(8, Ok(Some(json!({ "id": 1 }))))]);
    assert_eq!(bench.client.pending_emits(), 1);
}

#[test]
fn a_refusal_keeps_its_code_and_says_whether_to_try_again() {
    let mut bench = Bench::signed_in();
    bench.emit(1, "a");
    let error =
        json!({ "code": "RATE_LIMIT_EXCEEDED", "message": "slow down", "retryAfterMs": 300 });
    bench.answer_with("a", &json!({ "ok": false, "error": error }));
    let Some(Event::Settled { outcome: Err(failure), .. }) = bench.told().pop() else {
        panic!("not settled")
    };
    assert_eq!(
        (&*failure.code(), failure.is_retryable(), failure.retry_after_ms()),
        ("RATE_LIMIT_EXCEEDED", true, Some(300))
    );
}

#[test]
fn a_conflict_says_what_there_is_now() {
    let mut bench = Bench::signed_in();
    bench.emit(1, "a");
    let error = json!({ "code": "CONFLICT", "message": "changed", "current": { "version": 7 } });
    bench.answer_with("a", &json!({ "ok": false, "error": &error }));
    let Some(Event::Settled { outcome: Err(failure), .. }) = bench.told().pop() else {
        panic!("not settled")
    };
    assert_eq!((&*failure.code(), failure.body()), ("CONFLICT", &error));
}

#[test]
fn what_is_emitted_offline_is_sent_in_order_after_the_rooms() {
    let mut bench = Bench::new(with_token());
    bench.emit(1, "a");
    bench.join(1, "room:lobby");
    bench.emit(2, "b");
    bench.connect();
    bench.receive(r#"0{"sid":"s"}"#);
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    bench.receive(r#"40{"sid":"x"}"#);
    bench.forget();
    bench.receive(r#"42["authenticated",{}]"#);
    assert_eq!(
        bench.sent(),
        [
            r#"["room:join",{"room":"room:lobby"}]"#,
            r#"["a",{},{"id":"uuid"}]"#,
            r#"["b",{},{"id":"uuid"}]"#,
        ]
    );
}

#[test]
fn only_so_many_emits_are_kept_while_offline() {
    let mut bench = Bench::new(Config { queue_limit: 2, ..Config::default() });
    for call in 0..3 {
        bench.emit(call, "a");
    }
    assert_eq!(bench.settled(), [(2, Err("QUEUE_FULL".into()))]);
}

#[test]
fn a_missed_answer_is_asked_for_again_under_the_same_id() {
    let mut bench = Bench::signed_in();
    bench.emit_with(1, "a", options(Some(1)));
    bench.advance(TIMEOUT);
    assert_eq!(bench.sent(), [r#"["a",{},{"id":"uuid"}]"#; 2]);
    bench.advance(TIMEOUT);
    assert_eq!(bench.settled(), [(1, Err("TIMEOUT".into()))]);
    assert_eq!(bench.client.pending_emits(), 0);
}

#[test]
fn a_late_answer_to_an_earlier_try_counts() {
    let mut bench = Bench::signed_in();
    bench.emit(1, "a");
    bench.advance(TIMEOUT);
    bench.answer("a", &json!(1));
    bench.answer("a", &json!(1));
    assert_eq!(bench.settled(), [(1, Ok(Some(json!(1))))]);
}

#[test]
fn a_lost_connection_sends_again_what_was_not_answered() {
    let mut bench = Bench::signed_in();
    bench.emit(1, "a");
    bench.emit_with(2, "b", options(Some(0)));
    bench.emit(3, "c");
    bench.lose();
    assert_eq!(bench.settled(), [(2, Err("CONNECTION_LOST".into()))]);
    bench.advance(TIMEOUT);
    bench.forget();
    bench.sign_in();
    let sent: Vec<String> =
        bench.sent().into_iter().filter(|frame| frame.contains("uuid")).collect();
    assert_eq!(sent, [r#"["a",{},{"id":"uuid"}]"#, r#"["c",{},{"id":"uuid"}]"#]);
}

#[test]
fn an_emit_that_the_server_may_have_forgotten_is_not_sent_again() {
    let mut bench = Bench::signed_in();
    bench.emit(1, "a");
    bench.lose();
    bench.freeze(Duration::from_secs(15 * 60));
    bench.emit(2, "b");
    bench.advance(Duration::ZERO);
    bench.forget();
    bench.sign_in();
    assert_eq!(bench.settled(), [(1, Err("TIMEOUT".into()))]);
    assert!(!bench.sent().iter().any(|frame| frame.contains(r#"["a""#)));
}

#[test]
fn a_server_that_knows_no_ids_is_never_asked_twice() {
    let mut bench = Bench::new(Config::default());
    bench.connect();
    bench.receive(r#"0{"sid":"s"}"#);
    bench.receive(r#"40{"sid":"x"}"#);
    bench.emit(1, "pay");
    bench.lose();
    assert_eq!(bench.settled(), [(1, Err("CONNECTION_LOST".into()))]);
}

#[test]
fn a_server_that_says_ok_in_its_own_way_is_taken_at_its_word() {
    let mut bench = Bench::new(Config::default());
    bench.connect();
    bench.receive(r#"0{"sid":"s"}"#);
    bench.receive(r#"40{"sid":"x"}"#);
    let refused = json!({ "ok": false, "error": { "code": "FULL", "message": "no room" } });
    for (answer, outcome) in [
        (json!({ "ok": true, "id": 5 }), Ok(Some(json!({ "ok": true, "id": 5 })))),
        (json!({ "ok": false, "why": "no" }), Ok(Some(json!({ "ok": false, "why": "no" })))),
        (json!({ "ok": true, "data": 5 }), Ok(Some(json!(5)))),
        (refused, Err("FULL".to_owned())),
    ] {
        bench.emit(1, "ask");
        bench.answer_plain(answer);
        assert_eq!(bench.settled(), [(1, outcome)]);
    }
}

#[test]
fn a_volatile_emit_is_sent_now_or_never() {
    let payload = || Message { text: "1".into(), attachments: Vec::new() };
    let mut bench = Bench::new(Config::default());
    assert!(bench.client.emit_volatile("a", payload()).is_err());
    let mut bench = Bench::signed_in();
    assert!(bench.client.emit_volatile("a", payload()).is_ok());
    bench.drain();
    assert_eq!((bench.sent(), bench.client.pending_emits()), (vec![r#"["a",1]"#.to_owned()], 0));
}

#[test]
fn what_was_given_up_is_not_told_of() {
    let mut bench = Bench::signed_in();
    bench.emit(1, "a");
    bench.client.cancel(bench.now, CallId(1));
    bench.answer("a", &json!(1));
    bench.advance(10 * TIMEOUT);
    assert_eq!(bench.settled(), []);
}

#[test]
fn an_event_of_a_room_can_be_acknowledged_when_its_turn_comes() {
    let mut bench = Bench::signed_in();
    let mut acks = |number: u32, offset: u64| {
        bench.receive(&format!(
            r#"42{number}["a",1,{{"room":"user:u","epoch":"e","offset":{offset}}}]"#
        ));
        let told = bench.told().into_iter().filter_map(|event| match event {
            Event::Arrived { event } => Some(event.ack),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(acks(15, 5), [Some(15)], "the first of a room that wasn't asked for");
    assert_eq!(acks(16, 6), [Some(16)]);
    assert_eq!(acks(18, 8), [], "there is a hole before it");
    assert_eq!(acks(17, 7), [Some(17), Some(18)]);
}

#[test]
fn an_event_that_the_server_wants_acknowledged_can_be() {
    let mut bench = Bench::signed_in();
    bench.receive(r#"4217["are you there",{}]"#);
    let [Event::Arrived { event }] = &bench.told()[..] else { panic!("not told") };
    assert_eq!(event.ack, Some(17));
    bench.client.acknowledge(17, Message { text: "true".into(), attachments: Vec::new() });
    bench.drain();
    assert_eq!(bench.sent(), ["4317[true]"]);
}

#[test]
fn binary_parts_come_after_their_packet() {
    let mut bench = Bench::signed_in();
    let socket = bench.socket.expect("connected");
    bench.receive(
        r#"452-["file",{"a":{"_placeholder":true,"num":1},"b":{"_placeholder":true,"num":0}}]"#,
    );
    assert_eq!(bench.told(), []);
    for part in ["first", "second"] {
        bench.client.handle_attachment(bench.now, socket, json!(part));
        bench.drain();
    }
    let Some(Event::Arrived { event, .. }) = bench.told().pop() else { panic!("not told") };
    assert_eq!(event.payload, Some(json!({ "a": "second", "b": "first" })));
}

#[test]
fn a_packet_that_names_a_binary_part_it_does_not_have_is_told_of() {
    let mut bench = Bench::signed_in();
    let socket = bench.socket.expect("connected");
    bench.receive(r#"451-["file",{"_placeholder":true,"num":7}]"#);
    bench.client.handle_attachment(bench.now, socket, Value::Null);
    bench.drain();
    assert!(matches!(bench.told()[..], [Event::Fault { .. }]));
    assert!(bench.is_connected());
}

#[test]
fn binary_parts_out_of_place_end_the_connection_and_another_is_made() {
    let waits = r#"452-["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    for disorder in [&[waits, r#"42["text"]"#][..], &[waits, waits], &[waits, "42nonsense"], &[]] {
        let mut bench = Bench::signed_in();
        let socket = bench.socket.expect("connected");
        for text in disorder {
            bench.receive(text);
        }
        bench.client.handle_attachment(bench.now, socket, Value::Null);
        bench.drain();
        assert!(matches!(bench.told()[0], Event::Fault { .. }), "{disorder:?}");
        assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { .. }));
        assert_eq!(bench.socket, None);
        bench.advance(TIMEOUT);
        assert_eq!(bench.opened, 2);
    }
}

/// What may happen to a client with emits under way.
#[derive(Debug, Clone)]
enum Happening {
    Emit,
    Answer,
    AnswerTwice,
    Lose,
    Wait(u64),
    Cancel(u32),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        4 => Just(Happening::Emit),
        3 => Just(Happening::Answer),
        1 => Just(Happening::AnswerTwice),
        1 => Just(Happening::Lose),
        2 => (0..15_000_u64).prop_map(Happening::Wait),
        1 => (0..20_u32).prop_map(Happening::Cancel),
    ];
    vec(one, 0..60)
}

proptest! {
    #[test]
    fn every_emit_is_settled_once_or_was_given_up(happenings in happenings()) {
        let mut bench = Bench::signed_in();
        let (mut made, mut cancelled, mut settled) = (0, Vec::new(), Vec::new());
        for happening in happenings {
            match happening {
                Happening::Emit => {
                    bench.emit(made, "a");
                    made += 1;
                }
                Happening::Answer if bench.is_connected() => bench.answer_plain(json!(1)),
                Happening::AnswerTwice if bench.is_connected() => {
                    bench.answer_plain(json!(1));
                    bench.answer_plain(json!(2));
                }
                Happening::Lose if bench.socket.is_some() => bench.lose(),
                Happening::Wait(millis) => {
                    bench.advance(Duration::from_millis(millis));
                    if bench.socket.is_some() && !bench.is_connected() {
                        bench.sign_in();
                    }
                }
                Happening::Cancel(call) if !settled.contains(&call) => {
                    bench.client.cancel(bench.now, CallId(call));
                    cancelled.push(call);
                }
                _ => {}
            }
            settled.extend(bench.settled().into_iter().map(|(call, _)| call));
        }
        bench.client.close(bench.now);
        bench.drain();
        settled.extend(bench.settled().into_iter().map(|(call, _)| call));
        settled.sort_unstable();
        let mut expected: Vec<u32> = (0..made).filter(|call| !cancelled.contains(call)).collect();
        // A number that was given up before it was made names a later emit.
        expected.extend(settled.iter().filter(|call| cancelled.contains(call)));
        expected.sort_unstable();
        prop_assert_eq!(settled, expected);
        prop_assert_eq!((bench.client.pending_emits(), bench.client.poll_timeout()), (0, None));
    }
}
