//! What is measured, and `GET /metrics` (Prometheus text format). Labels are event names and codes
//! of the protocol, never what a client made up.

use std::{sync::OnceLock, time::Duration};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use samewire_protocol::{Direction, ErrorCode, RoomKind, event, room};

/// Bounds of the buckets that durations are counted in, in seconds.
const SECONDS: [f64; 10] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Begins to measure. Further calls change nothing.
pub(crate) fn install() {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).ok();
        let handle = builder.and_then(|builder| builder.install_recorder().ok());
        describe_gauge!("samewire_connections", "Connections that are let in");
        describe_gauge!("samewire_users", "Users who are present: with a connection at least");
        describe_counter!("samewire_joins_total", "Rooms joined, by kind");
        describe_counter!("samewire_events_in_total", "Events of clients, by name");
        describe_counter!("samewire_events_out_total", "Events to rooms and connections, by name");
        describe_counter!(
            "samewire_slow_consumers_total",
            "Members cut off from a room's stream for want of room in their buffer"
        );
        describe_counter!("samewire_refusals_total", "Refusals, by code");
        describe_counter!("samewire_replayed_events_total", "Events sent again to who missed them");
        describe_counter!("samewire_gaps_total", "Times that a log no longer reached back");
        describe_histogram!(
            "samewire_delivery_seconds",
            Unit::Seconds,
            "From an event's publication to the buffers of all members that keep up"
        );
        describe_histogram!("samewire_store_seconds", Unit::Seconds, "An answer of the database");
        describe_histogram!("samewire_backplane_seconds", Unit::Seconds, "An answer of Redis");
        describe_counter!(
            "samewire_backplane_commands_total",
            "Questions to Redis, a round trip each, by what for"
        );
        describe_counter!("samewire_backplane_errors_total", "Those that failed, by what for");
        describe_gauge!("samewire_backplane_up", "Whether Redis answers: 1 or 0");
        begin_at_zero();
        handle
    });
}

/// What has not happened yet is told too: who watches sees the first time as one more, and no typing
/// error in a query passes for silence.
fn begin_at_zero() {
    connections(0);
    users(0);
    replayed(0);
    counter!("samewire_gaps_total").increment(0);
    counter!("samewire_slow_consumers_total").increment(0);
    for kind in room::KINDS {
        counter!("samewire_joins_total", "kind" => kind.0).increment(0);
    }
    for (code, _) in ErrorCode::ALL {
        counter!("samewire_refusals_total", "code" => code.as_str()).increment(0);
    }
}

/// Counts what was measured since the last time; to be called now and then.
pub(crate) fn upkeep() {
    if let Some(handle) = HANDLE.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}

/// All figures in Prometheus' text format.
pub(crate) fn render() -> String {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

pub(crate) fn connections(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    gauge!("samewire_connections").set(count as f64);
}

pub(crate) fn users(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    gauge!("samewire_users").set(count as f64);
}

pub(crate) fn replayed(events: u32) {
    counter!("samewire_replayed_events_total").increment(events.into());
}

pub(crate) fn gap() {
    counter!("samewire_gaps_total").increment(1);
}

pub(crate) fn delivered(after: Duration) {
    histogram!("samewire_delivery_seconds").record(after);
}

pub(crate) fn store_answered(after: Duration) {
    histogram!("samewire_store_seconds").record(after);
}

/// Redis answered, or failed to.
pub(crate) fn backplane_answered(what: &'static str, after: Duration, succeeded: bool) {
    counter!("samewire_backplane_commands_total", "for" => what).increment(1);
    // Those without a failure are told of, too.
    counter!("samewire_backplane_errors_total", "for" => what).increment(u64::from(!succeeded));
    if succeeded {
        histogram!("samewire_backplane_seconds").record(after);
    }
}

pub(crate) fn backplane_up(up: bool) {
    gauge!("samewire_backplane_up").set(if up { 1.0 } else { 0.0 });
}

pub(crate) fn joined(kind: RoomKind) {
    counter!("samewire_joins_total", "kind" => kind.0).increment(1);
}

pub(crate) fn received(event: &'static str) {
    counter!("samewire_events_in_total", "event" => event).increment(1);
}

pub(crate) fn published(name: &str) {
    let known = event::find(Direction::Server, name).map_or("custom", |event| event.name);
    counter!("samewire_events_out_total", "event" => known).increment(1);
}

/// A member was cut off from a room's stream until its client has read what waits for it.
pub(crate) fn fell_behind() {
    counter!("samewire_slow_consumers_total").increment(1);
}

pub(crate) fn refused(code: ErrorCode) {
    counter!("samewire_refusals_total", "code" => code.as_str()).increment(1);
}
