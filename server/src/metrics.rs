//! What is measured, and `GET /metrics` (Prometheus text format). Labels are event names and codes
//! of the protocol, never what a client made up.

use std::sync::OnceLock;

use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use samewire_protocol::{Direction, ErrorCode, RoomKind, event};

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Begins to measure. Further calls change nothing.
pub(crate) fn install() {
    HANDLE.get_or_init(|| {
        let handle = PrometheusBuilder::new().install_recorder().ok();
        describe_gauge!("samewire_connections", "Connections that are let in");
        describe_counter!("samewire_joins_total", "Rooms joined, by kind");
        describe_counter!("samewire_events_in_total", "Events of clients, by name");
        describe_counter!("samewire_events_out_total", "Events to rooms and connections, by name");
        describe_counter!("samewire_refusals_total", "Refusals, by code");
        handle
    });
}

/// All figures in Prometheus' text format.
pub(crate) fn render() -> String {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

pub(crate) fn connections(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    gauge!("samewire_connections").set(count as f64);
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

pub(crate) fn refused(code: ErrorCode) {
    counter!("samewire_refusals_total", "code" => code.as_str()).increment(1);
}
