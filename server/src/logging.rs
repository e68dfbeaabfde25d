//! The log: for people on a terminal, JSON elsewhere; `RUST_LOG` says how much.

use std::io::{IsTerminal, stderr};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Begins to log to standard error; `info` where `RUST_LOG` says nothing.
pub fn init() {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = if stderr().is_terminal() { lines.boxed() } else { lines.json().boxed() };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter_fn(is_discreet)))
        .with(wanted)
        .init();
}

/// Others write whole messages and headers, and so tokens, below `info`. We don't.
fn is_discreet(event: &Metadata<'_>) -> bool {
    event.target().starts_with("samewire") || *event.level() <= Level::INFO
}
