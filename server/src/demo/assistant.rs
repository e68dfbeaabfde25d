//! What everybody has asked the assistant before.

use samewire_protocol::id::UserId;

use crate::{clock, domains::Assistant, error::Result};

/// A conversation that everybody has had.
const TITLE: &str = "A coffee for the morning";
const SAID: [(&str, &str); 2] = [
    (
        "How do I make a good filter coffee?",
        "Sixty grams of coffee to a litre of water, ground as fine as sand. Water just off the boil, \
         poured slowly, in circles. After three minutes it has run through.",
    ),
    ("And if it tastes bitter?", "Then grind coarser, or pour faster: it has drawn for too long."),
];

/// Gives a user a conversation with a history, where they have none yet.
pub(super) async fn fill(assistant: &Assistant, user: &UserId) -> Result<()> {
    if assistant.of_user(user).await?.is_empty() {
        assistant.import(user, TITLE, &SAID, clock::timestamp()).await?;
    }
    Ok(())
}
