//! The queries of stories.

pub(super) mod interactions;
pub(super) mod stories;

type Result<T> = std::result::Result<T, sqlx::Error>;
