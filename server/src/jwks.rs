//! A set of keys that somebody else publishes and changes (JWKS, RFC 7517): fetched, kept, and
//! fetched again when a token names a key that isn't in it.
//!
//! Whoever sends tokens decides what is looked up, so a lookup costs a fetch at most
//! [`FETCH_BURST`] times at once and [`FETCHES_PER_MINUTE`] after that, however many ask; who asks
//! while one is under way waits for that one. A set that can't be fetched, or holds no key of use, changes
//! nothing: the last good one is kept for as long as there is no better.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use parking_lot::RwLock;
use samewire_protocol::ErrorCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    error::{Error, Result},
    remote::{AddressError, FetchError, Remote},
};

/// How long a set is used before it is fetched again, so that withdrawn keys cease to be good.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// Fetches that tokens with unknown keys may cause at once.
const FETCH_BURST: NonZeroU32 = NonZeroU32::new(3).expect("not zero");

/// How many more they may cause.
const FETCHES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).expect("not zero");

/// How soon a failed fetch is tried again, whether anybody asks or not.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest set that is read, in bytes.
const MAX_SET_BYTES: usize = 256 * 1024;

/// Keys that are kept of a set.
const MAX_KEYS: usize = 100;

/// The keys behind an address.
#[derive(Debug)]
pub(crate) struct KeySet {
    source: Remote,
    /// Of the last good fetch; empty before it.
    keys: RwLock<Vec<Key>>,
    /// Held while a fetch is under way.
    last: Mutex<Option<Fetched>>,
    fetches: DefaultDirectRateLimiter,
}

/// How a fetch ended.
#[derive(Debug, Clone, Copy)]
struct Fetched {
    at: Instant,
    good: bool,
}

/// A key that tokens may be signed by.
#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Why there are no keys to be had.
#[derive(Debug, thiserror::Error)]
enum SetError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("it is no JSON Web Key Set")]
    Spoilt(#[from] serde_json::Error),
    #[error("it holds no key that tokens could be signed by")]
    Empty,
}

impl KeySet {
    /// The keys behind an address, none of which has been fetched yet.
    ///
    /// # Errors
    /// When others could change on the way what comes from there, or this machine can't ask.
    pub(crate) fn new(url: &str) -> Result<Self, AddressError> {
        Ok(Self {
            source: Remote::new(url, FETCH_TIMEOUT)?,
            keys: RwLock::default(),
            last: Mutex::default(),
            fetches: RateLimiter::direct(
                Quota::per_minute(FETCHES_PER_MINUTE).allow_burst(FETCH_BURST),
            ),
        })
    }

    /// The key that a token says it is signed by.
    ///
    /// # Errors
    /// [`ErrorCode::TokenInvalid`] when there is no such key, [`ErrorCode::Unavailable`] when that
    /// can't be told because the set can't be fetched.
    pub(crate) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey> {
        if let Some(key) = find(&self.keys.read(), id, algorithm) {
            return Ok(key);
        }
        let known = self.look_again().await;
        match find(&self.keys.read(), id, algorithm) {
            Some(key) => Ok(key),
            None if known => {
                Err(Error::refused(ErrorCode::TokenInvalid, "the token's key is not known"))
            }
            None => {
                Err(Error::refused(ErrorCode::Unavailable, "the keys of tokens can't be fetched"))
            }
        }
    }

    /// Fetches the set now and whenever it is old. Runs until it is dropped.
    pub(crate) async fn keep_fresh(&self) {
        loop {
            tokio::time::sleep_until(self.refresh().await).await;
        }
    }

    /// Fetches the set if it is old, which it isn't where somebody who missed a key just fetched
    /// it. When it will be old.
    async fn refresh(&self) -> Instant {
        let mut last = self.last.lock().await;
        if let Some(fetched) = *last
            && old_at(fetched) > Instant::now()
        {
            return old_at(fetched);
        }
        old_at(self.fetch_into(&mut last).await)
    }

    /// Fetches the set for somebody who misses a key, unless it just was or too many ask. Whether
    /// the last fetch was good.
    async fn look_again(&self) -> bool {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        match *last {
            // Fetched while we waited.
            Some(Fetched { at, good }) if at >= asked_at => good,
            _ if self.fetches.check().is_ok() => self.fetch_into(&mut last).await.good,
            Some(Fetched { good, .. }) => good,
            None => false,
        }
    }

    async fn fetch_into(&self, last: &mut Option<Fetched>) -> Fetched {
        let fetched = self.fetch().await;
        let good = fetched.is_ok();
        match fetched {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "fetched the keys of tokens");
                *self.keys.write() = keys;
            }
            Err(error) => {
                tracing::warn!(host = self.source.host(), %error, "the keys of tokens can't be fetched");
            }
        }
        *last.insert(Fetched { at: Instant::now(), good })
    }

    async fn fetch(&self) -> Result<Vec<Key>, SetError> {
        read(&self.source.read(None, MAX_SET_BYTES).await?)
    }
}

/// When a set is to be fetched again, whether anybody asks or not.
fn old_at(Fetched { at, good }: Fetched) -> Instant {
    at + if good { MAX_AGE } else { RETRY_INTERVAL }
}

/// The keys of a set that tokens may be signed by. Others, and spoilt ones, are left out.
fn read(text: &[u8]) -> Result<Vec<Key>, SetError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(text)?;
    let keys: Vec<Key> = set
        .keys
        .into_iter()
        .filter_map(|key| usable(&serde_json::from_value(key).ok()?))
        .take(MAX_KEYS)
        .collect();
    if keys.is_empty() { Err(SetError::Empty) } else { Ok(keys) }
}

/// A key that verifies signatures of an algorithm that we take. A shared secret is none: whoever
/// reads the set could sign with it.
fn usable(jwk: &Jwk) -> Option<Key> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let common = &jwk.common;
    let named = common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let signs = common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature);
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (named && signs && verifies).then(|| Key { id: common.key_id.clone(), algorithm, key })
}

/// The key of this id; of none, where only one key is possible.
fn find(keys: &[Key], id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let mut fitting = keys
        .iter()
        .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
    let found = fitting.next()?;
    if id.is_none() && fitting.next().is_some() { None } else { Some(found.key.clone()) }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Json, Router, routing::get};
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;

    /// RFC 8037, appendix A.2.
    fn ed25519(id: &str) -> Value {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn ids(keys: &[Value]) -> Vec<String> {
        let set = serde_json::to_vec(&json!({ "keys": keys })).unwrap();
        let keys = read(&set).unwrap_or_default();
        keys.into_iter().filter_map(|key| key.id).collect()
    }

    #[test]
    fn keys_for_other_things_are_left_out_and_spoil_nothing() {
        let secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256" });
        let keys = [
            json!("no key"),
            json!({ "kty": "from tomorrow", "kid": "tomorrow" }),
            secret,
            with(ed25519("for encryption"), "use", json!("enc")),
            with(ed25519("to sign"), "key_ops", json!(["sign"])),
            with(ed25519("of another algorithm"), "alg", json!("RS256")),
            with(ed25519("spoilt"), "x", json!("?")),
            with(with(ed25519("good"), "use", json!("sig")), "alg", json!("EdDSA")),
            with(ed25519("good too"), "key_ops", json!(["verify"])),
        ];
        assert_eq!(ids(&keys), ["good", "good too"]);
        assert!(matches!(read(b"{\"keys\":[]}"), Err(SetError::Empty)));
        assert!(matches!(read(b"<html>"), Err(SetError::Spoilt(_))));
        let many: Vec<_> = (0..MAX_KEYS + 1).map(|n| ed25519(&n.to_string())).collect();
        assert_eq!(ids(&many).len(), MAX_KEYS);
    }

    #[tokio::test]
    async fn what_a_token_had_fetched_is_fresh() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = get(move || async move {
            count.fetch_add(1, Ordering::Relaxed);
            Json(json!({ "keys": [ed25519("a")] }))
        });
        tokio::spawn(axum::serve(listener, Router::new().route("/keys", answer)).into_future());

        let set = KeySet::new(&url).unwrap();
        let before = Instant::now();
        set.key(Some("a"), Algorithm::EdDSA).await.unwrap();
        let old_at = set.refresh().await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(old_at >= before + MAX_AGE && old_at <= Instant::now() + MAX_AGE);
    }

    #[test]
    fn a_token_without_an_id_is_for_the_only_key() {
        let set =
            |keys: &[Value]| read(&serde_json::to_vec(&json!({ "keys": keys })).unwrap()).unwrap();
        let one = set(&[ed25519("a")]);
        let two = set(&[ed25519("a"), ed25519("b")]);
        assert!(find(&one, None, Algorithm::EdDSA).is_some());
        assert!(find(&two, None, Algorithm::EdDSA).is_none());
        assert!(find(&two, Some("b"), Algorithm::EdDSA).is_some());
        assert!(find(&two, Some("c"), Algorithm::EdDSA).is_none());
        assert!(find(&one, Some("a"), Algorithm::RS256).is_none());
        assert!(find(&one, None, Algorithm::HS256).is_none());
    }
}
