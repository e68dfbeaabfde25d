//! A connection's task: lets a client in, works its messages off in the order they came, and
//! watches over its sign-in (wire.md, sections 1 to 5).

use std::{sync::Arc, time::Duration};

use engineioxide::TransportType;
use rand::RngExt;
use samewire_protocol::{
    Ack, Direction, ErrorBody, ErrorCode, Event, RoomAddress, ServerEvent, VERSION,
    connection::{
        AuthError, AuthRequest, AuthRequestError, AuthSuccess, Authenticate, Authenticated,
        EmitMeta, ErrorEvent, Handshake, Ping, Pong, Resumed, ResumedRoom, ServerShutdown,
        TokenExpiring, speaks,
    },
    event,
    limits::MAX_MESSAGE_BYTES,
    payload,
};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    auth::{self, AuthMode, Identity},
    clock,
    connection::Connection,
    engine::Engine,
    error::{Error, Result},
    metrics,
    registry::Context,
    socketio::{self, Incoming, Packet, PacketKind, Socket},
};

/// How long before a token's expiry the client is told.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// Longest that a timer is set for; a later deadline is looked at again then.
const LONGEST_TIMER: Duration = Duration::from_secs(24 * 60 * 60);

/// Clients are asked to come back within this time after a shutdown, each at another moment.
const RECONNECT_SPREAD_MS: std::ops::Range<u32> = 500..5000;

/// How long a client has to take its last messages.
const LINGER: Duration = Duration::from_secs(1);

/// Binary messages that one event may bring.
const MAX_ATTACHMENTS: usize = 64;

/// What happens to a session when time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deadline {
    /// Nobody signed in.
    SignIn,
    /// The token is about to expire.
    ExpiryNotice,
    /// The token has expired.
    Expiry,
    /// Only to look at the clock again.
    Recheck,
}

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It does.
    Continue,
    /// The server ends it.
    Disconnect,
}

struct Session {
    engine: Arc<Engine>,
    connection: Arc<Connection>,
    deadline: (Instant, Deadline),
    /// Whether the client was told that its token is about to expire.
    expiry_noticed: bool,
    /// An event whose binary messages haven't all come.
    incomplete: Option<(String, Option<u64>, usize)>,
}

/// Runs a connection to its end.
pub(crate) async fn run(
    engine: Arc<Engine>,
    socket: Arc<Socket>,
    mut queue: UnboundedReceiver<Incoming>,
) {
    let limit = engine.limits().connect_timeout;
    let Ok(Some((handshake, identity))) =
        timeout(limit, let_in(&engine, &socket, &mut queue)).await
    else {
        socket.close(engineioxide::DisconnectReason::TransportClose);
        return;
    };
    let connection = Arc::new(Connection::new(socket.clone()));
    engine.add(&connection);
    tracing::info!(connection = %connection.id, "connected");
    let auth_timeout = engine.limits().auth_timeout;
    let mut session = Session {
        deadline: (Instant::now() + auth_timeout, Deadline::SignIn),
        expiry_noticed: false,
        incomplete: None,
        engine,
        connection,
    };
    let ended = match session.begin(handshake, identity).await {
        Ok(()) => session.work(&socket, &mut queue).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &ended {
        tracing::error!(%error, "a session failed");
    }
    // Closing cuts off a poll, and a websocket that has just taken over from polling, with what is
    // still buffered. A client that was sent DISCONNECT goes by itself.
    if matches!(ended, Ok(Next::Disconnect)) || socket.transport_type() == TransportType::Polling {
        let _ = timeout(LINGER, session.connection.closed()).await;
    }
    session.connection.close();
    session.engine.remove(&session.connection);
    tracing::info!(connection = %session.connection.id, "disconnected");
}

/// Waits for a `CONNECT` that can be granted. Gives nothing when the client goes away.
async fn let_in(
    engine: &Engine,
    socket: &Socket,
    queue: &mut UnboundedReceiver<Incoming>,
) -> Option<(Handshake, Option<Identity>)> {
    loop {
        let incoming = tokio::select! {
            incoming = queue.recv() => incoming?,
            () = socket.closed() => return None,
        };
        socket.data.worked_off(&incoming);
        let Incoming::Text(text) = incoming else { return None };
        let packet = Packet::decode(&text).ok()?;
        let PacketKind::Connect(auth) = packet.kind else { return None };
        let granted = if packet.namespace == "/" {
            grant(engine, socket, auth)
        } else {
            Err(Error::refused(ErrorCode::NotFound, "Invalid namespace"))
        };
        match granted {
            Ok(granted) => return Some(granted),
            Err(error) => {
                let refusal = error.body();
                tracing::warn!(code = %refusal.code, "refused a connection");
                metrics::refused(refusal.code);
                let frame = socketio::connect_error(packet.namespace, &refusal).ok()?;
                socket.emit(frame).ok()?;
            }
        }
    }
}

/// Reads the handshake and verifies its token.
fn grant(engine: &Engine, socket: &Socket, auth: &str) -> Result<(Handshake, Option<Identity>)> {
    let auth = if auth.is_empty() || auth == "null" { "{}" } else { auth };
    let mut handshake: Handshake = payload::read_text(auth)?;
    if let Some(version) = handshake.protocol.as_deref()
        && !speaks(version)
    {
        let message = format!("this server speaks protocol {VERSION}; reload the page");
        return Err(Error::refused(ErrorCode::UpgradeRequired, message));
    }
    let token = handshake.token.take().or_else(|| token_of_request(&socket.req_parts));
    let identity = match token {
        Some(token) => Some(engine.verify(&token)?),
        None if engine.auth_mode() == AuthMode::Handshake => {
            return Err(Error::refused(ErrorCode::Unauthenticated, "a token is needed"));
        }
        None => None,
    };
    Ok((handshake, identity))
}

/// The token in the `Authorization` header, or in the query.
fn token_of_request(request: &axum::http::request::Parts) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct TokenQuery {
        token: Option<String>,
    }
    auth::bearer(&request.headers)
        .map(str::to_owned)
        .or_else(|| axum::extract::Query::<TokenQuery>::try_from_uri(&request.uri).ok()?.0.token)
}

impl Session {
    /// Tells the client that it is in, and resumes its rooms.
    async fn begin(&mut self, handshake: Handshake, identity: Option<Identity>) -> Result<()> {
        let connection = self.connection.clone();
        connection.send_frame(&socketio::connect(connection.id.as_str())?).await;
        let Some(identity) = identity else { return Ok(()) };
        let authenticated = self.sign_in(identity).await?;
        connection.send(&authenticated).await?;
        let Some(resume) = handshake.resume else { return Ok(()) };
        let mut rooms = Vec::new();
        for asked in resume {
            let since = samewire_protocol::Position { epoch: asked.epoch, offset: asked.offset };
            let joined = match self.engine.address(&asked.room) {
                Ok(address) => {
                    let context = self.context()?;
                    self.engine.join(&context, &address, Some(since), asked.events).await
                }
                Err(error) => Err(error),
            };
            rooms.push(match joined {
                Ok(joined) => ResumedRoom {
                    room: joined.room,
                    position: Some(joined.position),
                    recovered: joined.recovered,
                    missed: joined.missed,
                    error: None,
                },
                Err(error) => ResumedRoom {
                    room: asked.room,
                    position: None,
                    recovered: false,
                    missed: 0,
                    error: Some(error.body()),
                },
            });
        }
        for room in connection.behind().await {
            self.catch_up(&room).await?;
        }
        connection.send(&Resumed { rooms }).await
    }

    /// Works messages off until the connection ends.
    async fn work(
        &mut self,
        socket: &Socket,
        queue: &mut UnboundedReceiver<Incoming>,
    ) -> Result<Next> {
        let engine = self.engine.clone();
        let connection = self.connection.clone();
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.deadline.0) => {
                    if self.on_deadline().await? == Next::Disconnect {
                        break;
                    }
                }
                () = engine.stopped() => return self.shut_down(socket, queue).await,
                rooms = connection.behind() => {
                    for room in rooms {
                        self.catch_up(&room).await?;
                    }
                }
                Some(incoming) = queue.recv() => {
                    socket.data.worked_off(&incoming);
                    if self.receive(incoming).await? == Next::Disconnect {
                        break;
                    }
                }
                // Last, so that what a client sent before it went away is still handled.
                () = connection.closed() => return Ok(Next::Continue),
            }
        }
        connection.send_frame(&socketio::disconnect()).await;
        Ok(Next::Disconnect)
    }

    /// Says that the server stops, and finishes what is queued.
    async fn shut_down(
        &mut self,
        socket: &Socket,
        queue: &mut UnboundedReceiver<Incoming>,
    ) -> Result<Next> {
        let reconnect_after_ms = rand::rng().random_range(RECONNECT_SPREAD_MS);
        let reason = "the server is stopping".into();
        self.connection.send(&ServerShutdown { reason, reconnect_after_ms }).await?;
        while let Ok(incoming) = queue.try_recv() {
            socket.data.worked_off(&incoming);
            if self.receive(incoming).await? == Next::Disconnect {
                break;
            }
        }
        // No DISCONNECT: official clients come back by themselves only after a lost transport.
        Ok(Next::Continue)
    }

    async fn receive(&mut self, incoming: Incoming) -> Result<Next> {
        let text = match &incoming {
            Incoming::Text(text) | Incoming::Refused(text) => text,
            Incoming::Binary(_) => return self.receive_binary().await,
        };
        let Ok(packet) = Packet::decode(text) else { return Ok(Next::Disconnect) };
        if packet.namespace != "/" {
            if let PacketKind::Connect(_) = packet.kind {
                let refusal = ErrorBody::new(ErrorCode::NotFound, "Invalid namespace");
                let frame = socketio::connect_error(packet.namespace, &refusal)?;
                self.connection.send_frame(&frame).await;
            }
            return Ok(Next::Continue);
        }
        match packet.kind {
            // A second CONNECT changes nothing, and we ask for no acknowledgements.
            PacketKind::Connect(_) | PacketKind::Ack => Ok(Next::Continue),
            PacketKind::Disconnect => Ok(Next::Disconnect),
            PacketKind::Event { ack, .. } if matches!(incoming, Incoming::Refused(_)) => {
                let error = Error::RateLimited { retry_after: Duration::from_secs(1) };
                self.refuse(None, ack, error).await
            }
            PacketKind::Event { ack, .. } if text.len() > MAX_MESSAGE_BYTES => {
                let message = format!("a message may have {MAX_MESSAGE_BYTES} bytes");
                self.refuse(None, ack, Error::refused(ErrorCode::PayloadTooLarge, message)).await
            }
            PacketKind::Event { attachments, .. } if attachments > MAX_ATTACHMENTS => {
                Ok(Next::Disconnect)
            }
            PacketKind::Event { arguments, ack, attachments: 0 } => {
                self.dispatch(arguments, ack).await
            }
            PacketKind::Event { arguments, ack, attachments } => {
                self.incomplete = Some((arguments.to_owned(), ack, attachments));
                Ok(Next::Continue)
            }
        }
    }

    async fn receive_binary(&mut self) -> Result<Next> {
        match self.incomplete.take() {
            Some((arguments, ack, 1)) => self.dispatch(&arguments, ack).await,
            Some((arguments, ack, missing)) => {
                self.incomplete = Some((arguments, ack, missing - 1));
                Ok(Next::Continue)
            }
            None => Ok(Next::Disconnect),
        }
    }

    /// Handles an event and answers it.
    async fn dispatch(&mut self, arguments: &str, ack: Option<u64>) -> Result<Next> {
        self.connection.active();
        let mut arguments = match serde_json::from_str::<Vec<Value>>(arguments) {
            Ok(arguments) => arguments.into_iter(),
            Err(_) => {
                return self.refuse(None, ack, Error::field("payload", "expected JSON")).await;
            }
        };
        let Some(Value::String(name)) = arguments.next() else {
            let error = Error::field("event", "expected a string");
            return self.refuse(None, ack, error).await;
        };
        let payload = match arguments.next() {
            None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
            Some(payload) => payload,
        };
        metrics::received(known_name(&name));
        match name.as_str() {
            Ping::NAME => self.ping(ack).await,
            Authenticate::NAME => {
                let signed_in = match payload::read::<Authenticate>(payload) {
                    Ok(asked) => self.authenticate(&asked.token).await,
                    Err(error) => Err(error.into()),
                };
                match signed_in {
                    Ok(authenticated) => {
                        self.connection.send(&authenticated).await?;
                        self.answer(ack, &to_raw_value(&authenticated)?).await
                    }
                    Err(error) => {
                        let ErrorBody { code, message, .. } = error.body();
                        self.sign_in_failed(&AuthError { message, code }, ack, error).await
                    }
                }
            }
            AuthRequest::NAME => {
                let signed_in = match payload::read::<AuthRequest>(payload) {
                    Ok(asked) => self.authenticate(&asked.token).await,
                    Err(error) => Err(error.into()),
                };
                match signed_in {
                    Ok(authenticated) => {
                        let Authenticated { user_id, email, .. } = authenticated.clone();
                        self.connection.send(&AuthSuccess { user_id, email }).await?;
                        self.answer(ack, &to_raw_value(&authenticated)?).await
                    }
                    Err(error) => {
                        let ErrorBody { code, message, .. } = error.body();
                        self.sign_in_failed(&AuthRequestError { message, code }, ack, error).await
                    }
                }
            }
            _ => match self.serve(&name, payload, arguments.next()).await {
                Ok(answer) => self.answer(ack, &answer).await,
                Err(error) => self.refuse(Some(name), ack, error).await,
            },
        }
    }

    /// Runs an event's handler; once, however often an emit of one id is repeated.
    async fn serve(
        &self,
        name: &str,
        payload: Value,
        meta: Option<Value>,
    ) -> Result<Arc<RawValue>> {
        let context = self.context()?;
        let Some(meta) = meta.filter(|meta| !meta.is_null()) else {
            return self.handle(name, payload, context).await;
        };
        let EmitMeta { id } = payload::read(meta)?;
        if uuid::Uuid::try_parse(&id).is_err() {
            return Err(Error::field("id", "expected a UUID"));
        }
        let user = context.identity.user_id.clone();
        let act = async { self.handle(name, payload, context).await.map_err(|error| error.body()) };
        let answer = self.engine.emits().once(&user, &id, clock::unix_ms(), act).await;
        answer.map_err(Error::Answered)
    }

    async fn handle(&self, name: &str, payload: Value, context: Context) -> Result<Arc<RawValue>> {
        // A client that comes back to its rooms is not punished for it.
        let rejoins = payload.get("since").is_some_and(|since| !since.is_null());
        if !rejoins {
            self.engine.count(&context.identity.user_id)?;
        }
        let Some(registered) = self.engine.registry().handler(name) else {
            return Err(Error::refused(ErrorCode::UnknownEvent, "no such event"));
        };
        let payload = match (registered.bare, payload) {
            (Some(field), bare @ Value::String(_)) => {
                Value::Object([(field.to_owned(), bare)].into_iter().collect())
            }
            (_, payload) => payload,
        };
        (registered.handler)(context, payload).await.map(Arc::from)
    }

    fn context(&self) -> Result<Context> {
        let identity = self.connection.identity().ok_or_else(|| {
            Error::refused(ErrorCode::Unauthenticated, "sign in first, by `authenticate`")
        })?;
        Ok(Context { engine: self.engine.clone(), connection: self.connection.clone(), identity })
    }

    async fn ping(&self, ack: Option<u64>) -> Result<Next> {
        let pong = Pong { timestamp: clock::timestamp() };
        self.connection.send(&pong).await?;
        self.answer(ack, &to_raw_value(&pong)?).await
    }

    /// Signs in by a token, or takes a fresh token of the same user.
    async fn authenticate(&mut self, token: &str) -> Result<Authenticated> {
        let identity = self.engine.verify(token)?;
        let known = self.connection.identity();
        if known.is_some_and(|known| known.user_id != identity.user_id) {
            return Err(Error::refused(ErrorCode::TokenInvalid, "the token is of another user"));
        }
        self.sign_in(identity).await
    }

    async fn sign_in(&mut self, identity: Identity) -> Result<Authenticated> {
        let authenticated = Authenticated {
            user_id: identity.user_id.clone(),
            email: identity.email.clone(),
            connection_id: self.connection.id.clone(),
            protocol: VERSION.to_owned(),
            expires_at: identity.expires_at,
        };
        let room = RoomAddress::user(&identity.user_id);
        self.engine.signed_in(&self.connection, &identity.user_id);
        self.connection.set_identity(identity);
        self.expiry_noticed = false;
        self.set_deadline();
        tracing::info!(connection = %self.connection.id, user = %authenticated.user_id, "signed in");
        if !self.connection.is_in(&room) {
            let context = self.context()?;
            self.engine.join(&context, &room, None, None).await?;
        }
        Ok(authenticated)
    }

    async fn sign_in_failed<E: ServerEvent>(
        &self,
        told: &E,
        ack: Option<u64>,
        error: Error,
    ) -> Result<Next> {
        self.connection.send(told).await?;
        if ack.is_some() {
            self.refuse(None, ack, error).await?;
        } else {
            tracing::warn!(connection = %self.connection.id, code = %error.code(), "refused a sign-in");
            metrics::refused(error.code());
        }
        Ok(Next::Disconnect)
    }

    async fn answer(&self, ack: Option<u64>, answer: &RawValue) -> Result<Next> {
        if let Some(id) = ack {
            self.connection.send_frame(&socketio::ack(id, &Ack::Done(answer))?).await;
        }
        Ok(Next::Continue)
    }

    /// Refuses an event: in its acknowledgement, or by `error`.
    async fn refuse(&self, event: Option<String>, ack: Option<u64>, error: Error) -> Result<Next> {
        let refusal = error.body();
        let name = event.as_deref().map_or("unknown", known_name);
        tracing::warn!(connection = %self.connection.id, event = name, code = %refusal.code, "refused");
        metrics::refused(refusal.code);
        if let Some(id) = ack {
            let answer = Ack::<()>::Refused(refusal);
            self.connection.send_frame(&socketio::ack(id, &answer)?).await;
        } else {
            let told = ErrorEvent::new(refusal, event, None, clock::timestamp());
            self.connection.send(&told).await?;
        }
        Ok(Next::Continue)
    }

    /// Sends what a room's log holds and the client wasn't sent yet.
    async fn catch_up(&self, room: &RoomAddress) -> Result<()> {
        loop {
            let frames = self.engine.rooms().next_missed(room, &self.connection.id);
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                self.connection.send_frame(&frame).await;
            }
        }
        match self.engine.rooms().missed_presence(room, &self.connection.id) {
            Some(state) => self.connection.send(&state).await,
            None => Ok(()),
        }
    }

    fn set_deadline(&mut self) {
        if let Some(identity) = self.connection.identity() {
            let left_ms = identity.expires_at.unix_ms().saturating_sub(clock::unix_ms());
            let (after, deadline) =
                expiry_deadline(Duration::from_millis(left_ms), self.expiry_noticed);
            self.deadline = (Instant::now() + after, deadline);
        }
    }

    async fn on_deadline(&mut self) -> Result<Next> {
        match self.deadline.1 {
            Deadline::SignIn => {
                let message = "no sign-in in time".to_owned();
                self.connection.send(&AuthError { message, code: ErrorCode::AuthTimeout }).await?;
                metrics::refused(ErrorCode::AuthTimeout);
                return Ok(Next::Disconnect);
            }
            Deadline::ExpiryNotice => {
                if let Some(Identity { expires_at, .. }) = self.connection.identity() {
                    self.connection.send(&TokenExpiring { expires_at }).await?;
                }
                self.expiry_noticed = true;
            }
            Deadline::Expiry => {
                let message = "the token expired".to_owned();
                self.connection.send(&AuthError { message, code: ErrorCode::TokenExpired }).await?;
                metrics::refused(ErrorCode::TokenExpired);
                return Ok(Next::Disconnect);
            }
            Deadline::Recheck => {}
        }
        self.set_deadline();
        Ok(Next::Continue)
    }
}

/// What happens next to a token that is good for so long, and when.
fn expiry_deadline(left: Duration, noticed: bool) -> (Duration, Deadline) {
    let (after, deadline) = if noticed || left.is_zero() {
        (left, Deadline::Expiry)
    } else {
        (left.saturating_sub(EXPIRY_NOTICE), Deadline::ExpiryNotice)
    };
    if after > LONGEST_TIMER { (LONGEST_TIMER, Deadline::Recheck) } else { (after, deadline) }
}

/// The declared name of an event, or `unknown`: what a client makes up is neither logged nor counted
/// under its name.
fn known_name(name: &str) -> &'static str {
    event::find(Direction::Client, name).map_or("unknown", |event| event.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_noticed_then_expires() {
        let seconds = Duration::from_secs;
        let day = seconds(86_400);
        assert_eq!(expiry_deadline(seconds(100), false), (seconds(40), Deadline::ExpiryNotice));
        assert_eq!(expiry_deadline(seconds(30), false), (seconds(0), Deadline::ExpiryNotice));
        assert_eq!(expiry_deadline(seconds(30), true), (seconds(30), Deadline::Expiry));
        assert_eq!(expiry_deadline(seconds(0), false), (seconds(0), Deadline::Expiry));
        assert_eq!(expiry_deadline(day * 365, false), (day, Deadline::Recheck));
        assert_eq!(expiry_deadline(day * 365, true), (day, Deadline::Recheck));
    }

    #[test]
    fn a_made_up_event_has_no_name() {
        assert_eq!(known_name("join-project"), "join-project");
        assert_eq!(known_name("session-started"), "unknown", "not a client's event");
        assert_eq!(known_name("<script>"), "unknown");
    }
}
