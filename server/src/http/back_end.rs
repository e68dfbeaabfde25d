//! For back ends: publish to rooms, and ask after users and rooms (http.md, "For back ends").
//! Opened by the header `X-Api-Key`.

use std::sync::Arc;

use aide::{
    OperationInput,
    axum::{
        ApiRouter,
        routing::{get, post},
    },
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Extension, Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use samewire_protocol::{
    Direction, ErrorCode, Position, RoomAddress, event, id::UserId, limits::MAX_EVENT_NAME_BYTES,
    presence::User,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    engine::Engine,
    error::{Error, Result},
    http::{Body, Path, openapi::Opener},
};

/// Events that one call may publish.
const MAX_BATCH: usize = 1000;

/// The key that opens these calls; without one they are refused.
#[derive(Clone)]
pub struct ApiKey(Option<Arc<str>>);

impl ApiKey {
    /// The key, where one is set.
    pub fn new(key: Option<&str>) -> Self {
        // An empty header would open what an empty key locks.
        Self(key.filter(|key| !key.is_empty()).map(Arc::from))
    }
}

/// A caller who knows the key.
struct BackEnd;

impl FromRequestParts<Arc<Engine>> for BackEnd {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Engine>) -> Result<Self> {
        let key = parts.extensions.get::<ApiKey>().and_then(|key| key.0.clone());
        let Some(key) = key else {
            let message = "calls of back ends are off: no PUBLISH_KEY is set";
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        };
        match parts.headers.get("x-api-key") {
            None => Err(Error::refused(ErrorCode::Unauthenticated, "X-Api-Key is needed")),
            // In a time that doesn't tell how much of a guess was right.
            Some(given) => verify_slices_are_equal(given.as_bytes(), key.as_bytes())
                .map(|()| Self)
                .map_err(|_| Error::refused(ErrorCode::AccessDenied, "X-Api-Key is not ours")),
        }
    }
}

impl OperationInput for BackEnd {
    fn operation_input(
        _: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        Opener::ApiKey.opens(operation);
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Publication {
    /// The room's address, or a bare name for `room:{name}`.
    room: String,
    /// The event's name.
    event: String,
    /// Its payload.
    #[serde(default)]
    data: Value,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Publications {
    /// Several at once, checked together before the first is sent.
    batch: Vec<Publication>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Published {
    /// Events sent.
    published: usize,
    /// For each, where its room's log stands.
    positions: Vec<Position>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UserState {
    /// Whether the user is connected.
    online: bool,
    /// The user's connections.
    connections: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Disconnected {
    /// Connections that were ended.
    disconnected: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Room {
    /// Who is present.
    users: Vec<User>,
    /// Connections in the room.
    connections: usize,
    /// Where its log stands.
    position: Position,
}

/// The routes, opened by this key.
pub fn routes(key: ApiKey) -> ApiRouter<Arc<Engine>> {
    ApiRouter::new()
        .api_route("/api/publish", post(publish))
        .api_route("/api/users/{id}", get(user))
        .api_route("/api/users/{id}/disconnect", post(disconnect))
        .api_route("/api/rooms/{room}", get(room))
        .layer(Extension(key))
}

async fn publish(
    State(engine): State<Arc<Engine>>,
    _: BackEnd,
    Body(body): Body<Value>,
) -> Result<Json<Published>> {
    let batch = if body.get("batch").is_some() {
        samewire_protocol::payload::read::<Publications>(body)?.batch
    } else {
        vec![samewire_protocol::payload::read::<Publication>(body)?]
    };
    if batch.is_empty() || batch.len() > MAX_BATCH {
        return Err(Error::field("batch", format!("expected 1 to {MAX_BATCH} events")));
    }
    let checked = batch
        .into_iter()
        .map(|publication| check(&engine, publication))
        .collect::<Result<Vec<_>>>()?;
    let mut positions = Vec::with_capacity(checked.len());
    for (room, event, data) in &checked {
        positions.push(engine.publish_value(room, event, data).await?);
    }
    Ok(Json(Published { published: positions.len(), positions }))
}

/// What is to be published, where its room can be and a declared event's payload fits its type.
fn check(engine: &Engine, publication: Publication) -> Result<(RoomAddress, String, Value)> {
    let room = engine.address(&publication.room)?;
    if publication.event.is_empty() || publication.event.len() > MAX_EVENT_NAME_BYTES {
        let problem = format!("expected a name of 1 to {MAX_EVENT_NAME_BYTES} bytes");
        return Err(Error::field("event", problem));
    }
    let data = match event::find(Direction::Server, &publication.event) {
        Some(known) => (known.payload.check)(publication.data).map_err(|mut error| {
            error.path = match error.path.as_str() {
                "payload" => "data".into(),
                path => format!("data.{path}"),
            };
            error
        })?,
        None => publication.data,
    };
    Ok((room, publication.event, data))
}

async fn user(
    State(engine): State<Arc<Engine>>,
    _: BackEnd,
    Path(id): Path<UserId>,
) -> Result<Json<UserState>> {
    let connections = engine.connection_count_of(&id).await?;
    Ok(Json(UserState { online: connections > 0, connections }))
}

async fn disconnect(
    State(engine): State<Arc<Engine>>,
    _: BackEnd,
    Path(id): Path<UserId>,
) -> Result<Json<Disconnected>> {
    Ok(Json(Disconnected { disconnected: engine.disconnect(&id).await? }))
}

async fn room(
    State(engine): State<Arc<Engine>>,
    _: BackEnd,
    Path(room): Path<String>,
) -> Result<Json<Room>> {
    let address = engine.address(&room)?;
    let state = engine
        .room(&address)
        .await?
        .ok_or_else(|| Error::refused(ErrorCode::NotFound, "nobody is or was in this room"))?;
    Ok(Json(Room { users: state.users, connections: state.connections, position: state.position }))
}
