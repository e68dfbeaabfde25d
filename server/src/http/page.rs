//! Lists by pages: a page says what to ask for next, and the last one doesn't.

use schemars::JsonSchema;
use serde::Deserialize;

/// Items of one page.
pub(crate) const PAGE: i64 = 500;

/// Which page of a list is asked for: the first, where nothing is said.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Page {
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

/// The cursor behind a full page.
pub(crate) fn next<T>(items: &[T], cursor: impl Fn(&T) -> String) -> Option<String> {
    let full = i64::try_from(items.len()) == Ok(PAGE);
    items.last().filter(|_| full).map(cursor)
}
