//! Where Redis is.

use std::{fmt, str::FromStr};

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion, parse_redis_url};

/// What an address must look like.
pub(crate) const EXPECTED: &str =
    "redis://HOST:PORT, by TLS rediss://HOST:PORT, or unix:///PATH of a socket";

/// Where Redis is, and who asks it. It may hold a password, and so shows nothing but the place.
#[derive(Clone)]
pub struct RedisAddress(ConnectionInfo);

/// A text that is no address of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {EXPECTED}")]
pub struct RedisAddressError;

impl RedisAddress {
    /// What a client is made of. Of tables and pushes one protocol knows: the third.
    pub(super) fn connection_info(&self) -> ConnectionInfo {
        let tcp = self.0.tcp_settings().clone().set_nodelay(true);
        let redis = self.0.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        self.0.clone().set_tcp_settings(tcp).set_redis_settings(redis)
    }
}

impl FromStr for RedisAddress {
    type Err = RedisAddressError;

    fn from_str(text: &str) -> Result<Self, RedisAddressError> {
        let url = parse_redis_url(text).ok_or(RedisAddressError)?;
        // The only fragment there is asks for no certificate to be looked at.
        if url.fragment().is_some() {
            return Err(RedisAddressError);
        }
        url.into_connection_info().map(Self).map_err(|_| RedisAddressError)
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.addr().fmt(f)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_place_and_no_password() {
        for (text, shown) in [
            ("redis://localhost", "localhost:6379"),
            ("redis://ada:sesame@10.0.0.1:6380/2", "10.0.0.1:6380"),
            ("rediss://:sesame@redis.example.org", "redis.example.org:6379"),
            ("unix:///run/redis.sock?pass=sesame", "/run/redis.sock"),
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert_eq!((address.to_string(), format!("{address:?}")), (shown.into(), shown.into()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis://localhost/first",
            "redis://localhost:port",
            "rediss://localhost#insecure",
        ] {
            assert!(text.parse::<RedisAddress>().is_err(), "{text}");
        }
    }
}
