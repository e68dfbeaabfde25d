//! The options of `createClient`, as far as the engine is concerned.

use std::time::Duration;

use samewire_client_core::{Config, Payload, Transport};
use wasm_bindgen::JsValue;

use crate::value::Value;

/// Reads the options; what is missing or makes no sense is as by default.
pub(crate) fn read(options: JsValue) -> Config {
    let options = Value(options);
    let default = Config::default();
    let number = |name| options.field(name)?.number().filter(|number| *number >= 0.0);
    let millis = |name, default| number(name).map_or(default, duration);
    let flag = |name| options.field(name)?.flag();
    Config {
        reconnection: flag("reconnection").unwrap_or(default.reconnection),
        reconnection_attempts: number("reconnectionAttempts")
            .filter(|most| most.is_finite())
            .map(|most| most as u32),
        reconnection_delay: millis("reconnectionDelay", default.reconnection_delay),
        reconnection_delay_max: millis("reconnectionDelayMax", default.reconnection_delay_max),
        randomization_factor: number("randomizationFactor").unwrap_or(default.randomization_factor),
        transports: options.field("transports").map_or(default.transports, transports),
        timeout: millis("timeout", default.timeout),
        ack_timeout: millis("ackTimeout", default.ack_timeout),
        retries: number("retries").map_or(default.retries, |retries| retries as u32),
        queue_limit: number("queueLimit").map_or(default.queue_limit, |limit| limit as usize),
        max_attachment_bytes: number("maxAttachmentBytes")
            .map_or(default.max_attachment_bytes, |most| most as usize),
        has_token: flag("hasToken").unwrap_or(default.has_token),
    }
}

/// Reads the names of transports.
fn transports(names: Value) -> Vec<Transport> {
    let names = (0..).map_while(|index| names.item(index)?.text());
    names
        .filter_map(|name| {
            [Transport::Websocket, Transport::Polling]
                .into_iter()
                .find(|transport| transport.as_str() == name)
        })
        .collect()
}

/// A number of milliseconds. One that no duration can hold is the longest that JavaScript can wait.
pub(crate) fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::from_millis(i32::MAX as u64))
}
