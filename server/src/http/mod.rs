//! HTTP: who is asking, what they sent, and how a refusal looks (RFC 9457).

pub mod back_end;
pub mod client_address;
mod extract;
pub(crate) mod file;
pub(crate) mod openapi;
pub mod operation;
pub(crate) mod origins;
pub(crate) mod page;
mod refused_body;

use std::any::Any;

use aide::OperationOutput;
use axum::{
    Json,
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use samewire_protocol::{ErrorBody, ErrorCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::{self, Error};

pub(crate) use extract::unread_body;
pub use extract::{Body, Caller, Path, Query};
pub(crate) use refused_body::read_refused_body;

/// `application/problem+json`.
#[derive(Debug, Serialize, JsonSchema)]
struct Problem {
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The reason, for a person.
    detail: String,
    /// The code, the same as on the wire.
    code: ErrorCode,
    /// Milliseconds after which another try may succeed.
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
    /// With `CONFLICT`: what there is now. Of the type of the answer that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Value>,
}

/// The HTTP status of a code.
pub(crate) fn status(code: ErrorCode) -> StatusCode {
    use ErrorCode as Code;
    match code {
        Code::Unauthenticated | Code::TokenExpired | Code::TokenInvalid | Code::AuthTimeout => {
            StatusCode::UNAUTHORIZED
        }
        Code::AccessDenied | Code::Unauthorized | Code::ProjectAccessDenied => {
            StatusCode::FORBIDDEN
        }
        Code::NotFound | Code::ProjectNotFound | Code::UnknownEvent => StatusCode::NOT_FOUND,
        Code::Conflict | Code::ProjectInactive => StatusCode::CONFLICT,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimitExceeded | Code::ConnectionThrottled | Code::TooManyRooms => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Code::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        Code::Unavailable | Code::AiUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::InvalidPayload | Code::MissingProjectId => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        refusal(status(self.code()), &self)
    }
}

/// Handles a call to its end also where the caller hangs up: what it stored is told, too.
pub(crate) async fn to_its_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => {
                Error::refused(ErrorCode::Unavailable, "the server is stopping").into_response()
            }
        },
    }
}

/// The answer to a call of an address that isn't called that way.
pub(crate) async fn method_not_allowed() -> Response {
    let error = Error::refused(ErrorCode::NotFound, "this address has no such method");
    refusal(StatusCode::METHOD_NOT_ALLOWED, &error)
}

/// The answer to a call whose handler panicked, which the panic hook has told of.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::refused(ErrorCode::Internal, "the server failed").into_response()
}

fn refusal(status: StatusCode, error: &Error) -> Response {
    let ErrorBody { code, message, retry_after_ms, current } = error.answer();
    if error::is_of_a_flood(code) {
        tracing::debug!(%code, status = status.as_u16(), "refused a request");
    } else {
        tracing::warn!(%code, status = status.as_u16(), "refused a request");
    }
    let problem = Problem {
        title: status.canonical_reason().unwrap_or("Refused"),
        status: status.as_u16(),
        detail: message,
        code,
        retry_after_ms,
        current,
    };
    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
    if let Some(retry_after_ms) = retry_after_ms {
        headers.insert(header::RETRY_AFTER, retry_after_ms.div_ceil(1000).into());
    }
    response
}

impl OperationOutput for Error {
    type Inner = Self;

    fn operation_response(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) -> Option<aide::openapi::Response> {
        let mut response = Json::<Problem>::operation_response(context, operation)?;
        response.description = "A refusal (RFC 9457)".into();
        if let Some(content) = response.content.swap_remove("application/json") {
            response.content.insert("application/problem+json".into(), content);
        }
        Some(response)
    }

    fn inferred_responses(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, aide::openapi::Response)> {
        Self::operation_response(context, operation)
            .map(|response| (None, response))
            .into_iter()
            .collect()
    }
}
