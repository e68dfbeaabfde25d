//! Who may bring messages: whoever knows the secret, and signs what they bring.

use std::sync::Arc;

use aide::OperationInput;
use aws_lc_rs::hmac;
use axum::{
    Json, RequestExt,
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
};
use samewire_protocol::{ErrorCode, payload};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::Inbox;
use crate::{
    engine::Engine,
    error::{Error, Result},
    http::{openapi::Opener, unread_body},
};

/// The key of signatures; without one webhooks are refused.
#[derive(Debug, Clone)]
pub(super) struct WebhookKey(Option<Arc<hmac::Key>>);

impl WebhookKey {
    pub(super) fn new(secret: Option<&str>) -> Self {
        // By an empty secret everybody could sign.
        let secret = secret.filter(|secret| !secret.is_empty());
        Self(secret.map(|secret| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))))
    }

    /// Checks a signature: `sha256=` and 64 hexadecimal digits, or these alone.
    fn check(&self, signature: Option<&[u8]>, body: &[u8]) -> Result<()> {
        let Some(key) = &self.0 else {
            let message = "webhooks are off: no WEBHOOK_SECRET is set";
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        };
        let Some(signature) = signature else {
            return Err(Error::refused(ErrorCode::Unauthenticated, "X-Signature-256 is needed"));
        };
        let digits = signature.strip_prefix(b"sha256=").unwrap_or(signature);
        let mut tag = [0; 32];
        // Compared in a time that doesn't tell how much of a guess was right.
        if hex::decode_to_slice(digits, &mut tag).is_ok() && hmac::verify(key, body, &tag).is_ok() {
            Ok(())
        } else {
            let message = "X-Signature-256 is not that of this body";
            Err(Error::refused(ErrorCode::AccessDenied, message))
        }
    }
}

/// The JSON body of a request that is signed in `X-Signature-256`, by HMAC-SHA256 of its bytes.
#[derive(Debug)]
pub(super) struct Signed<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Engine>> for Signed<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<Engine>) -> Result<Self> {
        let key = request.extensions().get::<Inbox>().map(|inbox| inbox.webhook_key.clone());
        let key = key.unwrap_or(WebhookKey(None));
        let signature = request.headers().get("x-signature-256").cloned();
        let body: Bytes = request
            .extract()
            .await
            .map_err(|rejection: BytesRejection| unread_body(rejection.status()))?;
        key.check(signature.as_ref().map(AsRef::as_ref), &body)?;
        let text = std::str::from_utf8(&body)
            .map_err(|_| Error::field("payload", "expected JSON in UTF-8"))?;
        Ok(Self(payload::read_text(text)?))
    }
}

impl<T: JsonSchema> OperationInput for Signed<T> {
    fn operation_input(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        Json::<T>::operation_input(context, operation);
        Opener::Signature.opens(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(key: &WebhookKey, signature: Option<&str>, body: &[u8]) -> Option<ErrorCode> {
        key.check(signature.map(str::as_bytes), body).err().map(|error| error.code())
    }

    /// RFC 4231, test case 2.
    const DATA: &[u8] = b"what do ya want for nothing?";
    const TAG: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn a_signature_is_taken_with_its_prefix_and_without() {
        let key = WebhookKey::new(Some("Jefe"));
        for signature in [TAG.to_owned(), format!("sha256={TAG}"), TAG.to_uppercase()] {
            assert_eq!(code(&key, Some(&signature), DATA), None, "{signature}");
        }
    }

    #[test]
    fn any_other_is_refused() {
        let key = WebhookKey::new(Some("Jefe"));
        assert_eq!(code(&key, None, DATA), Some(ErrorCode::Unauthenticated));
        let flipped = TAG.replace('5', "6");
        for signature in ["", "sha256=", "sha1=5b", &TAG[2..], &flipped, &format!("{TAG}00"), "é"]
        {
            assert_eq!(code(&key, Some(signature), DATA), Some(ErrorCode::AccessDenied));
        }
        assert_eq!(code(&key, Some(TAG), b"something else"), Some(ErrorCode::AccessDenied));
    }

    #[test]
    fn without_a_secret_nothing_is_taken() {
        let empty = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), DATA);
        for secret in [None, Some("")] {
            let key = WebhookKey::new(secret);
            let signature = hex::encode(empty.as_ref());
            assert_eq!(code(&key, Some(&signature), DATA), Some(ErrorCode::AccessDenied));
        }
    }
}
