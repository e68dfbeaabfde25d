//! What becomes of a tracked session: begun, brought events, ended. Each is stored, then told.

use std::sync::Arc;

use samewire_protocol::{
    ErrorCode, RoomAddress, SafeInteger, Timestamp,
    id::{ProjectId, SessionId},
    limits::MAX_TRACKED_EVENTS,
    live_preview::{EventReceived, SessionEnded, SessionStarted, TrackerEvent},
    room::PROJECT,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    LivePreview,
    queries::{self, End},
};
use crate::{
    backplane::once::of_job,
    clock,
    domains::projects::Project,
    engine::Engine,
    error::{Error, Result},
    store::untold::{self, What},
};

/// Ends that are told at once where nobody had told them.
const MAX_UNTOLD: i64 = 1000;

/// A session to begin.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSession {
    /// Who is tracked, in the words of the tracked page.
    pub external_user_id: String,
}

/// A tracked session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Names it.
    pub session_id: SessionId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// Who is tracked.
    pub external_user_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When the last event came.
    pub last_event_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Whether it was submitted.
    pub submitted: bool,
    /// Events stored.
    pub event_count: SafeInteger,
}

/// What became of a batch of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ingested {
    /// Events stored: all of the batch.
    pub stored: usize,
    /// Events sent to those who watch: the first of the batch.
    pub broadcast: usize,
}

impl LivePreview {
    /// Begins a session.
    ///
    /// # Errors
    /// When the project isn't active, the user's name is empty or too long, or the database fails.
    pub async fn begin(
        &self,
        engine: &Engine,
        project: Project,
        new: NewSession,
    ) -> Result<Session> {
        const MAX_BYTES: usize = 256;
        let project = project.active()?;
        if new.external_user_id.is_empty() || new.external_user_id.len() > MAX_BYTES {
            return Err(Error::field("externalUserId", format!("expected 1 to {MAX_BYTES} bytes")));
        }
        let now = clock::timestamp();
        let session = Session {
            session_id: SessionId(uuid::Uuid::now_v7().to_string()),
            project_id: project.id,
            external_user_id: new.external_user_id,
            started_at: now,
            last_event_at: now,
            ended_at: None,
            submitted: false,
            event_count: SafeInteger::default(),
        };
        let _lock = engine.lock(&session.room()).await?;
        queries::insert(self.store.pool(), &session).await?;
        engine.publish(&session.room(), &session.started()).await?;
        Ok(session)
    }

    /// Stores a batch of events, all or none, and sends the first of them to those who watch.
    ///
    /// # Errors
    /// When the project isn't active, the session has ended, the batch is empty or too large, or
    /// the database fails.
    pub async fn ingest(
        &self,
        engine: &Engine,
        project: Project,
        session: Session,
        events: Vec<TrackerEvent>,
    ) -> Result<Ingested> {
        project.active()?;
        if events.is_empty() || events.len() > MAX_TRACKED_EVENTS {
            return Err(Error::field(
                "events",
                format!("expected 1 to {MAX_TRACKED_EVENTS} events"),
            ));
        }
        let _lock = engine.lock(&session.room()).await?;
        if !queries::append(self.store.pool(), &session.session_id, &events, clock::timestamp())
            .await?
        {
            return Err(Error::refused(ErrorCode::Conflict, "the session has ended"));
        }
        let ingested = Ingested {
            stored: events.len(),
            broadcast: events.len().min(self.settings.broadcast_events),
        };
        let room = session.room();
        for event in events.into_iter().take(ingested.broadcast) {
            engine
                .publish(
                    &room,
                    &EventReceived {
                        session_id: session.session_id.clone(),
                        external_user_id: session.external_user_id.clone(),
                        event,
                    },
                )
                .await?;
        }
        Ok(ingested)
    }

    /// Ends a session, submitted or abandoned. A second time changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end(&self, engine: &Engine, session: Session, submitted: bool) -> Result<Session> {
        self.end_silent(engine, &session, submitted, None).await?;
        self.session(&session.session_id).await
    }

    /// Ends a session, unless it was brought something since.
    async fn end_silent(
        &self,
        engine: &Engine,
        session: &Session,
        submitted: bool,
        since: Option<Timestamp>,
    ) -> Result<()> {
        let _lock = engine.lock(&session.room()).await?;
        let end = End { now: clock::timestamp(), submitted, silent_since: since };
        if queries::end(self.store.pool(), &session.session_id, end).await? {
            self.tell_end(engine, &session.session_id).await?;
        }
        Ok(())
    }

    /// Tells that a session has ended, unless that was told. To be called under its project's lock.
    async fn tell_end(&self, engine: &Engine, id: &SessionId) -> Result<()> {
        let pool = self.store.pool();
        if !untold::is_untold(pool, What::Session, id.as_str()).await? {
            return Ok(());
        }
        let session = self.session(id).await?;
        let told = SessionEnded {
            session_id: id.clone(),
            external_user_id: session.external_user_id.clone(),
            submitted: session.submitted,
            timestamp: session.ended_at.unwrap_or_else(clock::timestamp),
        };
        of_job(format!("session:{id}"), engine.publish(&session.room(), &told)).await?;
        untold::told(engine, pool, What::Session, id.as_str()).await;
        Ok(())
    }

    /// A session.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or when the database fails.
    pub async fn session(&self, id: &SessionId) -> Result<Session> {
        queries::get(self.store.pool(), id)
            .await?
            .ok_or_else(|| Error::refused(ErrorCode::NotFound, "no such session"))
    }

    /// Ends the sessions that were abandoned, and tells of those that a server ended and was gone before it
    /// told it; to be called now and then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_abandoned(&self, engine: &Arc<Engine>) -> Result<()> {
        let timeout_ms = clock::whole_ms(self.settings.session_timeout);
        let before = Timestamp::from_unix_ms(clock::unix_ms().saturating_sub(timeout_ms));
        for session in queries::silent_since(self.store.pool(), before).await? {
            self.end_silent(engine, &session, false, Some(before)).await?;
        }
        for id in untold::all(self.store.pool(), What::Session, MAX_UNTOLD).await? {
            let id = SessionId(id);
            let _lock = engine.lock(&self.session(&id).await?.room()).await?;
            self.tell_end(engine, &id).await?;
        }
        Ok(())
    }
}

impl Session {
    /// What was told when it began.
    pub fn started(&self) -> SessionStarted {
        SessionStarted {
            session_id: self.session_id.clone(),
            external_user_id: self.external_user_id.clone(),
            timestamp: self.started_at,
        }
    }

    pub(super) fn room(&self) -> RoomAddress {
        RoomAddress::new(PROJECT, &self.project_id)
    }
}
