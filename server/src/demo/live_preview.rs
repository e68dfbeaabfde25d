//! Visitors of the sample page.

use std::sync::Arc;

use samewire_protocol::{
    id::{ProjectId, UserId},
    live_preview::{TrackerEvent, TrackerEventType},
};
use serde_json::{Map, json};

use super::{PROJECT, USERS, pause};
use crate::{
    clock,
    domains::live_preview::{LivePreview, NewSession},
    engine::Engine,
    error::Result,
};

/// What visitors type into the sample page's field for their favourite coffee.
const VISITS: [(&str, &str); 4] = [
    ("visitor-mia", "Flat white, and a window seat."),
    ("visitor-noah", "Filter. From Ethiopia, if there is any."),
    ("visitor-zoe", "Espresso. No, a double one!"),
    ("visitor-leo", "Anything but instant."),
];

/// Plays visitors who type into the sample page, one after the other, until it is dropped.
pub(super) async fn play(engine: &Arc<Engine>, live_preview: &LivePreview) {
    let owner = UserId::from(USERS[0].0);
    for (visitor, text) in VISITS.iter().cycle() {
        let project = match live_preview.projects().of_user(&owner).await {
            Ok(projects) => projects.into_iter().find(|project| project.name == PROJECT),
            Err(_) => None,
        };
        if let Some(project) = project
            && let Err(error) = visit(engine, live_preview, &project.id, visitor, text).await
        {
            tracing::warn!(code = %error.code(), "a visitor of the demo gave up");
        }
        pause(4000..9000).await;
    }
}

/// One visitor: types a text and submits it.
async fn visit(
    engine: &Arc<Engine>,
    live_preview: &LivePreview,
    project: &ProjectId,
    visitor: &str,
    text: &str,
) -> Result<()> {
    let project = live_preview.projects().get(project).await?;
    let new = NewSession { external_user_id: visitor.into() };
    let session = live_preview.begin(engine, project.clone(), new).await?;
    let mut typed = String::new();
    for character in text.chars() {
        pause(60..220).await;
        typed.push(character);
        let events = vec![
            tracked(TrackerEventType::KeyDown, Some(character.to_string()), None),
            tracked(TrackerEventType::Input, None, Some(&typed)),
        ];
        live_preview.ingest(engine, project.clone(), session.clone(), events).await?;
    }
    pause(500..1500).await;
    live_preview.end(engine, session, true).await.map(drop)
}

/// What the sample page's tracker sends of its field for the favourite coffee.
fn tracked(
    event_type: TrackerEventType,
    key_char: Option<String>,
    value: Option<&str>,
) -> TrackerEvent {
    let mut further = Map::new();
    further.insert("field".into(), json!("coffee"));
    further.insert("label".into(), json!("Favourite coffee"));
    if let Some(value) = value {
        further.insert("value".into(), json!(value));
    }
    TrackerEvent { event_type, timestamp: clock::timestamp(), key_char, further }
}
