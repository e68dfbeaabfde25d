//! The store (operations.md, "Store"): one set of migrations and queries for SQLite and PostgreSQL.
//! Queries stand with the domain that needs them, and are written for both:
//!
//! - placeholders are `$1`; numbers are `BIGINT`, truth values 0 or 1, times Unix milliseconds;
//! - a transaction begins with a statement that writes the row which others would write too: SQLite
//!   lets nobody wait who has read first, and PostgreSQL makes the others wait from there on;
//! - an ordering by text is only for identifiers that the server made: PostgreSQL orders other text by
//!   the database's language, so that it is sorted once it is read;
//! - servers of neighbouring versions may be at one database, the newer with a migration of its own. It only
//!   adds: a column has a default, or may be NULL. And who reads a row names the columns: PostgreSQL refuses
//!   to go on with a prepared `SELECT *` of a table that got another;
//! - a statement that returns rows and is a transaction of its own is read by `fetch_all`: with less,
//!   PostgreSQL may not have committed yet when the first row is here.

pub mod column;
pub(crate) mod untold;

use std::{str::FromStr, time::Duration};

use sqlx::{
    AnyConnection, AnyPool, Connection,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::MigrateError,
};
use tokio::time::timeout;

/// Connections to a SQLite database at most: one writes at a time anyway.
const SQLITE_CONNECTIONS: u32 = 8;

/// Connections that one server has to PostgreSQL at most.
const POSTGRES_CONNECTIONS: u32 = 16;

/// How long a query waits for a connection. Somebody waits for the answer: a refusal is better than one
/// that comes late.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A database that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address names no database that we know.
    #[error(
        "DATABASE_URL must be sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE, its special \
         characters percent-encoded"
    )]
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
    /// Opens a database and brings its tables up to date. One of SQLite is made where there is none.
    ///
    /// # Errors
    /// When it can't be opened or brought up to date. None of the messages shows the address, which
    /// may have a password in it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let pool = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => sqlite(url).await?,
            Some("postgres" | "postgresql") => postgres(url).await?,
            _ => return Err(StoreError::Url),
        };
        let mut migrations = sqlx::migrate!();
        // A newer server's, beside which this one is started again.
        migrations.set_ignore_missing(true);
        migrations.run(&pool).await?;
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

async fn sqlite(url: &str) -> Result<AnyPool, StoreError> {
    // A database in memory is its connection's own, and goes with it.
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let url = match (in_memory || url.contains("mode="), url.contains('?')) {
        (true, _) => url.to_owned(),
        (false, true) => format!("{url}&mode=rwc"),
        (false, false) => format!("{url}?mode=rwc"),
    };
    let pool = if in_memory {
        AnyPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        AnyPoolOptions::new().max_connections(SQLITE_CONNECTIONS)
    };
    // FULL: what was acknowledged survives a power failure, not only a crash.
    const PREPARE: &[&str] = &[
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA busy_timeout = 10000",
        "PRAGMA foreign_keys = ON",
    ];
    connect(pool, &url, PREPARE).await
}

async fn postgres(url: &str) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT);
    // What the queries are written for, whatever the database's own settings are; and who waits for a
    // row gives up in the time that SQLite gives its writers.
    const PREPARE: &[&str] = &[
        "SET default_transaction_isolation = 'read committed'",
        "SET lock_timeout = '10s'",
        "SET idle_in_transaction_session_timeout = '60s'",
    ];
    connect(pool, url, PREPARE).await
}

/// A pool each of whose connections begins with some statements.
async fn connect(
    pool: AnyPoolOptions,
    url: &str,
    prepare: &'static [&'static str],
) -> Result<AnyPool, StoreError> {
    let options = AnyConnectOptions::from_str(url).map_err(|_| StoreError::Url)?;
    let pool = pool.after_connect(move |connection, _| {
        Box::pin(async move {
            for statement in prepare {
                sqlx::query(*statement).execute(&mut *connection).await?;
            }
            Ok(())
        })
    });
    match pool.connect_with(options.clone()).await {
        // A pool tries again and again, since a database may be about to start, and doesn't say why it
        // failed.
        Err(sqlx::Error::PoolTimedOut) => {
            let reason = timeout(ACQUIRE_TIMEOUT, AnyConnection::connect_with(&options)).await;
            Err(reason.ok().and_then(Result::err).unwrap_or(sqlx::Error::PoolTimedOut).into())
        }
        connected => Ok(connected?),
    }
}
