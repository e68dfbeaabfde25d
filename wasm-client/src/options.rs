//! The options of `createClient`, as far as the core is concerned. JavaScript makes numbers of them.

use samewire_client_core::{
    Config, Duration,
    Transport::{self, Polling, Websocket},
};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    /// One of the options that lie ready, by its place in the list of `engine.js`. Less than 0 is as by
    /// default.
    fn option(place: i32) -> f64;
}

/// In which orders transports may be tried, as `engine.js` numbers them.
const ORDERS: [&[Transport]; 4] =
    [&[Websocket, Polling], &[Polling, Websocket], &[Websocket], &[Polling]];

/// Reads the options. There is no transport where the number of their order is none.
pub(crate) fn read() -> Config {
    let mut config = Config {
        reconnection: option(0) != 0.0,
        has_token: option(1) != 0.0,
        transports: ORDERS.get(option(2) as usize).copied().unwrap_or(&[]),
        ..Config::default()
    };
    let given = |place| Some(option(place)).filter(|number| *number >= 0.0);
    let duration = |place, into: &mut Duration| {
        if let Some(millis) = given(place) {
            *into = Duration::from_millis(millis as u64);
        }
    };
    duration(3, &mut config.reconnection_delay);
    duration(4, &mut config.reconnection_delay_max);
    duration(5, &mut config.timeout);
    duration(6, &mut config.ack_timeout);
    config.reconnection_attempts = given(7).map(|most| most as u32);
    if let Some(factor) = given(8) {
        config.randomization_factor = factor;
    }
    if let Some(retries) = given(9) {
        config.retries = retries as u32;
    }
    if let Some(limit) = given(10) {
        config.queue_limit = limit as usize;
    }
    if let Some(bytes) = given(11) {
        config.max_attachment_bytes = bytes as usize;
    }
    config
}
