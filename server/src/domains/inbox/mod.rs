//! The inbox: messages of many platforms, brought by webhooks, for one user each
//! (wire.md, section 10).

mod http;
mod messages;
mod queries;
mod statuses;
#[cfg(test)]
mod tests;
mod unread;
mod webhook;

use std::sync::Arc;

use clap::Args;
use samewire_protocol::id::UserId;

use crate::{
    error::Result,
    registry::{Domain, Registry},
    store::Store,
    striped_locks::StripedLocks,
};
use webhook::WebhookKey;

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
}

/// The inbox domain.
#[derive(Debug, Clone)]
pub struct Inbox {
    store: Store,
    webhook_key: WebhookKey,
    /// By user.
    order: Arc<StripedLocks>,
}

impl Inbox {
    /// The inboxes in this store.
    pub fn new(store: Store, settings: &Settings) -> Self {
        let webhook_key = WebhookKey::new(settings.webhook_secret.as_deref());
        Self { store, webhook_key, order: Arc::default() }
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
        registry.routes(http::routes(self));
    }
}
