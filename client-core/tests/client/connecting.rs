//! Connecting, signing in, and coming back.

use samewire_client_core::{Config, ConnectionState, Duration, Event, SocketId, Transport};
use serde_json::json;

use crate::bench::{Bench, with_token};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_handshake_brings_the_token_and_the_protocol() {
    let mut bench = Bench::new(with_token());
    assert_eq!(bench.client.state(), ConnectionState::Idle);
    bench.connect();
    assert_eq!(bench.client.state(), ConnectionState::Connecting);
    bench.receive(r#"0{"sid":"s","pingInterval":25000,"pingTimeout":20000}"#);
    assert_eq!(bench.client.state(), ConnectionState::Authenticating);
    assert!(bench.sent().is_empty(), "there is no token yet");
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    assert_eq!(bench.sent(), [r#"40{"protocol":"1.0","token":"jwt"}"#]);
    bench.receive(r#"40{"sid":"x"}"#);
    assert_eq!(bench.client.state(), ConnectionState::Authenticating);
    bench.receive(r#"42["authenticated",{"userId":"ada"}]"#);
    assert!(bench.is_connected());
    assert_eq!(bench.client.session(), Some(&json!({ "userId": "ada" })));
}

#[test]
fn a_server_that_says_nothing_of_us_is_a_plain_one() {
    let mut bench = Bench::new(with_token());
    bench.connect();
    bench.receive(r#"0{"sid":"s"}"#);
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    bench.receive(r#"40{"sid":"x"}"#);
    bench.advance(SECOND);
    assert!(bench.is_connected());
    bench.forget();
    bench.emit(1, "hello");
    assert_eq!(bench.sent(), [r#"["hello",{}]"#], "a plain server's handlers expect no id");
    bench.answer_plain(json!(["hi"]));
    assert_eq!(bench.settled(), [(1, Ok(Some(json!(["hi"]))))]);
}

#[test]
fn without_a_token_nothing_is_waited_for() {
    let mut bench = Bench::new(Config::default());
    bench.connect();
    bench.receive(r#"0{"sid":"s"}"#);
    assert_eq!(bench.sent(), [r#"40{"protocol":"1.0"}"#]);
    bench.receive(r#"40{"sid":"x"}"#);
    assert!(bench.is_connected());
}

#[test]
fn pings_are_answered_where_they_arrive() {
    let mut bench = Bench::signed_in();
    bench.receive("2");
    assert_eq!(bench.sent(), ["3"]);
}

#[test]
fn silence_ends_a_connection_and_any_word_keeps_it() {
    let mut bench = Bench::signed_in();
    for _ in 0..10 {
        bench.advance(40 * SECOND);
        bench.receive("2");
    }
    assert!(bench.is_connected());
    bench.advance(45 * SECOND);
    assert!(bench.is_connected(), "asked first");
    bench.advance(5 * SECOND);
    let ConnectionState::Reconnecting { attempt: 1, reason, .. } = bench.client.state() else {
        panic!("{:?}", bench.client.state())
    };
    assert_eq!(&*reason.code(), "PING_TIMEOUT");
}

#[test]
fn a_page_that_slept_asks_at_the_first_tick_and_finds_its_connection_dead_soon() {
    let mut bench = Bench::signed_in();
    bench.freeze(10 * MINUTE);
    bench.client.handle_timeout(bench.now);
    bench.drain();
    assert!(bench.is_connected());
    assert_eq!(bench.sent(), [r#"["ping",{}]"#]);
    bench.advance(5 * SECOND);
    assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { .. }));
}

#[test]
fn a_lost_connection_comes_back_after_a_delay_and_only_one_socket_is_ever_open() {
    let mut bench = Bench::signed_in();
    for round in 2..6 {
        bench.lose();
        assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { attempt: 1, .. }));
        bench.advance(2 * SECOND);
        assert_eq!(bench.opened, round);
        bench.sign_in();
        assert!(bench.is_connected());
    }
}

#[test]
fn tries_grow_apart_and_end_where_they_are_to() {
    let transports = &[Transport::Websocket];
    let mut bench =
        Bench::new(Config { reconnection_attempts: Some(3), transports, ..Config::default() });
    bench.connect();
    for attempt in 1..=3 {
        bench.lose();
        let ConnectionState::Reconnecting { attempt: told, retry_at, .. } = bench.client.state()
        else {
            panic!("gave up early")
        };
        assert_eq!(told, attempt);
        bench.advance(bench.now.until(retry_at));
    }
    bench.lose();
    assert_eq!(bench.closed_because().as_deref(), Some("CONNECT_FAILED"));
    assert_eq!((bench.opened, bench.client.poll_timeout()), (4, None));
}

#[test]
fn a_try_that_hangs_is_given_up() {
    let mut bench = Bench::new(Config { reconnection: false, ..Config::default() });
    bench.connect();
    bench.advance(20 * SECOND);
    assert_eq!(bench.closed_because().as_deref(), Some("TIMEOUT"));
    assert_eq!(bench.socket, None);
}

#[test]
fn connecting_by_hand_waits_for_no_delay() {
    let mut bench = Bench::signed_in();
    bench.lose();
    bench.connect();
    assert_eq!(bench.client.state(), ConnectionState::Connecting);
    bench.connect();
    assert_eq!(bench.opened, 2);
}

#[test]
fn an_expired_token_is_replaced_once() {
    let mut bench = Bench::new(with_token());
    bench.connect();
    bench.refuse("TOKEN_EXPIRED: the token expired at noon");
    assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { .. }));
    bench.forget();
    bench.advance(Duration::ZERO);
    assert!(bench.told().contains(&Event::TokenNeeded), "a fresh one");
    bench.refuse("TOKEN_EXPIRED: the token expired at noon");
    assert_eq!(bench.closed_because().as_deref(), Some("TOKEN_EXPIRED"));
    assert_eq!(bench.client.poll_timeout(), None);
}

#[test]
fn some_refusals_are_final_and_some_pass() {
    for (message, closed) in [
        ("UPGRADE_REQUIRED: reload the page", Some("UPGRADE_REQUIRED")),
        ("ACCESS_DENIED: no", Some("ACCESS_DENIED")),
        ("who are you?", Some("ACCESS_DENIED")),
        ("CONNECTION_THROTTLED: too many", None),
        ("UNAVAILABLE: no database", None),
    ] {
        let mut bench = Bench::new(with_token());
        bench.connect();
        bench.refuse(message);
        assert_eq!(bench.closed_because().as_deref(), closed, "{message}");
    }
}

#[test]
fn a_token_about_to_expire_is_renewed_on_the_connection() {
    let mut bench = Bench::signed_in();
    bench.receive_event("token_expiring", json!({ "expiresAt": "…" }), None);
    assert!(bench.told().contains(&Event::TokenNeeded));
    bench.client.token(bench.now, Ok(Some("fresh".into())));
    bench.drain();
    assert_eq!(bench.sent(), [r#"["authenticate",{"token":"fresh"}]"#]);
    assert!(bench.is_connected());
}

#[test]
fn a_token_that_expired_in_between_brings_a_new_connection_at_once() {
    let mut bench = Bench::signed_in();
    bench.receive_event("auth_error", json!({ "code": "TOKEN_EXPIRED", "message": "…" }), None);
    bench.receive("41");
    bench.advance(Duration::ZERO);
    assert_eq!(bench.opened, 2);
    bench.sign_in();
    assert!(bench.is_connected());
}

#[test]
fn a_server_that_stops_says_how_long_to_stay_away() {
    let mut bench = Bench::signed_in();
    bench.receive_event(
        "server_shutdown",
        json!({ "reason": "deploy", "reconnectAfterMs": 7_000 }),
        None,
    );
    assert!(bench.is_connected(), "until it ends");
    bench.lose();
    bench.advance(Duration::from_millis(6_999));
    assert_eq!(bench.opened, 1);
    bench.advance(Duration::from_millis(1));
    assert_eq!(bench.opened, 2);
}

#[test]
fn a_server_that_sends_us_away_is_obeyed() {
    let mut bench = Bench::signed_in();
    bench.receive("41");
    assert_eq!(bench.closed_because().as_deref(), Some("DISCONNECTED"));
    assert_eq!((bench.socket, bench.client.poll_timeout()), (None, None));
}

#[test]
fn closing_leaves_nothing() {
    let mut bench = Bench::signed_in();
    bench.join(1, "project:1");
    bench.emit(1, "hello");
    bench.forget();
    bench.client.close(bench.now);
    bench.drain();
    assert_eq!(bench.sent(), ["41"]);
    assert_eq!(bench.client.poll_timeout(), None);
    assert_eq!((bench.client.rooms(), bench.client.pending_emits(), bench.socket), (0, 0, None));
    let told = bench.told();
    assert!(told.iter().any(|event| matches!(event, Event::Refused { .. })));
    assert!(told.iter().any(|event| matches!(event, Event::Settled { outcome: Err(_), .. })));
}

#[test]
fn what_an_old_socket_says_is_not_heard() {
    let mut bench = Bench::signed_in();
    let old = bench.socket.expect("connected");
    bench.lose();
    bench.advance(2 * SECOND);
    bench.client.handle_lost(bench.now, old, "late news");
    bench.client.handle_lost(bench.now, SocketId::new(99), "nonsense");
    bench.drain();
    assert_eq!(bench.client.state(), ConnectionState::Connecting);
}

#[test]
fn a_spoilt_frame_is_told_and_harms_nothing() {
    let mut bench = Bench::signed_in();
    bench.receive("42[nonsense");
    assert!(matches!(bench.told()[..], [Event::Fault { .. }]));
    assert!(bench.is_connected());
}
