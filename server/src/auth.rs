//! Tokens: who somebody is, and until when (wire.md, section 2).

use std::{fmt, path::Path};

use axum::http::{HeaderMap, header};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    errors::ErrorKind,
};
use samewire_protocol::{ErrorCode, Timestamp, id::UserId};
use serde::{Deserialize, Serialize};

use crate::{
    clock,
    error::{Error, Result},
    jwks::KeySet,
};

pub use crate::remote::AddressError;

/// Shortest secret that a signature by it can be trusted with, in bytes (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The algorithms that public keys verify.
const PUBLIC_KEY_ALGORITHMS: [Algorithm; 3] =
    [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Whether a connection may begin without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AuthMode {
    /// It may, and signs in by an event.
    Either,
    /// It is refused at once.
    Handshake,
}

/// Who somebody is, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`.
    pub user_id: UserId,
    /// The token's `email`.
    pub email: Option<String>,
    /// The token's `name`.
    pub name: Option<String>,
    /// The token's `exp`.
    pub expires_at: Timestamp,
}

/// The claims that we read and, for the demo, write.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// Unix seconds; some issuers write fractions.
    exp: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A key that can't be used to verify tokens.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The secret is shorter than [`MIN_SECRET_BYTES`].
    #[error("JWT_SECRET must be at least {MIN_SECRET_BYTES} bytes long")]
    SecretTooShort,
    /// The public key is no PEM of an RSA, P-256 or Ed25519 key.
    #[error(
        "JWT_PUBLIC_KEY must be a PEM public key (RSA, P-256 or Ed25519), or the path of a file with one"
    )]
    PublicKey,
    /// Keys can't be fetched from there.
    #[error("JWT_JWKS_URL {0}")]
    JwksUrl(#[from] AddressError),
}

/// Verifies tokens. Keeps keys, never tokens.
pub struct Verifier(Keys);

/// Where the key of a token comes from.
enum Keys {
    /// There is one for all.
    One(DecodingKey, Validation),
    /// The token names one of a set.
    Set(KeySet),
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = match &self.0 {
            Keys::One(_, validation) => validation.algorithms.as_slice(),
            Keys::Set(_) => &PUBLIC_KEY_ALGORITHMS,
        };
        f.debug_struct("Verifier").field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Verifies by a shared secret (HS256).
    ///
    /// # Errors
    /// When the secret is too short.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::SecretTooShort);
        }
        Ok(Self::by_one(DecodingKey::from_secret(secret), Algorithm::HS256))
    }

    /// Verifies by a public key, given as PEM or as the path of a PEM file (RS256, ES256, EdDSA).
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_public_key(pem_or_path: &str) -> Result<Self, KeyError> {
        let pem = if pem_or_path.trim_start().starts_with("-----BEGIN") {
            pem_or_path.to_owned()
        } else {
            std::fs::read_to_string(Path::new(pem_or_path)).map_err(|_| KeyError::PublicKey)?
        };
        let pem = pem.as_bytes();
        let (key, algorithm) = DecodingKey::from_rsa_pem(pem)
            .map(|key| (key, Algorithm::RS256))
            .or_else(|_| DecodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::ES256)))
            .or_else(|_| DecodingKey::from_ed_pem(pem).map(|key| (key, Algorithm::EdDSA)))
            .map_err(|_| KeyError::PublicKey)?;
        Ok(Self::by_one(key, algorithm))
    }

    /// Verifies by the keys that somebody publishes at an address (RS256, ES256, EdDSA).
    ///
    /// # Errors
    /// When keys from there can't be trusted.
    pub fn from_jwks_url(url: &str) -> Result<Self, KeyError> {
        Ok(Self(Keys::Set(KeySet::new(url)?)))
    }

    fn by_one(key: DecodingKey, algorithm: Algorithm) -> Self {
        Self(Keys::One(key, validation(algorithm)))
    }

    /// Keeps the keys up to date, where somebody else changes them. Runs until it is dropped.
    pub(crate) async fn keep_fresh(&self) {
        match &self.0 {
            Keys::One(..) => std::future::pending().await,
            Keys::Set(set) => set.keep_fresh().await,
        }
    }

    /// Verifies a token.
    ///
    /// # Errors
    /// [`ErrorCode::TokenInvalid`] or [`ErrorCode::TokenExpired`], or [`ErrorCode::Unavailable`] when
    /// the keys can't be fetched; the message never holds the token.
    pub async fn verify(&self, token: &str) -> Result<Identity> {
        match &self.0 {
            Keys::One(key, validation) => verify_by(key, validation, token),
            Keys::Set(set) => {
                let header = decode_header(token).map_err(|error| refused(&error))?;
                if !PUBLIC_KEY_ALGORITHMS.contains(&header.alg) {
                    return Err(refused(&ErrorKind::InvalidAlgorithm.into()));
                }
                let key = set.key(header.kid.as_deref(), header.alg).await?;
                verify_by(&key, &validation(header.alg), token)
            }
        }
    }
}

/// What a token must be like, besides being signed.
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["sub", "exp"]);
    // The expiry is looked at below, where it can be named.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn verify_by(key: &DecodingKey, validation: &Validation, token: &str) -> Result<Identity> {
    let decoded = decode::<Claims>(token, key, validation).map_err(|error| refused(&error))?;
    let claims = decoded.claims;
    if claims.sub.is_empty() || claims.sub.chars().any(char::is_control) {
        return Err(invalid("the token's sub names nobody"));
    }
    if !claims.exp.is_finite() || claims.exp < 0.0 {
        return Err(invalid("the token's exp is no time"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; checked above"
    )]
    let expires_at = Timestamp::from_unix_ms((claims.exp * 1000.0) as u64);
    if expires_at <= clock::timestamp() {
        let message = format!("the token expired at {expires_at}");
        return Err(Error::refused(ErrorCode::TokenExpired, message));
    }
    Ok(Identity { user_id: UserId(claims.sub), email: claims.email, name: claims.name, expires_at })
}

/// Why a token is none of ours.
fn refused(error: &jsonwebtoken::errors::Error) -> Error {
    invalid(match error.kind() {
        ErrorKind::InvalidSignature => "the token's signature is not ours",
        ErrorKind::InvalidAlgorithm => "the token is signed by another algorithm",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks sub or exp",
        ErrorKind::Json(_) => "the token's claims are not as expected",
        _ => "the token is not a JWT",
    })
}

fn invalid(reason: &str) -> Error {
    Error::refused(ErrorCode::TokenInvalid, reason)
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Issues tokens, for the demo alone: elsewhere another system does.
pub struct Issuer {
    key: EncodingKey,
}

impl Issuer {
    /// Issues by a shared secret (HS256).
    pub fn from_secret(secret: &[u8]) -> Self {
        Self { key: EncodingKey::from_secret(secret) }
    }

    /// A token for a user.
    ///
    /// # Errors
    /// When it can't be signed.
    pub fn issue(&self, identity: Identity) -> Result<String, jsonwebtoken::errors::Error> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are exact")]
        let exp = (identity.expires_at.unix_ms() / 1000) as f64;
        let claims =
            Claims { sub: identity.user_id.0, exp, email: identity.email, name: identity.name };
        encode(&Header::default(), &claims, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"a secret that is long enough to be one";

    fn token(claims: &serde_json::Value) -> String {
        encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    async fn refusal(token: &str) -> samewire_protocol::ErrorBody {
        Verifier::from_secret(SECRET).unwrap().verify(token).await.unwrap_err().body()
    }

    #[tokio::test]
    async fn a_good_token_says_who() {
        let token =
            token(&json!({ "sub": "ada", "exp": 4_102_444_800_u64, "email": "ada@example.org" }));
        let identity = Verifier::from_secret(SECRET).unwrap().verify(&token).await.unwrap();
        assert_eq!(identity.user_id.as_str(), "ada");
        assert_eq!(identity.email.as_deref(), Some("ada@example.org"));
        assert_eq!(identity.expires_at.to_string(), "2100-01-01T00:00:00.000Z");
    }

    #[tokio::test]
    async fn an_expired_token_says_when() {
        let refusal = refusal(&token(&json!({ "sub": "ada", "exp": 1_000_000_000 }))).await;
        assert_eq!(refusal.code, ErrorCode::TokenExpired);
        assert_eq!(refusal.message, "the token expired at 2001-09-09T01:46:40.000Z");
    }

    #[tokio::test]
    async fn a_token_that_is_not_ours_is_invalid_and_not_repeated() {
        let forged = encode(
            &Header::default(),
            &json!({ "sub": "ada", "exp": 4_102_444_800_u64 }),
            &EncodingKey::from_secret(b"another secret that is long enough"),
        )
        .unwrap();
        for token in [
            forged.as_str(),
            "nonsense",
            "",
            &token(&json!({ "sub": "ada" })),
            &token(&json!({ "exp": 4_102_444_800_u64 })),
            &token(&json!({ "sub": "", "exp": 4_102_444_800_u64 })),
            // alg: none
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJleHAiOjQxMDI0NDQ4MDB9.",
        ] {
            let refusal = refusal(token).await;
            assert_eq!(refusal.code, ErrorCode::TokenInvalid, "{token}");
            assert!(token.is_empty() || !refusal.message.contains(token));
        }
    }

    #[test]
    fn a_short_secret_is_no_secret() {
        assert!(matches!(Verifier::from_secret(b"short"), Err(KeyError::SecretTooShort)));
    }
}
