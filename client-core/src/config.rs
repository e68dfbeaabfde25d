//! What can be set.

use crate::{Duration, Transport};

/// How a client behaves. The names are those of the options in JavaScript, most of which are
/// socket.io-client's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Whether to reconnect.
    pub reconnection: bool,
    /// Tries before giving up; none means never.
    pub reconnection_attempts: Option<u32>,
    /// The middle of the delay before the first try.
    pub reconnection_delay: Duration,
    /// The longest delay between tries.
    pub reconnection_delay_max: Duration,
    /// How far a delay may be from its middle, as a part of it: 0 to 1.
    pub randomization_factor: f64,
    /// What to connect by, in order. Where polling comes about, a websocket takes over if it may.
    pub transports: &'static [Transport],
    /// How long one try to connect may take.
    pub timeout: Duration,
    /// How long to wait for an acknowledgement, each try.
    pub ack_timeout: Duration,
    /// Times an emit is sent again.
    pub retries: u32,
    /// Emits kept while offline.
    pub queue_limit: usize,
    /// Bytes that the binary values of one event may have together, besides its text.
    pub max_attachment_bytes: usize,
    /// Whether there is anybody to ask for a token.
    pub has_token: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reconnection: true,
            reconnection_attempts: None,
            reconnection_delay: Duration::from_secs(1),
            reconnection_delay_max: Duration::from_secs(5),
            randomization_factor: 0.5,
            transports: &[Transport::Websocket, Transport::Polling],
            timeout: Duration::from_secs(20),
            ack_timeout: Duration::from_secs(10),
            retries: 3,
            queue_limit: 1_000,
            max_attachment_bytes: 64 * 1024 * 1024,
            has_token: false,
        }
    }
}
