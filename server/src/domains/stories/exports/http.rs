//! The HTTP routes of exports.

use std::sync::Arc;

use aide::axum::{
    ApiRouter,
    routing::{get, get_with, post_with},
};
use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use samewire_protocol::{
    id::{ExportId, ProjectId},
    stories::ExportFormat,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Export, NewExport, Stories, queries};
use crate::{
    engine::Engine,
    error::Result,
    http::{
        Body, Caller, Path, Query,
        file::File,
        page::{PAGE, Page, next},
    },
};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Begun {
    export_id: ExportId,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Exports {
    /// The newest first.
    exports: Vec<Export>,
    /// What to ask for next; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Arc<Engine>> {
    ApiRouter::new()
        .api_route(
            "/api/projects/{id}/exports",
            post_with(export, |route| route.response::<202, Json<Begun>>()).get(list),
        )
        .api_route("/api/exports/{id}", get(read))
        .api_route(
            "/api/exports/{id}/download",
            get_with(download, |route| route.response::<200, Bytes>().response::<206, Bytes>()),
        )
}

type Domain = axum::Extension<Stories>;

async fn export(
    State(engine): State<Arc<Engine>>,
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
    Body(new): Body<NewExport>,
) -> Result<(StatusCode, Json<Begun>)> {
    let export = domain.export(&engine, &caller.user_id, &id, new).await?;
    Ok((StatusCode::ACCEPTED, Json(Begun { export_id: export.id })))
}

async fn list(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
    Query(page): Query<Page>,
) -> Result<Json<Exports>> {
    domain.seen(&id, &caller.user_id).await?;
    let after = page.after.map(ExportId);
    let exports = queries::page(domain.store.pool(), &id, after.as_ref(), PAGE).await?;
    let next = next(&exports, |export| export.id.to_string());
    Ok(Json(Exports { exports, next }))
}

async fn read(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ExportId>,
) -> Result<Json<Export>> {
    domain.seen_export(&id, &caller.user_id).await.map(Json)
}

async fn download(
    domain: Domain,
    Caller(caller): Caller,
    Path(id): Path<ExportId>,
    headers: HeaderMap,
) -> Result<Response> {
    let export = domain.seen_export(&id, &caller.user_id).await?;
    let media_type = match export.format {
        ExportFormat::Zip => "application/zip",
        ExportFormat::Json => "application/json",
    };
    let path = domain.export_file(&export)?;
    File { path, media_type: media_type.into(), name: export.file_name() }.answer(headers).await
}
