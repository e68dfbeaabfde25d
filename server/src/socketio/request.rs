//! Which requests are the socket server's.

use axum::extract::Request;

/// Whether a request is for the socket server.
pub(crate) fn is_for_sockets(request: &Request) -> bool {
    request.uri().path().starts_with("/socket.io")
}

/// Whether a request names the Engine.IO session that it belongs to.
pub(crate) fn is_of_session(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|part| part.starts_with("sid="))
}
