//! The HTTP routes of stories.

use std::sync::Arc;

use aide::axum::{
    ApiRouter,
    routing::{get, get_with, patch, post_with, put},
};
use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    middleware::from_fn_with_state,
    response::Response,
};
use samewire_protocol::{
    ErrorCode,
    id::{InteractionId, ProjectId, StoryId},
    stories::{Interaction, Story},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ChangeInteraction, NewInteraction, NewTranscript, Stories, exports, queries,
    uploads::{Form, MAX_FORM_BYTES},
};
use crate::{
    engine::Engine,
    error::{Error, Result},
    http::{
        Body, Caller, Path, Query,
        file::File,
        page::{PAGE, Page, next},
        read_refused_body,
    },
};

#[derive(Debug, Serialize, JsonSchema)]
struct StoriesPage {
    /// The newest first.
    stories: Vec<Story>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<StoryId>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct InteractionsPage {
    /// In the order they were made.
    interactions: Vec<Interaction>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
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
        .api_route(
            "/api/stories/{id}/media",
            get_with(media, |route| route.response::<200, Bytes>()),
        )
        .api_route("/api/stories/{id}/transcript", put(transcribe))
        .api_route(
            "/api/stories/{id}/interactions",
            post_with(interact, |route| route.response::<201, Json<Interaction>>())
                .get(interactions),
        )
        .api_route("/api/interactions/{id}", patch(change_interaction))
        .merge(exports::routes())
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
    domain.seen_story(&id, &caller.user_id).await.map(Json)
}

async fn media(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<StoryId>,
    headers: HeaderMap,
) -> Result<Response> {
    let story = domain.seen_story(&id, &caller.user_id).await?;
    if story.size.is_none() {
        return Err(Error::refused(ErrorCode::NotFound, "the story has no recording"));
    }
    let media_type = story.media_type.unwrap_or_else(|| "application/octet-stream".into());
    let file = File { path: domain.media.recording(&id), media_type, name: id.to_string() };
    file.answer(headers).await
}

async fn transcribe(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<StoryId>,
    Body(new): Body<NewTranscript>,
) -> Result<Json<Story>> {
    domain.transcribe(&engine, &caller.user_id, &id, new).await.map(Json)
}

async fn interact(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<StoryId>,
    Body(new): Body<NewInteraction>,
) -> Result<(StatusCode, Json<Interaction>)> {
    let interaction = domain.interact(&engine, &caller.user_id, &id, new).await?;
    Ok((StatusCode::CREATED, Json(interaction)))
}

async fn interactions(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<StoryId>,
    Query(page): Query<Page>,
) -> Result<Json<InteractionsPage>> {
    domain.seen_story(&id, &caller.user_id).await?;
    let after = page.after.map(InteractionId);
    let interactions =
        queries::interactions::page(domain.store.pool(), &id, after.as_ref(), PAGE).await?;
    let next = next(&interactions, |interaction| interaction.id.to_string());
    Ok(Json(InteractionsPage { interactions, next }))
}

async fn change_interaction(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<InteractionId>,
    Body(change): Body<ChangeInteraction>,
) -> Result<Json<Interaction>> {
    domain.change_interaction(&engine, &caller.user_id, &id, change).await.map(Json)
}
