//! Reads feeds, from where the last reading ended: each by a task of its own, so that a feed is never
//! read twice at once.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use samewire_protocol::payload;

use super::{
    Inbox, IncomingMessage,
    feeds::{Feed, FeedError, FeedPage, backoff},
    queries,
};
use crate::{engine::Engine, error::Result};

impl Inbox {
    /// Reads a feed until the server stops. What it brought is taken in whole before that.
    pub(super) async fn follow(self, engine: Arc<Engine>, feed: Feed) {
        let mut failures = 0;
        loop {
            let fetched = tokio::select! {
                () = engine.stopped() => return,
                fetched = self.fetch(&feed) => fetched,
            };
            let taken = match fetched {
                Ok((cursor, page)) => {
                    self.take_in(&engine, &feed, cursor, page).await.map_err(FeedError::Store)
                }
                Err(error) => Err(error),
            };
            let pause = match taken {
                Ok(true) => Duration::ZERO,
                Ok(false) => self.poll_period,
                Err(_) => {
                    let chance = rand::rng().random();
                    let asked = taken.as_ref().err().and_then(FeedError::retry_after);
                    backoff(self.poll_period, failures + 1, asked, chance)
                }
            };
            failures = if taken.is_ok() { 0 } else { failures.saturating_add(1) };
            if let Err(error) = taken {
                let (platform, host) = (feed.platform.as_str(), feed.source.host());
                tracing::warn!(platform, host, %error, ?pause, "a feed wasn't read");
            }
            tokio::select! {
                () = engine.stopped() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What a feed holds behind the place where the last reading ended, and this place.
    async fn fetch(&self, feed: &Feed) -> Result<(Option<String>, FeedPage), FeedError> {
        let cursor = queries::feeds::cursor(self.store.pool(), &feed.platform).await;
        let cursor = cursor.map_err(crate::Error::from)?;
        let page = feed.fetch(cursor.as_deref()).await?;
        Ok((cursor, page))
    }

    /// Takes in what a feed brought. Says whether there may be more of it at once.
    async fn take_in(
        &self,
        engine: &Engine,
        feed: &Feed,
        cursor: Option<String>,
        page: FeedPage,
    ) -> Result<bool> {
        let brought = page.messages.len();
        for message in page.messages {
            let received = match payload::read::<IncomingMessage>(message) {
                Ok(message) => self.receive(engine, &feed.platform, message).await.map(drop),
                Err(error) => Err(error.into()),
            };
            match received {
                // Nobody is there to be told, and the feed would bring it again and again.
                Err(error @ crate::Error::Payload(_)) => {
                    tracing::warn!(platform = feed.platform, %error, "a feed's message was left out");
                }
                received => received?,
            }
        }
        let moved = page.cursor.is_some() && page.cursor != cursor;
        if let Some(cursor) = page.cursor.filter(|_| moved) {
            queries::feeds::keep_cursor(self.store.pool(), &feed.platform, &cursor).await?;
        }
        Ok(moved && brought > 0)
    }
}
