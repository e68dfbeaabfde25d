//! Feeds of platforms that have no webhooks: what a feed looks like, and when it is read.
//!
//! A feed is JSON behind an address: `{ messages: […], cursor? }`, each message as a webhook brings it,
//! `cursor` a text that names the place behind the last of them. The next request brings it back as
//! the parameter `cursor`; a feed that gives none is always read from its beginning.

use std::{collections::HashSet, str::FromStr, time::Duration};

use samewire_protocol::{
    limits::MAX_MESSAGE_BYTES,
    payload::{self, PayloadError},
};
use serde::Deserialize;
use serde_json::Value;

use crate::remote::{FetchError, Remote};

/// How long a feed may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest cursor, in bytes.
const MAX_CURSOR_BYTES: usize = 1024;

/// A feed that fails is read no less often than this, unless it is read as seldom anyway.
const MAX_BACKOFF: Duration = Duration::from_secs(15 * 60);

/// A feed that asks to be left alone for longer is asked again after this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The feeds of `INBOX_POLL_FEEDS`: `platform=address`, separated by commas or blanks.
#[derive(Debug, Clone, Default)]
pub struct Feeds(pub(super) Vec<Feed>);

/// A text that names no feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a list of platform=address, each platform once")]
pub struct FeedsError;

impl FromStr for Feeds {
    type Err = FeedsError;

    fn from_str(text: &str) -> Result<Self, FeedsError> {
        let mut platforms = HashSet::new();
        let items = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|s| !s.is_empty());
        let feeds = items.map(|item| {
            let (platform, url) = item.split_once('=').ok_or(FeedsError)?;
            let source = Remote::new(url, TIMEOUT).map_err(|_| FeedsError)?;
            if platform.is_empty() || !platforms.insert(platform) {
                return Err(FeedsError);
            }
            Ok(Feed { platform: platform.to_owned(), source })
        });
        feeds.collect::<Result<_, _>>().map(Self)
    }
}

/// A feed.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) platform: String,
    pub(super) source: Remote,
}

/// What a feed answers.
#[derive(Debug, Deserialize)]
pub(super) struct FeedPage {
    pub(super) messages: Vec<Value>,
    pub(super) cursor: Option<String>,
}

/// Why a feed wasn't read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("{0}")]
    Payload(#[from] PayloadError),
    #[error(transparent)]
    Store(#[from] crate::Error),
}

impl FeedError {
    /// How long the feed asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fetch(FetchError::Status { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }
}

impl Feed {
    /// Asks for what comes after a cursor.
    pub(super) async fn fetch(&self, cursor: Option<&str>) -> Result<FeedPage, FeedError> {
        let parameter = cursor.map(|cursor| ("cursor", cursor));
        let body = self.source.read(parameter, MAX_MESSAGE_BYTES).await?;
        let not_json = || PayloadError { path: "payload".into(), problem: "expected JSON".into() };
        let text = std::str::from_utf8(&body).map_err(|_| not_json())?;
        let page: FeedPage = payload::read_text(text)?;
        if page.cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR_BYTES) {
            let problem = format!("expected at most {MAX_CURSOR_BYTES} bytes");
            return Err(PayloadError { path: "cursor".into(), problem }.into());
        }
        Ok(page)
    }
}

/// How long a feed is left alone that failed so many times in a row: twice as long each time, up to
/// half of it less by chance, so that feeds of one server aren't all asked at once; no less than it
/// asked for itself. `chance` is from 0 to 1.
pub(super) fn backoff(
    period: Duration,
    failures: u32,
    retry_after: Option<Duration>,
    chance: f64,
) -> Duration {
    let doubled = period.saturating_mul(1 << failures.min(16)).min(MAX_BACKOFF.max(period));
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    doubled.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0).max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_are_listed_with_their_platforms() {
        let list = "fax=https://fax.example/feed?key=a=b, sms=http://127.0.0.1:1/ \n a-b=https://x.example";
        let feeds: Feeds = list.parse().unwrap();
        let platforms: Vec<_> = feeds.0.iter().map(|feed| feed.platform.as_str()).collect();
        assert_eq!(platforms, ["fax", "sms", "a-b"]);
        assert!("".parse::<Feeds>().unwrap().0.is_empty());
        for list in [
            "fax",
            "https://fax.example/",
            "=https://fax.example/",
            "fax=http://fax.example/",
            "fax=",
            "fax=https://a.example,fax=https://b.example",
        ] {
            assert_eq!(list.parse::<Feeds>().err(), Some(FeedsError), "{list}");
        }
    }

    #[test]
    fn a_feed_that_fails_is_left_alone_for_longer_and_longer() {
        const PERIOD: Duration = Duration::from_secs(30);
        let wait = |failures, retry_after, chance| {
            backoff(PERIOD, failures, retry_after, chance).as_secs()
        };
        let longest: Vec<_> = (1..=6).map(|failures| wait(failures, None, 0.0)).collect();
        assert_eq!(longest, [60, 120, 240, 480, 900, 900]);
        assert_eq!(wait(1, None, 1.0), 30);
        assert_eq!(wait(u32::MAX, None, 0.5), 675);
        assert_eq!(wait(1, Some(Duration::from_secs(5)), 0.0), 60, "no sooner than by itself");
        assert_eq!(wait(1, Some(Duration::from_secs(300)), 1.0), 300);
        assert_eq!(wait(1, Some(Duration::from_secs(u64::MAX)), 0.0), 3600, "nor never again");
        let seldom = Duration::from_secs(3600);
        assert_eq!(backoff(seldom, 3, None, 0.0), seldom, "a long period isn't shortened");
    }
}
