//! What people say about a story: comments, questions and answers.

use samewire_protocol::{
    ErrorCode,
    id::{InteractionId, StoryId, UserId},
    stories::{Interaction, InteractionAdded, InteractionType, InteractionUpdated},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Stories, queries, room};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// Longest content, in bytes.
const MAX_CONTENT_BYTES: usize = 10_000;

/// Interactions of a story.
const MAX_INTERACTIONS: u64 = 10_000;

/// Something to be said about a story.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct NewInteraction {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: InteractionType,
    /// What it says.
    pub content: String,
}

/// A change of an interaction.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ChangeInteraction {
    /// What it is to say; for its author.
    pub content: Option<String>,
    /// Whether it is settled; for any member.
    pub resolved: Option<bool>,
}

impl Stories {
    /// Says something about a story.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProjectAccessDenied`],
    /// [`ErrorCode::ProjectInactive`]; when the content is empty or too long, the story has as many
    /// interactions as it may have, or the database fails.
    pub async fn interact(
        &self,
        engine: &Engine,
        user: &UserId,
        id: &StoryId,
        new: NewInteraction,
    ) -> Result<Interaction> {
        let story = self.changed_story(id, user).await?;
        let content = checked(new.content)?;
        let _lock = engine.lock(&room(&story.project_id)).await?;
        if queries::interactions::count(self.store.pool(), id).await? >= MAX_INTERACTIONS {
            let message = format!("a story has at most {MAX_INTERACTIONS} interactions");
            return Err(Error::refused(ErrorCode::PayloadTooLarge, message));
        }
        let now = clock::timestamp();
        let interaction = Interaction {
            id: InteractionId(uuid::Uuid::now_v7().to_string()),
            story_id: id.clone(),
            kind: new.kind,
            content,
            author_id: user.clone(),
            resolved: false,
            created_at: now,
            updated_at: now,
        };
        queries::interactions::insert(self.store.pool(), &interaction).await?;
        let told = InteractionAdded {
            project_id: story.project_id,
            timestamp: now,
            interaction: interaction.clone(),
        };
        engine.publish(&room(&told.project_id), &told).await?;
        Ok(interaction)
    }

    /// Changes what an interaction says, or whether it is settled.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProjectAccessDenied`],
    /// [`ErrorCode::ProjectInactive`], [`ErrorCode::AccessDenied`] where its content is somebody
    /// else's; when nothing is to be changed, the content is empty or too long, or the database
    /// fails.
    pub async fn change_interaction(
        &self,
        engine: &Engine,
        user: &UserId,
        id: &InteractionId,
        change: ChangeInteraction,
    ) -> Result<Interaction> {
        let story = self.changed_story(&self.interaction(id).await?.story_id, user).await?;
        if change.content.is_none() && change.resolved.is_none() {
            return Err(Error::field("payload", "expected content, resolved or both"));
        }
        let _lock = engine.lock(&room(&story.project_id)).await?;
        let mut interaction = self.interaction(id).await?;
        if let Some(content) = change.content {
            if interaction.author_id != *user {
                let message = "only its author changes what it says";
                return Err(Error::refused(ErrorCode::AccessDenied, message));
            }
            interaction.content = checked(content)?;
        }
        if let Some(resolved) = change.resolved {
            interaction.resolved = resolved;
        }
        interaction.updated_at = clock::timestamp();
        queries::interactions::update(self.store.pool(), &interaction).await?;
        let told = InteractionUpdated {
            project_id: story.project_id,
            timestamp: interaction.updated_at,
            interaction: interaction.clone(),
        };
        engine.publish(&room(&told.project_id), &told).await?;
        Ok(interaction)
    }

    async fn interaction(&self, id: &InteractionId) -> Result<Interaction> {
        queries::interactions::get(self.store.pool(), id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such interaction"))
    }
}

fn checked(content: String) -> Result<String> {
    if content.trim().is_empty() || content.len() > MAX_CONTENT_BYTES {
        return Err(Error::field("content", format!("expected 1 to {MAX_CONTENT_BYTES} bytes")));
    }
    Ok(content)
}
