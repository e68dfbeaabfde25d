//! The options of `createClient`, as far as the core is concerned. JavaScript makes numbers of them.

use samewire_client_core::{
    Config, Duration,
    Transport::{self, Polling, Websocket},
};

/// In which orders transports may be tried, as `engine.js` numbers them.
const ORDERS: [&[Transport]; 4] =
    [&[Websocket, Polling], &[Polling, Websocket], &[Websocket], &[Polling]];

/// Options that are numbers, in the order that `engine.js` gives them in; less than 0 is as by default.
pub(crate) type Numbers = [f64; 9];

/// Reads the options. There is no transport where the number of their order is none.
pub(crate) fn read(reconnection: bool, has_token: bool, order: usize, numbers: Numbers) -> Config {
    let mut config = Config { reconnection, has_token, ..Config::default() };
    config.transports = ORDERS.get(order).copied().unwrap_or(&[]);
    let [delay, delay_max, timeout, ack_timeout, attempts, factor, retries, limit, bytes] = numbers;
    for (millis, into) in [
        (delay, &mut config.reconnection_delay),
        (delay_max, &mut config.reconnection_delay_max),
        (timeout, &mut config.timeout),
        (ack_timeout, &mut config.ack_timeout),
    ] {
        if millis >= 0.0 {
            *into = Duration::from_millis(millis as u64);
        }
    }
    if attempts >= 0.0 {
        config.reconnection_attempts = Some(attempts as u32);
    }
    if factor >= 0.0 {
        config.randomization_factor = factor;
    }
    if retries >= 0.0 {
        config.retries = retries as u32;
    }
    if limit >= 0.0 {
        config.queue_limit = limit as usize;
    }
    if bytes >= 0.0 {
        config.max_attachment_bytes = bytes as usize;
    }
    config
}
