//! Long polling that loses nothing without a word: a request that is sent again is known as such.
//!
//! A browser whose connection breaks sends the request once more, of itself and without telling the page (RFC
//! 9112, section 9.3.1). Where the first one had been answered, what that answer brought would be lost in a
//! session that goes on: acknowledgements, presence, and a room's last events, after which no jump of offsets
//! shows that there is a hole. And what the first one brought would be acted on twice.
//!
//! Engine.IO clients name each request of a session by another `t` in its query, which a browser repeats with
//! the rest. So a repeat is known: of a poll that was answered it ends the session, and the client resumes by
//! another; of frames that were taken it is answered, and nothing more.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

use axum::{
    extract::{Query, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use engineioxide::DisconnectReason;
use parking_lot::Mutex;

use super::{is_for_sockets, socket::EngineIo};

/// The sessions that began by long polling, by their ids.
#[derive(Debug, Default)]
pub(crate) struct PollingSessions {
    sessions: Mutex<HashMap<String, PollingSession>>,
}

#[derive(Debug)]
struct PollingSession {
    socket: Arc<EngineIo>,
    /// What the last poll that was answered is named by, hashed: a name may be long.
    polled: Option<u64>,
    /// What the last request is named by whose frames were taken.
    posted: Option<u64>,
}

/// A request of a session.
struct Named {
    session: String,
    brings: bool,
    name: u64,
}

impl PollingSessions {
    pub(super) fn begin(&self, socket: Arc<EngineIo>) {
        let id = socket.id.to_string();
        let session = PollingSession { socket, polled: None, posted: None };
        self.sessions.lock().insert(id, session);
    }

    pub(super) fn end(&self, socket: &EngineIo) {
        self.sessions.lock().remove(&socket.id.to_string());
    }

    /// The answer to a request that was answered before; none to all others.
    fn answer_again(&self, named: &Named) -> Option<Response> {
        let sessions = self.sessions.lock();
        let session = sessions.get(&named.session)?;
        if named.brings {
            return (session.posted == Some(named.name)).then(|| "ok".into_response());
        }
        if session.polled != Some(named.name) {
            return None;
        }
        let socket = session.socket.clone();
        drop(sessions);
        socket.close(DisconnectReason::TransportError);
        Some((StatusCode::BAD_REQUEST, "the answer to this poll was lost").into_response())
    }

    fn answered(&self, named: &Named) {
        if let Some(session) = self.sessions.lock().get_mut(&named.session) {
            let last = if named.brings { &mut session.posted } else { &mut session.polled };
            *last = Some(named.name);
        }
    }
}

/// Answers a request of a polling session that has been answered before.
pub(crate) async fn notice_repeats(
    State(sessions): State<Arc<PollingSessions>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(named) = named(&request) else { return next.run(request).await };
    if let Some(response) = sessions.answer_again(&named) {
        return response;
    }
    let response = next.run(request).await;
    if response.status().is_success() {
        sessions.answered(&named);
    }
    response
}

/// What names a request of a polling session, where anything does.
fn named(request: &Request) -> Option<Named> {
    #[derive(serde::Deserialize)]
    struct Asked {
        transport: String,
        sid: String,
        t: String,
    }
    if !is_for_sockets(request) {
        return None;
    }
    let Query(Asked { transport, sid, t }) = Query::try_from_uri(request.uri()).ok()?;
    let brings = request.method() == Method::POST;
    if transport != "polling" || !(brings || request.method() == Method::GET) {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    t.hash(&mut hasher);
    Some(Named { session: sid, brings, name: hasher.finish() })
}
