//! Projects: who owns them, who is a member, and whether they are active (http.md, "Projects").

mod http;
mod queries;

use samewire_protocol::{
    ErrorCode, Timestamp,
    id::{ProjectId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock,
    error::{Error, Result},
    registry::{Domain, Registry},
    store::Store,
};

/// A project, as the caller may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Names it.
    pub id: ProjectId,
    /// What it is called.
    pub name: String,
    /// Whether it can be watched and brought events.
    pub active: bool,
    /// Whose it is.
    pub owner_id: UserId,
    /// What a tracked page sends along; shown to the owner alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingest_key: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A project to be made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct NewProject {
    /// What it is called.
    pub name: String,
}

/// What a member does in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Leads it: may add and remove members.
    Facilitator,
    /// Tells stories.
    Storyteller,
}

/// What somebody is to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Owns it.
    Owner,
    /// Is a member.
    Member(Role),
    /// Neither.
    Stranger,
}

/// The projects in the store.
#[derive(Debug, Clone)]
pub struct Projects {
    store: Store,
}

impl Projects {
    /// The projects in this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes a project.
    ///
    /// # Errors
    /// When the name is empty or too long, or the database fails.
    pub async fn create(&self, owner: &UserId, new: NewProject) -> Result<Project> {
        let project = Project {
            id: ProjectId(uuid::Uuid::now_v7().to_string()),
            name: checked_name(new.name)?,
            active: true,
            owner_id: owner.clone(),
            ingest_key: Some(uuid::Uuid::new_v4().simple().to_string()),
            created_at: clock::timestamp(),
        };
        queries::insert(self.store.pool(), &project).await?;
        Ok(project)
    }

    /// Those that a user owns or is a member of, the oldest first, with their ingest keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Project>> {
        Ok(queries::of_user(self.store.pool(), user).await?)
    }

    /// The project, with its ingest key.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectNotFound`], or when the database fails.
    pub async fn get(&self, id: &ProjectId) -> Result<Project> {
        queries::get(self.store.pool(), id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::ProjectNotFound, "no such project"))
    }

    /// The project and what somebody is to it.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectNotFound`], or when the database fails.
    pub async fn access(&self, id: &ProjectId, user: &UserId) -> Result<(Project, Access)> {
        let project = self.get(id).await?;
        let access = if project.owner_id == *user {
            Access::Owner
        } else {
            queries::role(self.store.pool(), id, user)
                .await?
                .map_or(Access::Stranger, Access::Member)
        };
        Ok((project, access))
    }

    /// Makes somebody a member of a project, or gives a member another role.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_role(&self, id: &ProjectId, user: &UserId, role: Role) -> Result<()> {
        Ok(queries::set_role(self.store.pool(), id, user, role).await?)
    }

    /// The project, where somebody owns it.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectNotFound`], [`ErrorCode::Unauthorized`], or when the database fails.
    pub async fn owned(&self, id: &ProjectId, user: &UserId) -> Result<Project> {
        let project = self.get(id).await?;
        if project.owner_id == *user {
            Ok(project)
        } else {
            Err(Error::refused(ErrorCode::Unauthorized, "this project belongs to somebody else"))
        }
    }
}

impl Project {
    /// The project, where it is active.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectInactive`].
    pub fn active(self) -> Result<Self> {
        if self.active {
            Ok(self)
        } else {
            Err(Error::refused(ErrorCode::ProjectInactive, "the project is not active"))
        }
    }
}

impl Domain for Projects {
    fn register(self, registry: &mut Registry) {
        registry.routes(http::routes(self));
    }
}

fn checked_name(name: String) -> Result<String> {
    const MAX_BYTES: usize = 200;
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_BYTES {
        return Err(Error::field("name", format!("expected 1 to {MAX_BYTES} bytes")));
    }
    Ok(name.to_owned())
}
