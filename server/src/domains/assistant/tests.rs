//! What becomes of answers whose server is gone, wherever it was with them, on a real database.

use std::{sync::Arc, time::Duration};

use clap::Parser;
use samewire_protocol::{
    assistant::{ChatMessage, Role},
    id::{ConversationId, UserId},
};
use tokio::time::{sleep, timeout};

use super::{
    Assistant, queries, room,
    states::{self, Outcome},
};
use crate::{
    Config, Engine, Registry, Server, Store, clock, throwaway_database::ThrowawayDatabase,
};

/// Far more than a busy machine needs for anything.
const DEADLINE: Duration = Duration::from_secs(30);

/// How far the server was that is gone.
#[derive(Clone, Copy)]
enum Was {
    Running,
    Stopping,
    Untold(Outcome),
}

async fn left_behind(
    assistant: &Assistant,
    engine: &Arc<Engine>,
    was: Was,
) -> (ConversationId, ChatMessage) {
    let (pool, anna) = (assistant.store.pool(), UserId::from("anna"));
    let now = clock::timestamp();
    let id = assistant.create(engine, &anna, None, None).await.unwrap().id;
    let question = ChatMessage {
        id: format!("question of {id}").into(),
        conversation_id: id.clone(),
        role: Role::User,
        content: "Which?".into(),
        incomplete: false,
        created_at: now,
    };
    let answer = format!("answer of {id}").into();
    assert!(queries::ask(pool, &question, &anna, &answer, i64::MAX).await.unwrap());
    assert!(states::begin(pool, &answer, now).await.unwrap());
    states::grow(pool, &answer, "Ferns").await.unwrap();
    match was {
        Was::Running => {}
        Was::Stopping => states::stop(pool, &answer).await.unwrap(),
        Was::Untold(outcome) => {
            assert!(states::end(pool, &answer, "Ferns", outcome, now).await.unwrap());
        }
    }
    let stored = queries::message_of(pool, &id, &answer).await.unwrap().unwrap();
    (id, stored)
}

#[tokio::test]
async fn an_answer_is_ended_and_told_once_wherever_its_server_was_with_it() {
    let database = ThrowawayDatabase::new().await;
    let store = Store::open(&database.url).await.unwrap();
    let config = Config::parse_from(["test", "--jwt-secret", &"s".repeat(32)]);
    let engine = Server::with(Registry::default(), &config).unwrap().engine;
    let assistant = Assistant::new(store, config.assistant.clone()).unwrap();
    let pool = assistant.store.pool();
    let expected = [
        (Was::Running, "message:error", true),
        (Was::Stopping, "message:complete", true),
        (Was::Untold(Outcome::Whole), "message:complete", false),
        (Was::Untold(Outcome::Cancelled), "message:complete", true),
        (Was::Untold(Outcome::Broken), "message:error", true),
    ];
    let mut left = Vec::new();
    for (was, told, incomplete) in expected {
        let (id, stored) = left_behind(&assistant, &engine, was).await;
        left.push((id, stored, told, incomplete));
    }
    tokio::spawn(assistant.clone().answer_until_stopped(engine.clone()));
    let all_told = async {
        while !states::with_open(pool).await.unwrap().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, all_told).await.expect("all are told in time");
    for (id, stored, told, incomplete) in left {
        let (room, rooms) = (room(&id), engine.rooms());
        let epoch = rooms.state(&room).unwrap().position.epoch;
        let past = rooms.history(&room, &epoch, 0, usize::MAX).unwrap();
        let events: Vec<_> = past.events.into_iter().map(|event| event.event).collect();
        assert_eq!(events, ["ai:typing:stop", told]);
        let now = queries::message_of(pool, &id, &stored.id).await.unwrap().unwrap();
        assert_eq!((now.content.as_str(), now.incomplete), ("Ferns", incomplete));
    }
}
