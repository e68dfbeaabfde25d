//! The options of `createClient`, as far as the core is concerned.

use samewire_client_core::{Config, Duration, Payload as _, Transport};

use crate::value::Value;

/// Reads the options; what is missing or makes no sense is as by default.
pub(crate) fn read(options: &Value) -> Config {
    let mut config = Config::default();
    let number = |name| options.field(name)?.number().filter(|number| *number >= 0.0);
    let flag = |name, into: &mut bool| {
        if let Some(flag) = options.field(name).and_then(|flag| flag.flag()) {
            *into = flag;
        }
    };
    flag("reconnection", &mut config.reconnection);
    flag("hasToken", &mut config.has_token);
    for (name, into) in [
        ("reconnectionDelay", &mut config.reconnection_delay),
        ("reconnectionDelayMax", &mut config.reconnection_delay_max),
        ("timeout", &mut config.timeout),
        ("ackTimeout", &mut config.ack_timeout),
    ] {
        if let Some(millis) = number(name) {
            *into = duration(millis);
        }
    }
    config.reconnection_attempts =
        number("reconnectionAttempts").filter(|most| most.is_finite()).map(|most| most as u32);
    if let Some(factor) = number("randomizationFactor") {
        config.randomization_factor = factor;
    }
    if let Some(retries) = number("retries") {
        config.retries = retries as u32;
    }
    if let Some(limit) = number("queueLimit") {
        config.queue_limit = limit as usize;
    }
    if let Some(most) = number("maxAttachmentBytes") {
        config.max_attachment_bytes = most as usize;
    }
    if let Some(transports) = options.field("transports") {
        config.transports = self::transports(&transports);
    }
    config
}

/// Reads the names of transports.
fn transports(names: &Value) -> &'static [Transport] {
    use Transport::{Polling, Websocket};

    let is = |at: usize, transport: Transport| {
        let name = names.item(at).and_then(|name| name.text());
        name.is_some_and(|name| name == samewire_client_core::Text::known(transport.as_str()))
    };
    match (is(0, Websocket), is(0, Polling), is(1, Websocket), is(1, Polling)) {
        (true, _, _, true) => &[Websocket, Polling],
        (true, ..) => &[Websocket],
        (_, true, true, _) => &[Polling, Websocket],
        (_, true, ..) => &[Polling],
        _ => &[],
    }
}

/// A number of milliseconds, as many as JavaScript can wait at most.
pub(crate) fn duration(millis: f64) -> Duration {
    Duration::from_millis(millis.min(i32::MAX.into()) as u64)
}
