//! The settings: each a flag and an environment variable (operations.md).
//!
//! - `values`: how their values are read, those of the domains, too.

pub(crate) mod values;

use std::{ffi::OsString, net::IpAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use bytesize::ByteSize;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::{
    auth::{AuthMode, KeyError, Verifier},
    backplane::redis::{RedisAddress, address},
    clock,
    domains::{assistant, inbox, live_preview, stories},
    http::client_address::{ForwardedHeader, TrustedProxy},
    limits::Limits,
    log::LogBounds,
};
use values::{SecretParser, duration, origin, parse};

/// Realtime rooms over Socket.IO.
///
/// Durations are a number and a unit (500ms, 10s, 5min); a bare number is seconds.
#[derive(Debug, Parser)]
#[command(name = "samewire-server", version)]
pub struct Config {
    /// Address to listen on.
    #[arg(long, env, default_value = "127.0.0.1", value_parser = parse::<IpAddr>("HOST", "an IP address"))]
    pub host: IpAddr,

    /// Port to listen on; 0 picks a free one.
    #[arg(long, env, default_value = "3000", value_parser = parse::<u16>("PORT", "a number from 0 to 65535"))]
    pub port: u16,

    /// Secret that tokens are signed with (HS256), 32 bytes or more. Also read from JWT_ACCESS_SECRET.
    #[arg(long, env, hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// Public key that tokens are verified with (RS256, ES256, EdDSA): PEM, or a PEM file's path.
    #[arg(long, env, conflicts_with = "jwt_secret")]
    pub jwt_public_key: Option<String>,

    /// Where the public keys of tokens are published (JWKS): https://, or http:// of this machine.
    /// A PEM file that SSL_CERT_FILE names takes the place of the authorities that the system trusts.
    #[arg(long, env, hide_env_values = true, conflicts_with_all = ["jwt_secret", "jwt_public_key"])]
    pub jwt_jwks_url: Option<String>,

    /// Origins that browsers may connect from, separated by commas. Also read from
    /// WEBSOCKET_CORS_ORIGIN and FRONTEND_URL.
    #[arg(long, env, default_value = "http://localhost:5173", value_delimiter = ',', value_parser = origin)]
    pub cors_origin: Vec<String>,

    /// How long a client may take to send a request's head, or the next part of its body.
    #[arg(long, env, default_value = "75s", value_parser = duration("REQUEST_TIMEOUT"))]
    pub request_timeout: Duration,

    /// How long a client may take from opening a connection to asking for being let in.
    #[arg(long, env, default_value = "10s", value_parser = duration("CONNECT_TIMEOUT"))]
    pub connect_timeout: Duration,

    /// How long a client may take to answer a ping. Also read from WEBSOCKET_PING_TIMEOUT (ms).
    #[arg(long, env, default_value = "60s", value_parser = duration("PING_TIMEOUT"))]
    pub ping_timeout: Duration,

    /// How often a client is pinged. Also read from WEBSOCKET_PING_INTERVAL (ms).
    #[arg(long, env, default_value = "25s", value_parser = duration("PING_INTERVAL"))]
    pub ping_interval: Duration,

    /// Whether a connection may begin without a token.
    #[arg(long, env, value_enum, default_value = "either")]
    pub auth_mode: AuthMode,

    /// How long a connection may stay without signing in.
    #[arg(long, env, default_value = "10s", value_parser = duration("AUTH_TIMEOUT"))]
    pub auth_timeout: Duration,

    /// Window of the rate limit.
    #[arg(long, env, default_value = "60s", value_parser = duration("RATE_LIMIT_WINDOW"))]
    pub rate_limit_window: Duration,

    /// Events that a user may send in a window.
    #[arg(long, env, default_value = "100", value_parser = parse::<NonZeroU32>("RATE_LIMIT_MAX", "a number from 1"))]
    pub rate_limit_max: NonZeroU32,

    /// Connections that an address may open in a second; of IPv6, a network of 64 bits.
    #[arg(long, env, default_value = "50", value_parser = parse::<NonZeroU32>("CONNECTIONS_PER_SECOND", "a number from 1"))]
    pub connections_per_second: NonZeroU32,

    /// Proxies that are believed where a request comes from: addresses or networks such as
    /// 10.0.0.0/8, separated by commas.
    #[arg(long, env, value_delimiter = ',', value_parser = parse::<TrustedProxy>("TRUSTED_PROXIES", "a list of IP addresses or networks such as 10.0.0.0/8"))]
    pub trusted_proxies: Vec<TrustedProxy>,

    /// The header in which those proxies say it.
    #[arg(long, env, value_enum, default_value = "x-forwarded-for")]
    pub forwarded_header: ForwardedHeader,

    /// Events that a room's log keeps.
    #[arg(long, env, default_value = "1000", value_parser = parse::<usize>("LOG_EVENTS", "a number"))]
    pub log_events: usize,

    /// How long a room's log keeps an event.
    #[arg(long, env, default_value = "5min", value_parser = duration("LOG_AGE"))]
    pub log_age: Duration,

    /// Bytes that a room's log keeps, such as 8MiB.
    #[arg(long, env, default_value = "8MiB", value_parser = parse::<ByteSize>("LOG_BYTES", "a size such as 8MiB"))]
    pub log_bytes: ByteSize,

    /// Bytes of messages that may wait for one connection.
    #[arg(long, env, default_value = "16MiB", value_parser = parse::<ByteSize>("QUEUE_BYTES", "a size such as 16MiB"))]
    pub queue_bytes: ByteSize,

    /// Live preview.
    #[command(flatten)]
    pub live_preview: live_preview::Settings,

    /// Stories.
    #[command(flatten)]
    pub stories: stories::Settings,

    /// The inbox.
    #[command(flatten)]
    pub inbox: inbox::Settings,

    /// The assistant.
    #[command(flatten)]
    pub assistant: assistant::Settings,

    /// The database: sqlite://PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, which several
    /// servers may share. TLS is used where PostgreSQL offers it; ?sslmode=verify-full insists on it.
    #[arg(long, env, default_value = "sqlite://samewire.db", hide_env_values = true)]
    pub database_url: String,

    /// Redis, by which several servers act as one; none: one server, in memory. redis://HOST:PORT, by
    /// TLS rediss://HOST:PORT, or unix:///PATH of a socket.
    #[arg(long, env, hide_env_values = true, value_parser = SecretParser::<RedisAddress>::new("REDIS_URL", address::EXPECTED))]
    pub redis_url: Option<RedisAddress>,

    /// Key of the calls for back ends; without one they are refused.
    #[arg(long, env, hide_env_values = true)]
    pub publish_key: Option<String>,

    /// Runs a demo: sample data in a database of its own, tokens for everybody, the example app.
    #[arg(long)]
    pub demo: bool,

    /// The example app's built files, served by the demo at /.
    #[arg(long = "app", env = "APP_DIR")]
    pub app_dir: Option<PathBuf>,
}

/// Settings that don't go together.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No key to verify tokens with.
    #[error("JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL must be set (or run with --demo)")]
    NoKey,
    /// The key can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Redis' address can't be used, or Redis doesn't let us in.
    #[error("the Redis of REDIS_URL can't be used: {0}")]
    Redis(#[from] redis::RedisError),
    /// A demo with somebody's real secret.
    #[error(
        "--demo gives tokens to everybody, so JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL must not be set"
    )]
    DemoWithKey,
    /// A demo that others could reach.
    #[error("--demo gives tokens to everybody, so HOST must be a loopback address")]
    DemoInPublic,
}

/// Other names of variables: the name, what it is also read as, and the unit of that one.
const ALIASES: [(&str, &str, &str); 5] = [
    ("JWT_SECRET", "JWT_ACCESS_SECRET", ""),
    ("CORS_ORIGIN", "WEBSOCKET_CORS_ORIGIN", ""),
    ("CORS_ORIGIN", "FRONTEND_URL", ""),
    ("PING_TIMEOUT", "WEBSOCKET_PING_TIMEOUT", "ms"),
    ("PING_INTERVAL", "WEBSOCKET_PING_INTERVAL", "ms"),
];

impl Config {
    /// Reads flags and environment; ends the process with a message where they are wrong, or
    /// `--help` was asked for.
    pub fn from_env() -> Self {
        Self::read(std::env::args_os(), |name| std::env::var_os(name))
            .unwrap_or_else(|error| error.exit())
    }

    fn read(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        for (name, alias, unit) in ALIASES.iter().rev() {
            // The variable's own name and the flag go before the alias, the default after it.
            let Some(mut value) = variable(alias).filter(|value| !value.is_empty()) else {
                continue;
            };
            if value.to_str().is_some_and(|value| value.bytes().all(|byte| byte.is_ascii_digit())) {
                value.push(unit);
            }
            let argument = name.to_ascii_lowercase();
            command = command.mut_arg(argument, |argument| argument.default_value(value));
        }
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    /// What verifies tokens.
    ///
    /// # Errors
    /// When there is no usable key, or a demo is given one.
    pub fn verifier(&self) -> Result<Verifier, ConfigError> {
        match (&self.jwt_secret, &self.jwt_public_key, &self.jwt_jwks_url) {
            (Some(secret), _, _) => Ok(Verifier::from_secret(secret.as_bytes())?),
            (None, Some(key), _) => Ok(Verifier::from_public_key(key)?),
            (None, None, Some(url)) => Ok(Verifier::from_jwks_url(url)?),
            (None, None, None) => Err(ConfigError::NoKey),
        }
    }

    /// Whether a demo may be run with these settings.
    ///
    /// # Errors
    /// When it would use a real key, or could be reached by others.
    pub fn check_demo(&self) -> Result<(), ConfigError> {
        if self.jwt_secret.is_some() || self.jwt_public_key.is_some() || self.jwt_jwks_url.is_some()
        {
            Err(ConfigError::DemoWithKey)
        } else if !self.host.is_loopback() {
            Err(ConfigError::DemoInPublic)
        } else {
            Ok(())
        }
    }

    /// What a client may cost.
    pub fn limits(&self) -> Limits {
        Limits {
            rate_max: self.rate_limit_max,
            rate_window: self.rate_limit_window,
            connections_per_second: self.connections_per_second,
            connect_timeout: self.connect_timeout,
            auth_timeout: self.auth_timeout,
            log: LogBounds {
                events: self.log_events,
                age_ms: clock::whole_ms(self.log_age),
                bytes: bytes(self.log_bytes),
            },
            queue_bytes: bytes(self.queue_bytes),
        }
    }
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, clap::Error> {
        let arguments = ["samewire-server"].iter().chain(arguments).map(OsString::from);
        Config::read(arguments, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn an_alias_is_read_in_its_own_unit() {
        let variables =
            [("WEBSOCKET_PING_TIMEOUT", "1500"), ("FRONTEND_URL", "https://a.example/")];
        let config = read(&[], &variables).unwrap();
        assert_eq!(config.ping_timeout, Duration::from_millis(1500));
        assert_eq!(config.cors_origin, ["https://a.example"]);
        let config = read(&["--ping-timeout", "2s"], &variables).unwrap();
        assert_eq!(config.ping_timeout, Duration::from_secs(2));
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_it_must_be() {
        for (arguments, expected) in [
            (["--port", "http"], "PORT must be a number from 0 to 65535"),
            (["--ping-timeout", "soon"], "PING_TIMEOUT must be a duration"),
            (["--cors-origin", "example"], "CORS_ORIGIN must be a list of origins"),
            (["--log-bytes", "many"], "LOG_BYTES must be a size"),
            (["--rate-limit-max", "0"], "RATE_LIMIT_MAX must be a number from 1"),
            (["--host", "here"], "HOST must be an IP address"),
            (
                ["--trusted-proxies", "10.0.0.1,near"],
                "TRUSTED_PROXIES must be a list of IP addresses",
            ),
            (["--connections-per-second", "0"], "CONNECTIONS_PER_SECOND must be a number from 1"),
        ] {
            let error = read(&arguments, &[]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn no_key_no_start_and_a_short_one_is_none() {
        let error = read(&[], &[]).unwrap().verifier().unwrap_err();
        assert!(error.to_string().contains("JWT_SECRET"));
        let error = read(&["--jwt-secret", "short"], &[]).unwrap().verifier().unwrap_err();
        assert!(error.to_string().contains("32 bytes"));
    }

    #[test]
    fn a_demo_is_for_this_machine_alone() {
        assert!(read(&["--demo"], &[]).unwrap().check_demo().is_ok());
        let public = read(&["--demo", "--host", "0.0.0.0"], &[]).unwrap();
        assert!(matches!(public.check_demo(), Err(ConfigError::DemoInPublic)));
        let with_key = read(&["--demo"], &[("JWT_ACCESS_SECRET", "s")]).unwrap();
        assert!(matches!(with_key.check_demo(), Err(ConfigError::DemoWithKey)));
    }
}
