//! Transcripts, which several people correct at once.

use samewire_protocol::{
    ErrorCode,
    id::{StoryId, UserId},
    stories::{Story, TranscriptUpdated},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Stories, processing::words, queries, room, uploads::check_text};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// A story's new transcript.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct NewTranscript {
    /// The whole transcript.
    pub transcript: String,
    /// The version that was changed; where another is current, nothing is. Without one the last
    /// writer wins.
    pub version: Option<u32>,
}

impl Stories {
    /// Gives a story another transcript.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProjectAccessDenied`],
    /// [`ErrorCode::ProjectInactive`], [`ErrorCode::Conflict`] with the story as it is; when the
    /// text is too long, or the database fails.
    pub async fn transcribe(
        &self,
        engine: &Engine,
        user: &UserId,
        id: &StoryId,
        new: NewTranscript,
    ) -> Result<Story> {
        let project = self.changed_story(id, user).await?.project_id;
        check_text("transcript", &new.transcript)?;
        let _lock = engine.lock(&room(&project)).await?;
        let before = self.story(id).await?;
        if new.version.is_some_and(|version| version != before.version) {
            let message = format!("the transcript's current version is {}", before.version);
            return Err(Error::conflict(message, &before));
        }
        let version = before.version.saturating_add(1);
        let count = words(&new.transcript);
        let pool = self.store.pool();
        if !queries::stories::transcribe(pool, &before, &new.transcript, count).await? {
            // Of another server.
            return Err(Error::refused(ErrorCode::Conflict, "the transcript has just changed"));
        }
        engine
            .publish(
                &room(&project),
                &TranscriptUpdated {
                    project_id: project.clone(),
                    timestamp: clock::timestamp(),
                    story_id: id.clone(),
                    transcript: new.transcript,
                    updated_by: user.clone(),
                    version,
                },
            )
            .await?;
        self.story(id).await
    }
}
