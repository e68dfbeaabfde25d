//! What customers of the coffee club write, on several platforms.

use rand::seq::IndexedRandom;
use samewire_protocol::{
    Event, RoomAddress, Timestamp, assistant::TypingStarted, id::UserId, inbox::Sender,
};

use super::{USERS, pause};
use crate::{
    clock,
    domains::inbox::{Inbox, IncomingMessage},
    engine::Engine,
    error::Result,
};

/// Platform, the writer's id there and name, and what they write, in turn.
const WRITERS: [(&str, &str, &str, &[&str]); 6] = [
    (
        "whatsapp",
        "4915112345678",
        "Carla Ruiz",
        &[
            "Is the blue grinder back in stock?",
            "I could come by on Friday.",
            "Do you also sell the little spoons?",
        ],
    ),
    (
        "instagram",
        "noor.brews",
        "Noor",
        &["That latte art! How long did you practise?", "May I share your picture?"],
    ),
    (
        "email",
        "j.keller@example.org",
        "Jonas Keller",
        &["Thank you for the offer. Could you send it as a PDF, too?", "The invoice has arrived."],
    ),
    ("telegram", "88231", "Mika", &["Are you open tomorrow?", "On my way!"]),
    (
        "slack",
        "U02TANE",
        "Tane",
        &["The machine on the second floor drips again.", "Who ordered decaf?"],
    ),
    ("fax", "+49 30 555 0199", "Bean Import Ltd", &["PLEASE CONFIRM 40 KG YIRGACHEFFE"]),
];

/// Messages of the sample are so far apart.
const SPACING_MS: u64 = 17 * 60 * 1000;

/// Puts what was written so far into everybody's inbox, where it isn't there yet.
pub(super) async fn fill(inbox: &Inbox) -> Result<()> {
    for (user, _) in USERS {
        let user = UserId::from(user);
        for (at, (platform, id, name, texts)) in (0_u64..).zip(WRITERS) {
            let ago_ms = (WRITERS.len() as u64 - at) * SPACING_MS;
            let sent_at = Timestamp::from_unix_ms(clock::unix_ms().saturating_sub(ago_ms));
            inbox.store(platform, &sample(&user, id, name, texts[0], sent_at)).await?;
        }
    }
    Ok(())
}

/// Somebody writes to somebody now and then, until it is dropped.
pub(super) async fn play(engine: &Engine, inbox: &Inbox) {
    loop {
        pause(7_000..20_000).await;
        let chosen = {
            let mut chance = rand::rng();
            USERS.choose(&mut chance).zip(WRITERS.choose(&mut chance)).and_then(
                |((user, _), (platform, id, name, texts))| {
                    Some((*user, *platform, *id, *name, *texts.choose(&mut chance)?))
                },
            )
        };
        let Some((user, platform, id, name, text)) = chosen else { continue };
        let user = UserId::from(user);
        let told =
            tell_typing(engine, inbox, platform, sample(&user, id, name, text, clock::timestamp()))
                .await;
        pause(1_500..4_000).await;
        let message = written(&user, id, name, text, clock::timestamp());
        if let Err(error) = told.and(inbox.receive(engine, platform, message).await) {
            tracing::warn!(code = %error.code(), "a message of the demo got lost");
        }
    }
}

/// Tells a user that who wrote a message types a further one, as a back end does that hears it from
/// a platform (`POST /api/publish`).
async fn tell_typing(
    engine: &Engine,
    inbox: &Inbox,
    platform: &str,
    written: IncomingMessage,
) -> Result<()> {
    let room = RoomAddress::user(&written.user_id);
    let user_id = UserId(written.sender.id.clone());
    // It is there: all that comes of it is which conversation it is of.
    let conversation_id = inbox.receive(engine, platform, written).await?.conversation_id;
    let typing = TypingStarted { conversation_id, user_id };
    engine.publish_value(&room, TypingStarted::NAME, &typing).await.map(drop)
}

/// The message that somebody has written from the start.
fn sample(user: &UserId, id: &str, name: &str, text: &str, sent_at: Timestamp) -> IncomingMessage {
    let external_message_id = format!("sample-{id}");
    IncomingMessage { external_message_id, ..written(user, id, name, text, sent_at) }
}

fn written(user: &UserId, id: &str, name: &str, text: &str, sent_at: Timestamp) -> IncomingMessage {
    IncomingMessage {
        user_id: user.clone(),
        external_conversation_id: id.into(),
        external_message_id: uuid::Uuid::new_v4().to_string(),
        sender: Sender { id: id.into(), name: Some(name.into()) },
        text: text.into(),
        sent_at,
    }
}
