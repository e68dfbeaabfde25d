//! Watching tracked sessions as they happen (wire.md, section 8).

use serde_json::{Map, Value};

use crate::{
    Timestamp, events,
    id::{ProjectId, SessionId},
    room::PROJECT,
    rooms::{Joined, Left},
};

events! {
    /// Watching tracked sessions as they happen (wire.md, section 8).
    domain LIVE_PREVIEW = "live_preview";

    /// Watches a project: joins `project:{id}`.
    client "join-project" -> Joined, bare "projectId", refuses [
        MissingProjectId, Unauthorized, ProjectNotFound, ProjectInactive, JoinFailed,
        TokenInvalid, TokenExpired,
    ];
    pub struct JoinProject {
        /// The project.
        #[schemars(required)]
        pub project_id: Option<ProjectId>,
        /// Verified too, where it is given; must be of the same user.
        pub token: Option<String>,
    }

    /// Stops watching a project.
    client "leave-project" -> Left, bare "projectId", refuses [MissingProjectId, LeaveFailed];
    pub struct LeaveProject {
        /// The project.
        #[schemars(required)]
        pub project_id: Option<ProjectId>,
    }

    /// Which sessions go on: what somebody who comes late needs to know.
    client "open-sessions" -> OpenSessions, bare "projectId",
        refuses [Unauthorized, ProjectNotFound, ProjectInactive];
    pub struct ReadOpenSessions {
        /// The project.
        pub project_id: ProjectId,
    }

    /// The sessions that go on.
    pub struct OpenSessions {
        /// The latest 100, the newest first.
        pub sessions: Vec<SessionStarted>,
    }

    /// A tracked session began.
    server "session-started" in [PROJECT];
    pub struct SessionStarted {
        /// The session.
        pub session_id: SessionId,
        /// Who is tracked, in the words of the tracked page.
        pub external_user_id: String,
        /// When.
        pub timestamp: Timestamp,
    }

    /// Something happened in a tracked session.
    server "event-received" in [PROJECT];
    pub struct EventReceived {
        /// The session.
        pub session_id: SessionId,
        /// Who is tracked.
        pub external_user_id: String,
        /// What happened.
        pub event: TrackerEvent,
    }

    /// A tracked session ended.
    server "session-ended" in [PROJECT];
    pub struct SessionEnded {
        /// The session.
        pub session_id: SessionId,
        /// Who was tracked.
        pub external_user_id: String,
        /// Whether it was submitted, not abandoned.
        pub submitted: bool,
        /// When.
        pub timestamp: Timestamp,
    }

    /// What a tracker saw. Further fields are kept as they came.
    pub struct TrackerEvent {
        /// What kind of thing happened.
        pub event_type: TrackerEventType,
        /// When.
        pub timestamp: Timestamp,
        /// The character, where a key wrote one.
        pub key_char: Option<String>,
        /// All further fields.
        #[serde(flatten)]
        pub further: Map<String, Value>,
    }

    /// The kinds that every tracker knows, or another string.
    pub enum TrackerEventType {
        /// A key went down.
        KeyDown,
        /// A key came up.
        KeyUp,
        /// A field's value changed.
        Input,
        /// Something was pasted.
        Paste,
        /// Something was copied.
        Copy,
        /// Something was cut.
        Cut,
        /// A field got the focus.
        Focus,
        /// A field lost it.
        Blur,
        /// A click.
        Click,
        /// The page was scrolled.
        Scroll,
        /// The pointer moved.
        MouseMove,
        /// The page was hidden or shown.
        Visibility,
        /// A kind of the application's own.
        #[serde(untagged)]
        Other(String),
    }
}
