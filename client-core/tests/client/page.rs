//! What the page's life does to the connection.

use samewire_client_core::{Config, ConnectionState, Duration, PageEvent, Transport};

use crate::bench::{Bench, with_token};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const PING: &str = r#"["ping",{}]"#;

/// Connected to a server without our extras.
fn plain() -> Bench {
    let mut bench = Bench::new(Config::default());
    bench.connect();
    bench.receive(r#"0{"sid":"s","pingInterval":25000,"pingTimeout":20000}"#);
    bench.receive(r#"40{"sid":"x"}"#);
    bench.forget();
    bench
}

fn is_waiting(bench: &Bench) -> bool {
    matches!(bench.client.state(), ConnectionState::Reconnecting { .. })
}

#[test]
fn offline_closes_nothing_and_pauses_the_tries() {
    let mut bench = Bench::signed_in();
    bench.page(PageEvent::Offline);
    bench.receive("2");
    assert!(bench.is_connected());
    bench.lose();
    bench.advance(10 * MINUTE);
    assert!(is_waiting(&bench));
    assert_eq!((bench.opened, bench.client.poll_timeout()), (1, None));
    bench.page(PageEvent::Shown);
    assert_eq!(bench.opened, 1, "there is no network still");
    bench.page(PageEvent::Online);
    assert_eq!(bench.opened, 2);
}

#[test]
fn a_try_that_waits_is_paused_too_and_made_at_once_when_asked_for() {
    let mut bench = Bench::signed_in();
    bench.lose();
    bench.page(PageEvent::Offline);
    bench.advance(MINUTE);
    assert_eq!(bench.opened, 1);
    bench.connect();
    assert_eq!(bench.opened, 2);
}

#[test]
fn online_and_shown_try_at_once_and_reset_the_delays() {
    for event in [PageEvent::Online, PageEvent::Shown] {
        let mut bench = Bench::new(Config { transports: &[Transport::Websocket], ..with_token() });
        bench.connect();
        for _ in 0..4 {
            bench.lose();
            bench.advance(5 * SECOND);
        }
        bench.lose();
        let opened = bench.opened;
        bench.page(event);
        assert_eq!(bench.opened, opened + 1);
        bench.lose();
        assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { attempt: 1, .. }));
    }
}

#[test]
fn a_page_that_is_shown_again_asks_at_once() {
    let mut bench = Bench::signed_in();
    bench.page(PageEvent::Shown);
    bench.page(PageEvent::Shown);
    assert_eq!(bench.sent(), [PING], "once");
    bench.receive("2");
    bench.advance(20 * SECOND);
    assert!(bench.is_connected(), "any word will do");
    bench.page(PageEvent::Shown);
    bench.advance(5 * SECOND);
    assert!(is_waiting(&bench));
}

#[test]
fn a_plain_server_is_waited_for_until_shortly_after_its_next_ping() {
    let mut bench = plain();
    bench.advance(10 * SECOND);
    bench.page(PageEvent::Shown);
    assert!(bench.sent().is_empty(), "it wouldn't know what is asked");
    bench.advance(19 * SECOND);
    assert!(bench.is_connected());
    bench.advance(SECOND);
    assert!(is_waiting(&bench));
}

#[test]
fn a_page_that_goes_away_closes_and_comes_back_at_once_where_it_was() {
    let mut bench = Bench::signed_in();
    bench.join(1, "room:a");
    bench.answer("room:join", &crate::bench::joined("room:a", 4));
    bench.receive_in("room:a", 5);
    bench.page(PageEvent::Away);
    assert_eq!(bench.socket, None);
    assert_eq!(bench.client.poll_timeout(), None);
    bench.freeze(10 * MINUTE);
    bench.page(PageEvent::Shown);
    assert_eq!(bench.socket, None, "not back yet");
    bench.forget();
    bench.page(PageEvent::Back);
    bench.page(PageEvent::Back);
    assert_eq!(bench.opened, 2);
    bench.receive(r#"0{"sid":"s"}"#);
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    assert!(bench.sent()[0].contains(r#"{"room":"room:a","epoch":"e","offset":5}"#));
}

#[test]
fn who_was_not_connected_stays_so() {
    let mut bench = Bench::new(Config::default());
    for event in [PageEvent::Away, PageEvent::Back, PageEvent::Offline, PageEvent::Online] {
        bench.page(event);
        assert_eq!(bench.client.state(), ConnectionState::Idle);
    }
    bench.connect();
    bench.client.close(bench.now);
    bench.drain();
    bench.page(PageEvent::Back);
    assert_eq!((bench.opened, bench.socket), (1, None));
}

#[test]
fn what_lies_unread_keeps_a_connection_whose_timers_came_late() {
    let mut bench = Bench::signed_in();
    for _ in 0..5 {
        // Once a minute, as in a tab that was hidden for long.
        bench.freeze(MINUTE);
        bench.client.handle_timeout(bench.now);
        bench.drain();
        bench.receive("2");
    }
    assert!(bench.is_connected());
}

#[test]
fn twice_the_interval_without_a_word_brings_a_question_however_patient_the_server_is() {
    let mut bench = Bench::new(with_token());
    bench.connect();
    bench.sign_in_after(r#"0{"sid":"s","pingInterval":10000,"pingTimeout":600000}"#);
    bench.forget();
    bench.freeze(20 * SECOND);
    bench.client.handle_timeout(bench.now);
    bench.drain();
    assert_eq!(bench.sent(), [PING]);
}
