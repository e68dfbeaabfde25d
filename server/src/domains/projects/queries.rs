//! The queries on projects and their members.

use samewire_protocol::id::{ProjectId, UserId};
use sqlx::{AnyPool, Row, any::AnyRow};

use super::{Project, Role};
use crate::store::column;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// What [`project`] reads.
macro_rules! columns {
    () => {
        "id, name, active, owner_id, ingest_key, created_at"
    };
}

fn project(row: &AnyRow) -> Result<Project> {
    Ok(Project {
        id: ProjectId(row.try_get("id")?),
        name: row.try_get("name")?,
        active: row.try_get::<i64, _>("active")? != 0,
        owner_id: UserId(row.try_get("owner_id")?),
        ingest_key: Some(row.try_get("ingest_key")?),
        created_at: column::to_timestamp(row.try_get("created_at")?),
    })
}

pub(super) async fn insert(pool: &AnyPool, project: &Project) -> Result<()> {
    sqlx::query(
        "INSERT INTO projects (id, name, active, owner_id, ingest_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(project.id.as_str())
    .bind(project.name.as_str())
    .bind(i64::from(project.active))
    .bind(project.owner_id.as_str())
    .bind(project.ingest_key.as_deref())
    .bind(column::from_timestamp(project.created_at))
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn get(pool: &AnyPool, id: &ProjectId) -> Result<Option<Project>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM projects WHERE id = $1"))
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(project).transpose()
}

/// Those that a user owns or is a member of, the oldest first.
pub(super) async fn of_user(pool: &AnyPool, user: &UserId) -> Result<Vec<Project>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM projects
         WHERE owner_id = $1 OR id IN (SELECT project_id FROM project_members WHERE user_id = $1)
         ORDER BY created_at, id"
    ))
    .bind(user.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(project).collect()
}

pub(super) async fn update(pool: &AnyPool, project: &Project) -> Result<()> {
    sqlx::query("UPDATE projects SET name = $2, active = $3 WHERE id = $1")
        .bind(project.id.as_str())
        .bind(project.name.as_str())
        .bind(i64::from(project.active))
        .execute(pool)
        .await
        .map(drop)
}

pub(super) async fn role(pool: &AnyPool, id: &ProjectId, user: &UserId) -> Result<Option<Role>> {
    let row =
        sqlx::query("SELECT role FROM project_members WHERE project_id = $1 AND user_id = $2")
            .bind(id.as_str())
            .bind(user.as_str())
            .fetch_optional(pool)
            .await?;
    let Some(row) = row else { return Ok(None) };
    match row.try_get::<String, _>("role")?.as_str() {
        "facilitator" => Ok(Some(Role::Facilitator)),
        "storyteller" => Ok(Some(Role::Storyteller)),
        _ => Ok(None),
    }
}

pub(super) async fn set_role(
    pool: &AnyPool,
    id: &ProjectId,
    user: &UserId,
    role: Role,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
    )
    .bind(id.as_str())
    .bind(user.as_str())
    .bind(match role {
        Role::Facilitator => "facilitator",
        Role::Storyteller => "storyteller",
    })
    .execute(pool)
    .await
    .map(drop)
}

/// Says whether the user was a member.
pub(super) async fn remove_role(pool: &AnyPool, id: &ProjectId, user: &UserId) -> Result<bool> {
    sqlx::query("DELETE FROM project_members WHERE project_id = $1 AND user_id = $2")
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(pool)
        .await
        .map(|done| done.rows_affected() > 0)
}
