//! A project's stories, their transcripts, interactions and exports (wire.md, section 9).

use crate::{
    ErrorCode, SafeInteger, Timestamp, events,
    id::{ExportId, InteractionId, ProjectId, StoryId, UserId},
    room,
    rooms::{Joined, Left},
};

events! {
    /// A project's stories, their transcripts, interactions and exports (wire.md, section 9).
    domain STORIES = "stories";

    /// Joins `stories:{projectId}`; answered by `joined_project`.
    client "join_project" -> Joined, bare "projectId", refuses [ProjectAccessDenied];
    pub struct JoinStories {
        /// The project.
        pub project_id: ProjectId,
    }

    /// Joined a project's stories.
    server "joined_project";
    pub struct JoinedProject {
        /// The project.
        pub project_id: ProjectId,
    }

    /// Leaves `stories:{projectId}`; answered by `left_project`.
    client "leave_project" -> Left, bare "projectId", refuses [NotFound];
    pub struct LeaveStories {
        /// The project.
        pub project_id: ProjectId,
    }

    /// Left a project's stories.
    server "left_project";
    pub struct LeftProject {
        /// The project.
        pub project_id: ProjectId,
    }

    /// A story was uploaded.
    server "story_uploaded" in [room::STORIES];
    pub struct StoryUploaded {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The story.
        pub story: Story,
        /// Who uploaded it.
        pub uploaded_by: UserId,
    }

    /// A story is being processed.
    server "story_processing" in [room::STORIES];
    pub struct StoryProcessing {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The story.
        pub story_id: StoryId,
        /// What is being done: `checksum` (all bytes are read), `audio` (its frames are), `text`.
        pub stage: String,
        /// How much of all stages is done, from 0 to 1.
        pub progress: f64,
    }

    /// A story was processed, or can't be: its status says which.
    server "story_processed" in [room::STORIES];
    pub struct StoryProcessed {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The story with what was found out about it.
        pub story: Story,
    }

    /// A transcript was changed.
    server "transcript_updated" in [room::STORIES];
    pub struct TranscriptUpdated {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The story.
        pub story_id: StoryId,
        /// The whole transcript.
        pub transcript: String,
        /// Who changed it.
        pub updated_by: UserId,
        /// Its version, counted from 1.
        pub version: u32,
    }

    /// Somebody commented, asked or answered.
    server "interaction_added" in [room::STORIES];
    pub struct InteractionAdded {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The interaction.
        pub interaction: Interaction,
    }

    /// An interaction was changed.
    server "interaction_updated" in [room::STORIES];
    pub struct InteractionUpdated {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The interaction.
        pub interaction: Interaction,
    }

    /// An export began.
    server "export_started" in [room::STORIES];
    pub struct ExportStarted {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The export.
        pub export_id: ExportId,
        /// What is written.
        pub format: ExportFormat,
        /// Who asked for it.
        pub requested_by: UserId,
    }

    /// An export goes on.
    server "export_progress" in [room::STORIES];
    pub struct ExportProgress {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The export.
        pub export_id: ExportId,
        /// How much of it is done, from 0 to 1.
        pub progress: f64,
        /// Stories written.
        pub processed: u32,
        /// Stories to write.
        pub total: u32,
    }

    /// An export can be downloaded.
    server "export_ready" in [room::STORIES];
    pub struct ExportReady {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The export.
        pub export_id: ExportId,
        /// Where.
        pub download_url: String,
        /// Its size in bytes.
        pub size: SafeInteger,
        /// Until when.
        pub expires_at: Timestamp,
    }

    /// An export failed and left no file.
    server "export_failed" in [room::STORIES];
    pub struct ExportFailed {
        /// The project.
        pub project_id: ProjectId,
        /// When.
        pub timestamp: Timestamp,
        /// The export.
        pub export_id: ExportId,
        /// Why.
        pub code: ErrorCode,
        /// Why, for a person.
        pub message: String,
    }

    /// A story: a text, a recording, or both.
    pub struct Story {
        /// Names it.
        pub id: StoryId,
        /// The project it belongs to.
        pub project_id: ProjectId,
        /// Its title.
        pub title: String,
        /// Who uploaded it.
        pub uploaded_by: UserId,
        /// When it was uploaded.
        pub created_at: Timestamp,
        /// The text, or the transcript of the recording.
        pub transcript: Option<String>,
        /// The transcript's version, counted from 1; 0 while there is no transcript.
        pub version: u32,
        /// The recording's media type, by its content.
        pub media_type: Option<String>,
        /// What has become of processing it.
        pub status: StoryStatus,
        /// Why it can't be processed, for a person.
        pub failure: Option<String>,
        /// How long the recording is, in seconds.
        pub duration: Option<f64>,
        /// The recording's sample rate, in hertz.
        pub sample_rate: Option<u32>,
        /// The recording's size in bytes.
        pub size: Option<SafeInteger>,
        /// The recording's SHA-256, in hexadecimal.
        pub checksum: Option<String>,
        /// Words of the text.
        pub word_count: Option<u32>,
    }

    /// What has become of processing a story.
    #[derive(Copy, Eq)]
    pub enum StoryStatus {
        /// It is being read, or waits for that.
        Processing,
        /// All was read.
        Processed,
        /// It can't be read; its failure says why.
        Failed,
    }

    /// A comment, question or answer.
    pub struct Interaction {
        /// Names it.
        pub id: InteractionId,
        /// The story it is about.
        pub story_id: StoryId,
        /// What it is.
        #[serde(rename = "type")]
        pub kind: InteractionType,
        /// What it says.
        pub content: String,
        /// Who wrote it.
        pub author_id: UserId,
        /// Whether it is settled.
        pub resolved: bool,
        /// When it was written.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub updated_at: Timestamp,
    }

    /// What an interaction is.
    #[derive(Copy, Eq)]
    pub enum InteractionType {
        /// A remark.
        Comment,
        /// A question.
        Question,
        /// An answer to one.
        Answer,
    }

    /// What an export is written as.
    #[derive(Copy, Eq)]
    pub enum ExportFormat {
        /// An archive with stories, transcripts and media.
        Zip,
        /// One JSON document, without media.
        Json,
    }
}
