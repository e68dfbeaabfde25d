//! What customers of the coffee club write, on several platforms.

use rand::seq::IndexedRandom;
use samewire_protocol::{Timestamp, id::UserId, inbox::Sender};

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
            let mut message = written(&user, id, name, texts[0], sent_at);
            message.external_message_id = format!("sample-{id}");
            inbox.store(platform, &message).await?;
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
        let message = written(&UserId::from(user), id, name, text, clock::timestamp());
        if let Err(error) = inbox.receive(engine, platform, message).await {
            tracing::warn!(code = %error.code(), "a message of the demo got lost");
        }
    }
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
