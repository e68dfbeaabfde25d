//! What a request brings. Where it doesn't fit, it is refused with what is wrong, as JSON.

use std::sync::Arc;

use aide::OperationInput;
use axum::{
    Json, RequestExt,
    extract::{self, FromRequest, FromRequestParts, Request, rejection::StringRejection},
    http::{StatusCode, request::Parts},
};
use samewire_protocol::{ErrorCode, payload};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::openapi::Opener;
use crate::{
    auth::{self, Identity},
    engine::Engine,
    error::Error,
};

/// Whoever is asking, by their token.
#[derive(Debug, Clone)]
pub struct Caller(pub Identity);

impl FromRequestParts<Arc<Engine>> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, engine: &Arc<Engine>) -> Result<Self, Error> {
        let token = auth::bearer(&parts.headers).ok_or_else(|| {
            Error::refused(ErrorCode::Unauthenticated, "an Authorization: Bearer token is needed")
        })?;
        engine.verify(token).await.map(Self)
    }
}

impl OperationInput for Caller {
    fn operation_input(
        _: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        Opener::Token.opens(operation);
    }
}

/// The JSON body of a request. One that doesn't fit is refused with the field that is wrong.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Engine>> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &Arc<Engine>) -> Result<Self, Error> {
        let text: String = request
            .extract()
            .await
            .map_err(|rejection: StringRejection| unread_body(rejection.status()))?;
        Ok(Self(payload::read_text(&text)?))
    }
}

/// Why a body can't be read, by the status that axum has for it.
pub(crate) fn unread_body(status: StatusCode) -> Error {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::refused(ErrorCode::PayloadTooLarge, "the body is larger than 1 MB")
        }
        _ => Error::field("payload", "expected JSON in UTF-8"),
    }
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        Json::<T>::operation_input(context, operation);
    }
}

/// The parts of a request's path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = extract::Path::from_request_parts(parts, state).await;
        path.map(|extract::Path(path)| Self(path))
            .map_err(|_| Error::field("path", "expected UTF-8"))
    }
}

impl<T: JsonSchema> OperationInput for Path<T> {
    fn operation_input(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        extract::Path::<T>::operation_input(context, operation);
    }
}

/// The query of a request.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let query = extract::Query::from_request_parts(parts, state).await;
        query
            .map(|extract::Query(query)| Self(query))
            .map_err(|_| Error::field("query", "expected each field once, and as it is described"))
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        extract::Query::<T>::operation_input(context, operation);
    }
}
