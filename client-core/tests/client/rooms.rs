//! Rooms: counted joins, a gap-free run, and catching up.

use samewire_client_core::{Duration, Event, HandleId};
use serde_json::{Value, json};

use crate::bench::{Bench, joined, with_token};

const SECOND: Duration = Duration::from_secs(1);

fn in_room() -> Bench {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.answer("room:join", &joined("room:a", 10));
    bench.forget();
    bench
}

fn history(offsets: &[u64], at: u64, complete: bool) -> Value {
    let events: Vec<Value> = offsets
        .iter()
        .map(|offset| json!({ "event": "moved", "payload": offset, "offset": offset }))
        .collect();
    json!({ "events": events, "position": { "epoch": "e", "offset": at }, "complete": complete })
}

fn resumed(bench: &mut Bench, room: Value) {
    bench.receive_event("resumed", json!({ "rooms": [room] }), None);
}

/// Loses the connection and is let in again, up to where the server would tell what was missed.
fn reconnect(bench: &mut Bench) {
    bench.lose();
    bench.advance(2 * SECOND);
    bench.sign_in();
}

fn has_reset(told: &[Event<Value>]) -> bool {
    told.iter().any(|event| matches!(event, Event::Reset { .. }))
}

#[test]
fn two_joins_of_a_room_are_one() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.join(2, "room:a");
    assert_eq!(bench.sent(), [r#"["room:join",{"room":"room:a"}]"#]);
    bench.join(3, "room:a");
    bench.join(4, "room:b");
    bench.answer("room:join", &joined("room:b", 0));
    assert_eq!(bench.client.rooms(), 2);
    bench.leave(4);
    assert_eq!(bench.client.rooms(), 1);
}

#[test]
fn every_handle_is_told_once_that_it_is_in() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.join(2, "room:a");
    bench.answer("room:join", &joined("room:a", 0));
    bench.join(3, "room:a");
    reconnect(&mut bench);
    resumed(&mut bench, joined("room:a", 0));
    let told = bench.told();
    let handles: Vec<u32> = told
        .iter()
        .filter_map(|event| match event {
            Event::Joined { handle, .. } => Some(handle.0),
            _ => None,
        })
        .collect();
    assert_eq!(handles, [1, 2, 3]);
}

#[test]
fn the_last_handle_to_leave_leaves_the_room() {
    let mut bench = in_room();
    bench.join(2, "room:a");
    bench.leave(1);
    assert!(bench.sent().is_empty());
    bench.leave(2);
    bench.leave(2);
    assert_eq!(bench.sent(), [r#"["room:leave",{"room":"room:a"}]"#]);
    assert_eq!(bench.client.rooms(), 0);
}

#[test]
fn leaving_before_the_answer_and_joining_again_takes_the_second_answer() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.leave(1);
    bench.join(2, "room:a");
    bench.answer("room:join", &joined("room:a", 5));
    assert_eq!(bench.told(), [], "the answer to a join that was left");
    bench.answer_plain(json!({ "ok": true, "data": joined("room:a", 7) }));
    assert!(bench.told().contains(&Event::Joined { handle: HandleId(2), room: "room:a".into() }));
    assert_eq!(bench.client.position(&"room:a".into()).map(|position| position.offset), Some(7));
}

#[test]
fn what_is_asked_again_undoes_nothing_that_was_asked_since() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.leave(1);
    bench.join_filtered(2, "room:a", Some(&["moved"]));
    bench.join(3, "room:a");
    bench.forget();
    bench.advance(30 * SECOND);
    assert!(bench.sent().is_empty(), "nothing is asked again");
    bench.answer_plain(json!({ "ok": true, "data": joined("room:a", 0) }));
    assert_eq!(bench.client.rooms(), 1);
}

#[test]
fn a_refused_join_is_told_with_its_code() {
    let mut bench = Bench::signed_in();
    bench.join(1, "project:7");
    bench.answer_with(
        "room:join",
        &json!({ "ok": false, "error": { "code": "PROJECT_INACTIVE", "message": "…" } }),
    );
    let told = bench.told();
    assert!(
        matches!(&told[..], [Event::Refused { handle: HandleId(1), failure }] if &*failure.code() == "PROJECT_INACTIVE")
    );
    assert_eq!(bench.client.rooms(), 0);
}

#[test]
fn a_refusal_of_a_second_join_takes_the_first_back() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.join(2, "room:a");
    bench.forget();
    bench
        .answer_plain(json!({ "ok": false, "error": { "code": "ACCESS_DENIED", "message": "…" } }));
    assert_eq!(bench.sent(), [r#"["room:leave",{"room":"room:a"}]"#]);
    assert_eq!(bench.client.rooms(), 0);
}

#[test]
fn a_refusal_of_the_only_handle_left_leaves_the_room() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer("room:join", &joined("room:a", 0));
    bench.join(2, "room:a");
    bench.leave(1);
    bench.forget();
    bench
        .answer_plain(json!({ "ok": false, "error": { "code": "ACCESS_DENIED", "message": "…" } }));
    assert_eq!(bench.sent(), [r#"["room:leave",{"room":"room:a"}]"#]);
    assert_eq!(bench.client.rooms(), 0);
}

#[test]
fn a_refusal_of_more_events_takes_nothing_away() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer("room:join", &joined("room:a", 0));
    bench.forget();
    bench.join(2, "room:a");
    bench.receive_in("room:a", 5);
    bench.answer_with(
        "room:join",
        &json!({ "ok": false, "error": { "code": "UNAVAILABLE", "message": "…" } }),
    );
    let told = bench.told();
    assert!(matches!(told[0], Event::Refused { handle: HandleId(2), .. }));
    assert!(matches!(told[1], Event::Arrived { .. }));
    assert_eq!(bench.client.rooms(), 1);
}

#[test]
fn a_room_is_called_what_the_server_calls_it() {
    let mut bench = Bench::signed_in();
    bench.join(1, "lobby");
    bench.answer("room:join", &joined("room:lobby", 3));
    assert!(
        bench.told().contains(&Event::Joined { handle: HandleId(1), room: "room:lobby".into() })
    );
    bench.receive_in("room:lobby", 4);
    assert_eq!(bench.told_offsets(), [4]);
    bench.leave(1);
    assert_eq!(bench.sent().pop().as_deref(), Some(r#"["room:leave",{"room":"room:lobby"}]"#));
}

#[test]
fn two_names_of_a_room_are_one_room() {
    let mut bench = Bench::signed_in();
    bench.join(1, "lobby");
    bench.join(2, "room:lobby");
    bench.leave(1);
    assert_eq!(bench.sent(), [r#"["room:join",{"room":"room:lobby"}]"#], "it is not left");
    bench.answer_plain(json!({ "ok": true, "data": joined("room:lobby", 3) }));
    assert!(
        bench.told().contains(&Event::Joined { handle: HandleId(2), room: "room:lobby".into() })
    );
}

#[test]
fn what_comes_before_the_answer_waits_for_it() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    for offset in [10, 11, 12] {
        bench.receive_in("room:a", offset);
    }
    assert!(bench.told_offsets().is_empty());
    bench.answer("room:join", &joined("room:a", 10));
    assert_eq!(bench.told_offsets(), [11, 12], "the log stood at 10");
}

#[test]
fn nothing_is_told_twice() {
    let mut bench = in_room();
    for offset in [11, 11, 12, 10, 12, 13] {
        bench.receive_in("room:a", offset);
    }
    assert_eq!(bench.told_offsets(), [11, 12, 13]);
}

#[test]
fn a_hole_is_filled_from_the_log_before_anything_goes_on() {
    let mut bench = in_room();
    bench.receive_in("room:a", 13);
    bench.receive_in("room:a", 14);
    assert_eq!(bench.sent(), [r#"["room:history",{"room":"room:a","epoch":"e","after":10}]"#]);
    assert!(bench.told_offsets().is_empty());
    bench.answer_plain(json!({ "ok": true, "data": history(&[11, 12, 13], 14, true) }));
    assert_eq!(bench.told_offsets(), [11, 12, 13, 14]);
}

#[test]
fn a_hole_that_the_log_no_longer_fills_is_told() {
    let mut bench = in_room();
    bench.receive_in("room:a", 13);
    bench.receive_in("room:a", 14);
    bench.answer_plain(json!({ "ok": true, "data": history(&[], 13, false) }));
    let told = bench.told();
    assert!(has_reset(&told));
    assert_eq!(bench.client.position(&"room:a".into()).map(|position| position.offset), Some(14));
}

#[test]
fn a_log_that_lies_about_its_holes_is_not_asked_for_ever() {
    let mut bench = in_room();
    bench.receive_in("room:a", 13);
    bench.answer_plain(json!({ "ok": true, "data": history(&[], 13, true) }));
    assert!(has_reset(&bench.told()));
    assert_eq!(bench.sent().len(), 1);
    assert_eq!(bench.client.position(&"room:a".into()).map(|position| position.offset), Some(13));
}

#[test]
fn a_hole_that_nobody_fills_is_told_in_the_end() {
    let mut bench = in_room();
    bench.receive_in("room:a", 13);
    for _ in 0..4 {
        bench.advance(10 * SECOND);
        bench.receive("2");
    }
    assert!(has_reset(&bench.told()));
}

#[test]
fn a_reconnect_resumes_all_rooms_in_the_handshake() {
    let mut bench = in_room();
    bench.join(2, "room:b");
    bench.receive_in("room:a", 11);
    bench.lose();
    bench.forget();
    bench.advance(2 * SECOND);
    bench.sign_in();
    let sent = bench.sent();
    assert_eq!(
        sent[0],
        r#"40{"protocol":"1.0","token":"jwt","resume":[{"room":"room:a","epoch":"e","offset":11},{"room":"user:ada","epoch":"e","offset":0}]}"#
    );
    assert_eq!(sent[1..], [r#"["room:join",{"room":"room:b"}]"#], "its position was never told");
}

#[test]
fn what_was_missed_is_told_in_order_and_then_that_it_was() {
    let mut bench = in_room();
    reconnect(&mut bench);
    bench.forget();
    for offset in [11, 12, 14, 13] {
        bench.receive_in("room:a", offset);
    }
    let mut answer = joined("room:a", 13);
    answer["missed"] = json!(3);
    resumed(&mut bench, answer);
    let told = bench.told();
    let recovered =
        told.iter().position(|event| matches!(event, Event::Recovered { missed: 3, .. }));
    let last = told
        .iter()
        .rposition(|event| matches!(event, Event::Arrived { event, .. } if event.place.is_some()));
    assert!(last.is_some() && last < recovered);
    assert_eq!(bench.client.position(&"room:a".into()).map(|position| position.offset), Some(14));
}

#[test]
fn what_can_not_be_recovered_is_told_and_the_run_begins_anew() {
    for answer in [
        json!({ "room": "room:a", "position": { "epoch": "e", "offset": 99 }, "recovered": false, "missed": 0 }),
        json!({ "room": "room:a", "position": { "epoch": "f", "offset": 99 }, "recovered": true, "missed": 0 }),
    ] {
        let mut bench = in_room();
        reconnect(&mut bench);
        bench.forget();
        resumed(&mut bench, answer);
        assert!(has_reset(&bench.told()));
        assert_eq!(
            bench.client.position(&"room:a".into()).map(|position| position.offset),
            Some(99)
        );
    }
}

#[test]
fn a_room_that_may_not_be_resumed_is_taken_away() {
    let mut bench = in_room();
    reconnect(&mut bench);
    bench.forget();
    let error = json!({ "code": "ACCESS_DENIED", "message": "no longer" });
    resumed(
        &mut bench,
        json!({ "room": "room:a", "recovered": false, "missed": 0, "error": error }),
    );
    assert!(bench.told().iter().any(|event| matches!(event, Event::Removed { .. })));
    assert_eq!(bench.client.rooms(), 0);
}

#[test]
fn who_joined_while_offline_is_refused_where_the_room_may_not_be_resumed() {
    let mut bench = in_room();
    bench.lose();
    bench.join(2, "room:a");
    bench.advance(2 * SECOND);
    bench.sign_in();
    bench.forget();
    let error = json!({ "code": "ACCESS_DENIED", "message": "no longer" });
    resumed(&mut bench, json!({ "room": "room:a", "recovered": false, "error": error }));
    let told = bench.told();
    assert!(told.iter().any(|event| matches!(event, Event::Refused { handle: HandleId(2), .. })));
    assert!(told.iter().any(|event| matches!(event, Event::Removed { .. })));
}

#[test]
fn a_room_that_was_left_while_it_was_resumed_is_left() {
    let mut bench = in_room();
    bench.lose();
    bench.leave(1);
    bench.join(2, "room:b");
    bench.advance(2 * SECOND);
    bench.sign_in();
    bench.forget();
    bench.receive_in("room:a", 11);
    resumed(&mut bench, joined("room:a", 11));
    assert_eq!(bench.sent(), [r#"["room:leave",{"room":"room:a"}]"#]);
}

#[test]
fn a_room_that_was_left_and_joined_while_it_was_resumed_begins_where_the_join_says() {
    let mut bench = in_room();
    reconnect(&mut bench);
    bench.leave(1);
    bench.forget();
    bench.join(2, "room:a");
    resumed(&mut bench, joined("room:a", 11));
    assert_eq!(bench.client.position(&"room:a".into()), None);
    bench.answer_plain(json!({ "ok": true, "data": joined("room:a", 15) }));
    assert_eq!(bench.client.position(&"room:a".into()).map(|position| position.offset), Some(15));
}

#[test]
fn a_room_whose_join_is_never_answered_is_left() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.forget();
    bench.advance(40 * SECOND);
    assert_eq!(bench.sent(), [r#"["room:leave",{"room":"room:a"}]"#]);
}

#[test]
fn what_more_is_wanted_while_a_room_is_resumed_is_asked_for_from_where_it_was_left() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer("room:join", &joined("room:a", 10));
    bench.lose();
    bench.advance(2 * SECOND);
    bench.receive(r#"0{"sid":"s"}"#);
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    bench.forget();
    bench.join(2, "room:a");
    bench.receive(r#"40{"sid":"x"}"#);
    bench.receive(r#"42["authenticated",{"userId":"ada"}]"#);
    let asked = r#"["room:join",{"room":"room:a","since":{"epoch":"e","offset":10}}]"#;
    assert_eq!(bench.sent(), [asked]);
    bench.receive_in("room:a", 12);
    resumed(&mut bench, joined("room:a", 12));
    assert!(bench.told_offsets().is_empty(), "11 may be wanted by now");
}

#[test]
fn a_room_of_which_more_was_asked_without_an_answer_is_joined_anew() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer("room:join", &joined("room:a", 0));
    bench.join(2, "room:a");
    bench.forget();
    bench.advance(40 * SECOND);
    assert!(bench.told().iter().any(|event| matches!(event, Event::Refused { .. })));
    assert_eq!(
        bench.sent(),
        [
            r#"["room:join",{"room":"room:a","since":{"epoch":"e","offset":0},"events":["presence:update","moved"]}]"#
        ]
    );
    bench.receive_in("room:a", 5);
    assert!(bench.told_offsets().is_empty(), "there may be a hole before it");
}

#[test]
fn who_wants_what_is_being_asked_for_waits_for_the_answer() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer("room:join", &joined("room:a", 0));
    bench.join(2, "room:a");
    bench.forget();
    bench.join(3, "room:a");
    assert_eq!(bench.told(), []);
    bench.answer_plain(json!({ "ok": false, "error": { "code": "UNAVAILABLE", "message": "…" } }));
    let refused = |event: &&Event<Value>| matches!(event, Event::Refused { .. });
    assert_eq!(bench.told().iter().filter(refused).count(), 2);
    bench.join_filtered(4, "room:a", Some(&["moved"]));
    assert!(matches!(bench.told()[..], [Event::Joined { .. }]));
}

#[test]
fn a_refusal_of_more_events_makes_no_hole_a_filter() {
    let mut bench = in_room();
    bench.join_filtered(2, "room:a", Some(&["moved"]));
    bench.leave(1);
    bench.join(3, "room:a");
    bench.receive_in("room:a", 12);
    bench.answer_with(
        "room:join",
        &json!({ "ok": false, "error": { "code": "UNAVAILABLE", "message": "…" } }),
    );
    assert!(bench.told_offsets().is_empty(), "the server still sends everything: 11 is missing");
}

#[test]
fn what_an_earlier_filter_let_through_makes_no_gap_for_a_wider_one() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer("room:join", &joined("room:a", 0));
    bench.join_filtered(2, "room:a", Some(&["moved", "said"]));
    bench.receive_in("room:a", 1);
    bench.receive_in("room:a", 3);
    bench.answer_plain(json!({ "ok": true, "data": joined("room:a", 3) }));
    for offset in [1, 2, 3] {
        bench.receive_in("room:a", offset);
    }
    assert_eq!(bench.told_offsets(), [1, 2, 3]);
}

#[test]
fn a_server_that_does_not_answer_to_resume_is_asked_room_by_room() {
    let mut bench = in_room();
    reconnect(&mut bench);
    bench.forget();
    bench.advance(10 * SECOND);
    let sent = bench.sent();
    assert!(
        sent.contains(
            &r#"["room:join",{"room":"room:a","since":{"epoch":"e","offset":10}}]"#.to_owned()
        ),
        "{sent:?}"
    );
}

#[test]
fn an_error_about_a_room_takes_it_away() {
    let mut bench = in_room();
    let error =
        json!({ "code": "PROJECT_INACTIVE", "message": "…", "error": "…", "room": "room:a" });
    bench.receive_event("error", error, None);
    assert!(bench.told().iter().any(|event| matches!(event, Event::Removed { .. })));
}

#[test]
fn a_room_that_was_taken_away_is_left_when_what_was_asked_of_it_stays_unanswered() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    bench.answer_plain(json!({ "ok": true, "data": joined("room:a", 0) }));
    bench.join(2, "room:a");
    let error = json!({ "code": "ACCESS_DENIED", "message": "…", "error": "…", "room": "room:a" });
    bench.receive_event("error", error, None);
    bench.forget();
    for _ in 0..2 {
        bench.advance(20 * SECOND);
        bench.receive("2");
    }
    assert!(bench.sent().contains(&r#"["room:leave",{"room":"room:a"}]"#.to_owned()));
}

#[test]
fn a_filter_skips_offsets_and_a_wider_one_asks_again() {
    let mut bench = Bench::signed_in();
    bench.join_filtered(1, "room:a", Some(&["moved"]));
    assert_eq!(
        bench.sent(),
        [r#"["room:join",{"room":"room:a","events":["presence:update","moved"]}]"#]
    );
    bench.answer_plain(json!({ "ok": true, "data": joined("room:a", 0) }));
    for offset in [3, 7, 5] {
        bench.receive_in("room:a", offset);
    }
    assert_eq!(bench.told_offsets(), [3, 7]);
    bench.join_filtered(2, "room:a", Some(&["moved"]));
    assert!(bench.sent().is_empty());
    bench.join(3, "room:a");
    assert_eq!(
        bench.sent(),
        [r#"["room:join",{"room":"room:a","since":{"epoch":"e","offset":7}}]"#]
    );
}

#[test]
fn a_users_own_room_is_followed_without_being_asked_for() {
    let mut bench = Bench::new(with_token());
    bench.connect();
    bench.sign_in();
    bench.receive_in("user:ada", 1);
    assert_eq!(bench.told_offsets(), [1]);
    assert_eq!(bench.client.rooms(), 0, "nobody joined it");
}

#[test]
fn a_room_joined_by_another_name_is_put_in_order_too() {
    let mut bench = Bench::signed_in();
    for offset in [5, 6, 6, 7] {
        bench.receive_in("stories:1", offset);
    }
    assert_eq!(bench.told_offsets(), [5, 6, 7]);
}

#[test]
fn presence_follows_state_and_changes() {
    let mut bench = in_room();
    let user = |id: &str| json!({ "userId": id });
    let shown = |bench: &Bench| bench.client.users(&"room:a".into()).cloned().collect::<Vec<_>>();
    bench.receive_event(
        "presence:state",
        json!({ "room": "room:a", "users": [user("bob"), user("ada")] }),
        None,
    );
    assert_eq!(shown(&bench), [user("ada"), user("bob")]);
    let change =
        json!({ "room": "room:a", "joined": [user("cyd")], "updated": [], "left": ["ada"] });
    let meta = json!({ "room": "room:a", "epoch": "e", "offset": 11 });
    bench.receive_event("presence:update", change, Some(meta));
    assert_eq!(shown(&bench), [user("bob"), user("cyd")]);
    assert!(bench.told().contains(&Event::PresenceChanged { room: "room:a".into() }));
}

#[test]
fn a_room_that_is_left_while_it_is_resumed_is_left() {
    let mut bench = in_room();
    bench.lose();
    bench.advance(2 * SECOND);
    bench.receive(r#"0{"sid":"s"}"#);
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    bench.leave(1);
    bench.receive(r#"40{"sid":"x"}"#);
    bench.receive(r#"42["authenticated",{"userId":"ada"}]"#);
    bench.forget();
    resumed(&mut bench, json!({ "room": "room:a", "recovered": true, "missed": 0 }));
    assert_eq!(bench.sent(), [r#"["room:leave",{"room":"room:a"}]"#]);
}
