//! From which origins pages may ask and connect (operations.md, `CORS_ORIGIN`).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use samewire_protocol::ErrorCode;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{error::Error, socketio::is_for_sockets};

/// Lets pages of these origins read what is answered, `*` those of all.
pub(crate) fn cors(origins: &[String]) -> CorsLayer {
    let any = origins.iter().any(|origin| origin == "*");
    let listed: Vec<_> =
        origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(if any { AllowOrigin::mirror_request() } else { AllowOrigin::list(listed) })
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::HeaderName::from_static("x-ingest-key"),
            header::HeaderName::from_static("x-api-key"),
        ])
}

/// Browsers send no CORS preflight before a websocket: its origin is checked here.
pub(crate) async fn check_origin(
    State(origins): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    if is_for_sockets(&request) && !may_connect(request.headers(), &origins) {
        let message = "this origin may not connect; see CORS_ORIGIN";
        return Error::refused(ErrorCode::AccessDenied, message).into_response();
    }
    next.run(request).await
}

/// Whether a handshake comes from a listed origin, from our own, or from no browser.
fn may_connect(headers: &HeaderMap, origins: &[String]) -> bool {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = header(header::ORIGIN) else { return true };
    let own = origin.split_once("://").map(|(_, authority)| authority);
    own == header(header::HOST) || origins.iter().any(|listed| listed == "*" || listed == origin)
}
