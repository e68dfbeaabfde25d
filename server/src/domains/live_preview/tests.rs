//! What becomes of sessions whose server is gone, or was slow, on a real database.

use std::sync::Arc;

use clap::Parser;

use super::{
    LivePreview, NewSession,
    queries::{self, End},
    sessions::Session,
};
use crate::{
    Config, Engine, Registry, Server, Store, clock,
    domains::{Projects, projects::NewProject},
    throwaway_database::ThrowawayDatabase,
};

struct Running {
    preview: LivePreview,
    engine: Arc<Engine>,
    session: Session,
    _database: ThrowawayDatabase,
}

impl Running {
    /// A server with a session that is under way.
    async fn start() -> Self {
        let database = ThrowawayDatabase::new().await;
        let store = Store::open(&database.url).await.unwrap();
        let config = Config::parse_from(["test", "--jwt-secret", &"s".repeat(32)]);
        let engine = Server::with(Registry::default(), &config).unwrap().engine;
        let projects = Projects::new(store.clone());
        let project =
            projects.create(&"anna".into(), NewProject { name: "Garden".into() }).await.unwrap();
        let preview = LivePreview::new(store, projects, config.live_preview);
        let new = NewSession { external_user_id: "visitor".into() };
        let session = preview.begin(&engine, project, new).await.unwrap();
        Self { preview, engine, session, _database: database }
    }

    async fn end(&self, end: End) -> bool {
        queries::end(self.preview.store.pool(), &self.session.session_id, end).await.unwrap()
    }

    /// What the project's owner was told, in order.
    fn told(&self) -> Vec<String> {
        let (room, rooms) = (self.session.room(), self.engine.rooms());
        let epoch = rooms.state(&room).unwrap().position.epoch;
        let past = rooms.history(&room, &epoch, 0, usize::MAX).unwrap();
        past.events.into_iter().map(|event| event.event).collect()
    }
}

#[tokio::test]
async fn an_end_that_was_stored_by_a_server_that_is_gone_is_told_once() {
    let running = Running::start().await;
    let end = End { now: clock::timestamp(), submitted: true, silent_since: None };
    assert!(running.end(end).await);
    assert!(!running.end(end).await, "a second time changes nothing");
    assert_eq!(running.told(), ["session-started"]);
    for _ in 0..2 {
        running.preview.end_abandoned(&running.engine).await.unwrap();
        assert_eq!(running.told(), ["session-started", "session-ended"]);
    }
    let ended = running.preview.session(&running.session.session_id).await.unwrap();
    assert!(ended.submitted && ended.ended_at.is_some());
}

#[tokio::test]
async fn a_session_that_was_brought_something_meanwhile_is_not_abandoned() {
    let running = Running::start().await;
    let silent_since = Some(running.session.last_event_at);
    let end = End { now: clock::timestamp(), submitted: false, silent_since };
    assert!(!running.end(end).await);
    let ended = running.preview.session(&running.session.session_id).await.unwrap();
    assert_eq!(ended.ended_at, None);
}
