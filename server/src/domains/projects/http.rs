//! The HTTP routes of projects.

use std::sync::Arc;

use aide::axum::{
    ApiRouter,
    routing::{get, post_with, put},
};
use axum::{Json, extract::State, http::StatusCode};
use samewire_protocol::{
    ErrorBody, ErrorCode, RoomAddress,
    id::{ProjectId, UserId},
    room::{PROJECT, STORIES},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Access, NewProject, Project, Projects, Role, checked_name, queries};
use crate::{
    engine::Engine,
    error::{Error, Result},
    http::{Body, Caller, Path},
    rooms::Whom,
};

#[derive(Debug, Deserialize, JsonSchema)]
struct ChangeProject {
    /// A new name.
    name: Option<String>,
    /// Whether it can be watched and brought events.
    active: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct SetRole {
    /// What the member does.
    role: Role,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Member {
    user_id: UserId,
    role: Role,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct MemberPath {
    id: ProjectId,
    user_id: UserId,
}

pub(super) fn routes(projects: Projects) -> ApiRouter<Arc<Engine>> {
    ApiRouter::new()
        .api_route(
            "/api/projects",
            post_with(create, |route| route.response::<201, Json<Project>>()).get(list),
        )
        .api_route("/api/projects/{id}", get(read).patch(change))
        .api_route(
            "/api/projects/{id}/members/{user_id}",
            put(set_member).delete_with(remove_member, |route| route.response::<204, ()>()),
        )
        .layer(axum::Extension(projects))
}

type Domain = axum::Extension<Projects>;

async fn create(
    projects: Domain,
    Caller(caller): Caller,
    Body(new): Body<NewProject>,
) -> Result<(StatusCode, Json<Project>)> {
    let project = projects.create(&caller.user_id, new).await?;
    Ok((StatusCode::CREATED, Json(project)))
}

async fn list(projects: Domain, Caller(caller): Caller) -> Result<Json<Vec<Project>>> {
    let listed = projects.of_user(&caller.user_id).await?;
    Ok(Json(listed.into_iter().map(|project| seen_by(project, &caller.user_id)).collect()))
}

async fn read(
    projects: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
) -> Result<Json<Project>> {
    match projects.access(&id, &caller.user_id).await? {
        (_, Access::Stranger) => {
            Err(Error::refused(ErrorCode::Unauthorized, "this project belongs to somebody else"))
        }
        (project, _) => Ok(Json(seen_by(project, &caller.user_id))),
    }
}

async fn change(
    State(engine): State<Arc<Engine>>,
    projects: Domain,
    Caller(caller): Caller,
    Path(id): Path<ProjectId>,
    Body(change): Body<ChangeProject>,
) -> Result<Json<Project>> {
    let mut project = projects.owned(&id, &caller.user_id).await?;
    if let Some(name) = change.name {
        project.name = checked_name(name)?;
    }
    if let Some(active) = change.active {
        project.active = active;
    }
    queries::update(projects.store.pool(), &project).await?;
    if !project.active {
        let reason = ErrorBody::new(ErrorCode::ProjectInactive, "the project is not active");
        engine.revoke(&RoomAddress::new(PROJECT, &id), &Whom::All, reason).await?;
    }
    Ok(Json(project))
}

async fn set_member(
    projects: Domain,
    Caller(caller): Caller,
    Path(path): Path<MemberPath>,
    Body(SetRole { role }): Body<SetRole>,
) -> Result<Json<Member>> {
    manage(&projects, &path.id, &caller.user_id).await?;
    projects.set_role(&path.id, &path.user_id, role).await?;
    Ok(Json(Member { user_id: path.user_id, role }))
}

async fn remove_member(
    State(engine): State<Arc<Engine>>,
    projects: Domain,
    Caller(caller): Caller,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode> {
    let project = manage(&projects, &path.id, &caller.user_id).await?;
    if !queries::remove_role(projects.store.pool(), &path.id, &path.user_id).await? {
        return Err(Error::refused(ErrorCode::NotFound, "no such member"));
    }
    if project.owner_id != path.user_id {
        let reason = ErrorBody::new(ErrorCode::ProjectAccessDenied, "no longer a member");
        let stories = RoomAddress::new(STORIES, &path.id);
        engine.revoke(&stories, &Whom::User(path.user_id), reason).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The project, where somebody may change its members.
async fn manage(projects: &Projects, id: &ProjectId, user: &UserId) -> Result<Project> {
    match projects.access(id, user).await? {
        (project, Access::Owner | Access::Member(Role::Facilitator)) => Ok(project),
        _ => Err(Error::refused(ErrorCode::Unauthorized, "only its owner or a facilitator may")),
    }
}

/// The project without what this user may not see.
fn seen_by(mut project: Project, user: &UserId) -> Project {
    if project.owner_id != *user {
        project.ingest_key = None;
    }
    project
}
