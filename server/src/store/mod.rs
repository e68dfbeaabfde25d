//! The store: one set of migrations and queries for SQLite and, in time, PostgreSQL (sqlx).
//! Queries stand with the domain that needs them.

pub mod column;

use std::str::FromStr;

use sqlx::{
    AnyPool,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::MigrateError,
};

/// Connections to the database at most.
const MAX_CONNECTIONS: u32 = 8;

/// A database that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address names no database that we know.
    #[error("DATABASE_URL must be sqlite://PATH")]
    Url,
    /// It can't be opened.
    #[error("the database of DATABASE_URL can't be opened: {0}")]
    Open(#[from] sqlx::Error),
    /// Its tables can't be brought up to date.
    #[error("the database of DATABASE_URL can't be brought up to date: {0}")]
    Migrate(#[from] MigrateError),
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
}

impl Store {
    /// Opens a database, which is made where there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// When it can't be opened or brought up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        if !url.starts_with("sqlite:") {
            return Err(StoreError::Url);
        }
        // A database in memory is its connection's own, and goes with it.
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        let url = match (in_memory || url.contains("mode="), url.contains('?')) {
            (true, _) => url.to_owned(),
            (false, true) => format!("{url}&mode=rwc"),
            (false, false) => format!("{url}?mode=rwc"),
        };
        let options = AnyConnectOptions::from_str(&url).map_err(|_| StoreError::Url)?;
        let pool = if in_memory {
            AnyPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None)
        } else {
            AnyPoolOptions::new().max_connections(MAX_CONNECTIONS)
        };
        let pool = pool
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // FULL: what was acknowledged survives a power failure, not only a crash.
                    for pragma in [
                        "PRAGMA journal_mode = WAL",
                        "PRAGMA synchronous = FULL",
                        "PRAGMA busy_timeout = 10000",
                        "PRAGMA foreign_keys = ON",
                    ] {
                        sqlx::query(pragma).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool })
    }

    /// The pool, for a domain's queries. Placeholders are written `$1`.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it doesn't.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        // A table, since SQLite needs no file to know what 1 is.
        sqlx::query("SELECT 1 FROM _sqlx_migrations LIMIT 1").execute(&self.pool).await.map(drop)
    }

    /// Waits for queries under way and closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
