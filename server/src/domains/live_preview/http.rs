//! The HTTP routes of live preview: a tracked page brings events by its project's ingest key, the
//! owner reads what is stored.

use std::sync::Arc;

use aide::{
    OperationInput,
    axum::{
        ApiRouter,
        routing::{post, post_with},
    },
};
use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use samewire_protocol::{
    ErrorCode,
    id::{ProjectId, SessionId},
    live_preview::TrackerEvent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    LivePreview, queries,
    sessions::{Ingested, NewSession, Session},
};
use crate::{
    domains::projects::Project,
    engine::Engine,
    error::{Error, Result},
    http::{
        Body, Caller, Path, Query,
        openapi::Opener,
        page::{PAGE, Page, next},
    },
};

/// The `X-Ingest-Key` header.
struct IngestKey(String);

impl<S: Sync> FromRequestParts<S> for IngestKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let key = parts.headers.get("x-ingest-key").and_then(|key| key.to_str().ok());
        key.map(|key| Self(key.to_owned()))
            .ok_or_else(|| Error::refused(ErrorCode::Unauthenticated, "X-Ingest-Key is needed"))
    }
}

impl OperationInput for IngestKey {
    fn operation_input(
        _: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) {
        Opener::IngestKey.opens(operation);
    }
}

impl IngestKey {
    fn opens(&self, project: &Project) -> Result<()> {
        if project.ingest_key.as_deref() == Some(self.0.as_str()) {
            Ok(())
        } else {
            Err(Error::refused(ErrorCode::AccessDenied, "X-Ingest-Key is of another project"))
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Batch {
    /// What happened, in order; up to 1,000.
    events: Vec<TrackerEvent>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Begun {
    session_id: SessionId,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Sessions {
    /// The newest first.
    sessions: Vec<Session>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Events {
    /// In the order they were sent.
    events: Vec<TrackerEvent>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) fn routes(live_preview: LivePreview) -> ApiRouter<Arc<Engine>> {
    ApiRouter::new()
        .api_route(
            "/api/projects/{id}/sessions",
            post_with(begin, |route| route.response::<201, Json<Begun>>()).get(sessions),
        )
        .api_route(
            "/api/sessions/{id}/events",
            post_with(ingest, |route| route.response::<202, Json<Ingested>>()).get(events),
        )
        .api_route("/api/sessions/{id}/submit", post(end::<true>))
        .api_route("/api/sessions/{id}/end", post(end::<false>))
        .layer(axum::Extension(live_preview))
}

type Domain = axum::Extension<LivePreview>;

async fn begin(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    key: IngestKey,
    Path(id): Path<ProjectId>,
    Body(new): Body<NewSession>,
) -> Result<(StatusCode, Json<Begun>)> {
    let project = domain.projects.get(&id).await?;
    key.opens(&project)?;
    let session = domain.begin(&engine, project, new).await?;
    Ok((StatusCode::CREATED, Json(Begun { session_id: session.session_id })))
}

async fn ingest(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    key: IngestKey,
    Path(id): Path<SessionId>,
    Body(batch): Body<Batch>,
) -> Result<(StatusCode, Json<Ingested>)> {
    let (project, session) = opened(&domain, &key, &id).await?;
    let ingested = domain.ingest(&engine, project, session, batch.events).await?;
    Ok((StatusCode::ACCEPTED, Json(ingested)))
}

/// Ends a session: submitted, or abandoned.
async fn end<const SUBMITTED: bool>(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    key: IngestKey,
    Path(id): Path<SessionId>,
) -> Result<Json<Session>> {
    let (_, session) = opened(&domain, &key, &id).await?;
    domain.end(&engine, session, SUBMITTED).await.map(Json)
}

async fn sessions(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
    Query(page): Query<Page>,
) -> Result<Json<Sessions>> {
    domain.projects.owned(&id, &caller.user_id).await?;
    let after = page.after.map(SessionId);
    let sessions = queries::page(domain.store.pool(), &id, after.as_ref(), PAGE).await?;
    let next = next(&sessions, |session| session.session_id.0.clone());
    Ok(Json(Sessions { sessions, next }))
}

async fn events(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<SessionId>,
    Query(page): Query<Page>,
) -> Result<Json<Events>> {
    let session = domain.session(&id).await?;
    domain.projects.owned(&session.project_id, &caller.user_id).await?;
    let after = match page.after {
        None => 0,
        Some(after) => after.parse().map_err(|_| Error::field("after", "expected an integer"))?,
    };
    let numbered = queries::events(domain.store.pool(), &id, after, PAGE).await?;
    let next = next(&numbered, |(seq, _)| seq.to_string());
    Ok(Json(Events { events: numbered.into_iter().map(|(_, event)| event).collect(), next }))
}

/// The session and its project, where the key is the project's.
async fn opened(
    domain: &LivePreview,
    key: &IngestKey,
    id: &SessionId,
) -> Result<(Project, Session)> {
    let session = domain.session(id).await?;
    let project = domain.projects.get(&session.project_id).await?;
    key.opens(&project)?;
    Ok((project, session))
}
