//! The request that becomes a websocket without having polled before.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Query, Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{
            CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tungstenite::handshake::derive_accept_key;

use super::{
    Settings, Socket,
    websocket::{Io, WebSocket},
};
use crate::{auth, engine::Engine, session};

/// What websockets are made with.
#[derive(Debug)]
pub(crate) struct WebSockets {
    pub(crate) engine: Arc<Engine>,
    pub(crate) settings: Settings,
}

impl WebSockets {
    /// A connection with its session. A function and not part of its task, which would keep what hyper
    /// read the request into for as long as the connection lasts.
    fn begin(&self, upgraded: Upgraded, token: Option<String>) -> Arc<WebSocket> {
        let (io, early) = wire(upgraded);
        let socket = Arc::new(WebSocket::new(self.settings, token, io, &early));
        socket.open();
        session::start(self.engine.clone(), Socket::WebSocket(socket.clone()));
        socket
    }
}

/// Takes over a request that is to become a websocket; all others go on, to engineioxide.
pub(crate) async fn accept_websocket(
    State(websockets): State<Arc<WebSockets>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some((key, upgrade)) = handshake(&mut request) else { return next.run(request).await };
    let token = token_of_request(request.headers(), request.uri());
    tokio::spawn(async move {
        // Else the client went away.
        if let Ok(upgraded) = upgrade.await {
            let socket = websockets.begin(upgraded, token);
            drop(websockets);
            socket.drive().await;
        }
    });
    let headers = [
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, key),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

/// What a request came over, and what was read of it beyond the request: a TCP connection itself
/// where it is one, and else what the application that mounts the server has put in its place.
fn wire(upgraded: Upgraded) -> (Box<dyn Io>, Bytes) {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (Box::new(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}

/// The key of the answer and the connection to be, where the request asks for a new session over
/// a websocket (RFC 6455, section 4.2.1).
fn handshake(request: &mut Request) -> Option<(HeaderValue, OnUpgrade)> {
    #[derive(serde::Deserialize)]
    struct Wanted {
        #[serde(rename = "EIO")]
        version: Option<String>,
        transport: Option<String>,
        sid: Option<String>,
    }
    if request.method() != Method::GET || request.uri().path().trim_end_matches('/') != "/socket.io"
    {
        return None;
    }
    let Query(wanted) = Query::<Wanted>::try_from_uri(request.uri()).ok()?;
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let asked = wanted.version.as_deref() == Some("4")
        && wanted.transport.as_deref() == Some("websocket")
        && wanted.sid.is_none()
        && header(UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
        && header(SEC_WEBSOCKET_VERSION) == Some("13");
    if !asked {
        return None;
    }
    let key = derive_accept_key(header(SEC_WEBSOCKET_KEY)?.as_bytes());
    let upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    Some((HeaderValue::try_from(key).ok()?, upgrade))
}

/// The token in the `Authorization` header, or in the query.
pub(super) fn token_of_request(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct TokenQuery {
        token: Option<String>,
    }
    auth::bearer(headers)
        .map(str::to_owned)
        .or_else(|| Query::<TokenQuery>::try_from_uri(uri).ok()?.0.token)
}
