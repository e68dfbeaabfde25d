//! By which transport: falling back where a websocket can't be opened, and taking over from polling.

use samewire_client_core::{Config, ConnectionState, Duration, Event, Transport};
use serde_json::json;

use crate::bench::{Bench, with_token};

const SECOND: Duration = Duration::from_secs(1);
const OFFERED: &str =
    r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;

fn by(transports: &'static [Transport]) -> Bench {
    Bench::new(Config { transports, ..with_token() })
}

/// Signed in over polling, with a websocket that is being opened.
fn polling() -> Bench {
    let mut bench = by(&[Transport::Polling, Transport::Websocket]);
    bench.connect();
    bench.sign_in_after(OFFERED);
    assert!(bench.is_connected());
    bench.forget();
    bench
}

/// The same, with the websocket's probe answered.
fn probed() -> Bench {
    let mut bench = polling();
    bench.ready(bench.probe);
    assert_eq!(bench.probed, ["2probe"]);
    assert!(!bench.pausing);
    bench.receive_on(bench.probe, "3probe");
    assert!(bench.pausing);
    bench
}

#[test]
fn a_websocket_takes_over_and_what_is_sent_meanwhile_follows_it() {
    let mut bench = probed();
    bench.emit(1, "first");
    bench.receive("2");
    bench.emit(2, "second");
    assert!(bench.sent().is_empty(), "polling comes to rest");
    bench.receive_in("room:a", 1);
    assert_eq!(bench.client.transport(), Transport::Polling);
    bench.told();
    bench.ready(bench.socket);
    assert_eq!(bench.probed, ["2probe", "5"]);
    assert_eq!(
        bench.sent(),
        [r#"["first",{},{"id":"uuid"}]"#, "3", r#"["second",{},{"id":"uuid"}]"#]
    );
    assert_eq!(bench.client.transport(), Transport::Websocket);
    assert_eq!(bench.told(), [Event::StateChanged]);
    assert!(bench.is_connected() && bench.probe.is_none());
    bench.answer_plain(json!({ "ok": true, "data": 2 }));
    assert_eq!(bench.settled(), [(2, Ok(Some(json!(2))))]);
}

#[test]
fn a_websocket_may_take_over_before_we_are_in() {
    let mut bench = by(&[Transport::Polling, Transport::Websocket]);
    bench.connect();
    bench.receive(OFFERED);
    bench.ready(bench.probe);
    bench.receive_on(bench.probe, "3probe");
    bench.client.token(bench.now, Ok(Some("jwt".into())));
    bench.drain();
    assert!(bench.sent().is_empty());
    bench.ready(bench.socket);
    assert_eq!(bench.sent(), [r#"40{"protocol":"1.0","token":"jwt"}"#]);
    bench.receive(r#"40{"sid":"x"}"#);
    bench.receive(r#"42["authenticated",{"userId":"ada"}]"#);
    assert!(bench.is_connected());
}

#[test]
fn polling_goes_on_where_no_websocket_can_be_opened() {
    let mut bench = polling();
    bench.lose_socket(bench.probe);
    assert_eq!((bench.probe, bench.opened), (None, 1));
    bench.emit(1, "hello");
    assert_eq!(bench.sent().len(), 1);
    assert!(bench.is_connected());
}

#[test]
fn an_upgrade_that_breaks_its_connection_is_left_out_the_next_time() {
    let mut bench = probed();
    bench.lose_socket(bench.probe);
    assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { .. }));
    assert_eq!((bench.socket, bench.probe), (None, None));
    bench.advance(2 * SECOND);
    bench.sign_in_after(OFFERED);
    assert!(bench.is_connected() && bench.probe.is_none());
    bench.lose();
    bench.advance(2 * SECOND);
    bench.sign_in_after(OFFERED);
    assert!(bench.probe.is_some(), "and tried again after that");
}

#[test]
fn a_server_that_ends_the_session_with_a_lost_websocket_does_not_end_the_next_one() {
    let mut bench = polling();
    bench.ready(bench.probe);
    bench.lose_socket(bench.probe);
    assert!(bench.is_connected(), "polling may go on");
    bench.lose();
    bench.advance(2 * SECOND);
    bench.sign_in_after(OFFERED);
    assert!(bench.is_connected() && bench.probe.is_none());
}

#[test]
fn a_websocket_that_does_not_take_over_in_time_is_given_up() {
    let mut bench = polling();
    bench.ready(bench.probe);
    bench.advance(9 * SECOND);
    assert!(bench.probe.is_some());
    bench.advance(SECOND);
    assert!(bench.is_connected() && bench.probe.is_none());

    let mut bench = probed();
    bench.advance(10 * SECOND);
    assert!(
        matches!(bench.client.state(), ConnectionState::Reconnecting { .. }),
        "it rests already"
    );
    assert_eq!((bench.socket, bench.probe), (None, None));
}

#[test]
fn what_was_held_is_sent_again_on_the_next_connection() {
    let mut bench = probed();
    bench.emit(1, "hello");
    bench.lose();
    bench.advance(2 * SECOND);
    bench.sign_in_after(OFFERED);
    assert!(bench.sent().contains(&r#"["hello",{},{"id":"uuid"}]"#.to_owned()));
}

#[test]
fn closing_in_the_middle_of_an_upgrade_closes_both() {
    for mut bench in [polling(), probed()] {
        bench.client.close(bench.now);
        bench.drain();
        assert_eq!((bench.socket, bench.probe, bench.client.poll_timeout()), (None, None, None));
    }
}

#[test]
fn a_blocked_websocket_is_replaced_by_polling_at_once() {
    let mut bench = by(&[Transport::Websocket, Transport::Polling]);
    bench.connect();
    bench.lose();
    assert_eq!(bench.client.state(), ConnectionState::Connecting, "no delay");
    assert_eq!((bench.opened, bench.client.transport()), (2, Transport::Polling));
    bench.sign_in();
    assert!(bench.is_connected());
    bench.lose();
    bench.advance(2 * SECOND);
    assert_eq!(bench.client.transport(), Transport::Polling, "nobody waits for it again");
    bench.lose();
    bench.advance(4 * SECOND);
    assert_eq!(bench.client.transport(), Transport::Websocket, "nor is it given up for ever");
}

#[test]
fn a_websocket_that_hangs_leaves_polling_half_of_the_time() {
    let mut bench = by(&[Transport::Websocket, Transport::Polling]);
    bench.connect();
    bench.advance(10 * SECOND);
    assert_eq!((bench.opened, bench.client.transport()), (2, Transport::Polling));
    bench.receive(r#"0{"sid":"s"}"#);
    bench.advance(9 * SECOND);
    assert_eq!(bench.client.state(), ConnectionState::Authenticating);
    bench.advance(SECOND);
    assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { .. }));
}

#[test]
fn one_transport_alone_stays_alone() {
    for transports in [&[Transport::Websocket], &[Transport::Polling]] {
        let mut bench = by(transports);
        bench.connect();
        bench.sign_in_after(OFFERED);
        assert_eq!((bench.client.transport(), bench.probe), (transports[0], None));
        bench.lose();
        bench.advance(2 * SECOND);
        bench.lose();
        assert!(matches!(bench.client.state(), ConnectionState::Reconnecting { attempt: 2, .. }));
    }
}

#[test]
fn a_websocket_needs_no_upgrade() {
    let mut bench = by(&[Transport::Websocket, Transport::Polling]);
    bench.connect();
    bench.sign_in_after(OFFERED);
    assert_eq!((bench.client.transport(), bench.probe), (Transport::Websocket, None));
}
