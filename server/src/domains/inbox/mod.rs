//! The inbox: messages of many platforms, brought by webhooks and feeds, for one user each
//! (wire.md, section 10).

mod feeds;
mod http;
mod messages;
mod poller;
mod queries;
mod statuses;
#[cfg(test)]
mod tests;
mod unread;
mod webhook;

use std::time::Duration;

use clap::Args;
use samewire_protocol::{id::UserId, inbox::NewMessage};

use crate::{
    config::values::{SecretParser, duration},
    error::Result,
    registry::{Context, Domain, Registry},
    store::Store,
};
use webhook::WebhookKey;

pub use feeds::{Feeds, FeedsError};
pub use messages::{IncomingMessage, Received};
pub use unread::UnreadCounts;

/// Settings of the inbox.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Settings {
    /// Secret that webhooks are signed with (HMAC-SHA256, header X-Signature-256); without one they
    /// are refused.
    #[arg(long, env, hide_env_values = true)]
    pub webhook_secret: Option<String>,

    /// Feeds of platforms without webhooks: platform=address, separated by commas or blanks.
    #[arg(long, env, hide_env_values = true, value_parser = SecretParser::<Feeds>::new(
        "INBOX_POLL_FEEDS",
        "a list of platform=address, each platform once, each address https:// or http:// of this machine",
    ))]
    pub inbox_poll_feeds: Option<Feeds>,

    /// How often a feed is read.
    #[arg(long, env, default_value = "30s", value_parser = duration("INBOX_POLL_PERIOD"))]
    pub inbox_poll_period: Duration,
}

/// The inbox domain.
#[derive(Debug, Clone)]
pub struct Inbox {
    store: Store,
    webhook_key: WebhookKey,
    feeds: Feeds,
    poll_period: Duration,
}

impl Inbox {
    /// The inboxes in this store.
    pub fn new(store: Store, settings: &Settings) -> Self {
        Self {
            store,
            webhook_key: WebhookKey::new(settings.webhook_secret.as_deref()),
            feeds: settings.inbox_poll_feeds.clone().unwrap_or_default(),
            poll_period: settings.inbox_poll_period,
        }
    }

    /// How many messages a user hasn't read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unread(&self, user: &UserId) -> Result<UnreadCounts> {
        Ok(queries::unread(self.store.pool(), user).await?)
    }
}

impl Domain for Inbox {
    fn register(self, registry: &mut Registry) {
        let domain = self.clone();
        registry.on_acknowledged(move |context: Context, new: NewMessage| {
            let domain = domain.clone();
            async move {
                let user = &context.identity.user_id;
                domain.delivered(&context.engine, user, &new.message.id).await.map(drop)
            }
        });
        for feed in &self.feeds.0 {
            let (domain, feed) = (self.clone(), feed.clone());
            registry.task(move |engine| async move {
                let name = format!("inbox:feed:{}", feed.platform);
                let follow = || domain.clone().follow(engine.clone(), feed.clone());
                engine.alone(&name, follow).await;
            });
        }
        registry.routes(http::routes(self));
    }
}
