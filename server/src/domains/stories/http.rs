//! The HTTP routes of stories.

use std::sync::Arc;

use aide::axum::{
    ApiRouter,
    routing::{get, post_with},
};
use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware::from_fn_with_state,
};
use samewire_protocol::{
    id::{ProjectId, StoryId},
    stories::Story,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Stories, queries,
    uploads::{Form, MAX_FORM_BYTES},
};
use crate::{
    engine::Engine,
    error::Result,
    http::{Caller, Path, Query, page::Page, read_refused_body},
};

#[derive(Debug, Serialize, JsonSchema)]
struct StoriesPage {
    /// The newest first.
    stories: Vec<Story>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<StoryId>,
}

pub(super) fn routes(stories: Stories) -> ApiRouter<Arc<Engine>> {
    let media_bytes = usize::try_from(stories.settings.media_bytes.as_u64()).unwrap_or(usize::MAX);
    let max_bytes = media_bytes.saturating_add(MAX_FORM_BYTES);
    ApiRouter::new()
        .api_route(
            "/api/projects/{id}/stories",
            post_with(upload, |route| route.response::<201, Json<Story>>())
                .layer(DefaultBodyLimit::max(max_bytes))
                .layer(from_fn_with_state(max_bytes, read_refused_body))
                .get(list),
        )
        .api_route("/api/stories/{id}", get(read))
        .layer(axum::Extension(stories))
}

type Domain = axum::Extension<Stories>;

async fn upload(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
    form: Form,
) -> Result<(StatusCode, Json<Story>)> {
    let story = domain.upload(&engine, &caller.user_id, &id, form).await?;
    Ok((StatusCode::CREATED, Json(story)))
}

async fn list(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
    Query(page): Query<Page>,
) -> Result<Json<StoriesPage>> {
    domain.seen(&id, &caller.user_id).await?;
    let after = page.after.map(StoryId);
    let (stories, next) = queries::stories::page(domain.store.pool(), &id, after.as_ref()).await?;
    Ok(Json(StoriesPage { stories, next }))
}

async fn read(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<StoryId>,
) -> Result<Json<Story>> {
    let story = domain.story(&id).await?;
    domain.seen(&story.project_id, &caller.user_id).await?;
    Ok(Json(story))
}
