//! A database of a test's own: a file of SQLite, or, where `SAMEWIRE_TEST_POSTGRES` is the address of a
//! PostgreSQL server in which databases may be made, one of those. `cargo xtask test` runs the tests on both.

use std::{env, thread};

use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tempfile::TempDir;
use uuid::Uuid;

/// A new, empty database.
pub(crate) struct ThrowawayDatabase {
    /// What `DATABASE_URL` would be.
    pub(crate) url: String,
    place: Place,
}

enum Place {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

impl ThrowawayDatabase {
    pub(crate) async fn new() -> Self {
        let Ok(server) = env::var("SAMEWIRE_TEST_POSTGRES") else {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("test.db").display());
            return Self { url, place: Place::Sqlite { _folder: folder } };
        };
        let name = format!("test-{}", Uuid::new_v4());
        statement(&server, format!("CREATE DATABASE \"{name}\"")).await;
        let (address, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{address}/{name}"), place: Place::Postgres { server, name } }
    }
}

impl Drop for ThrowawayDatabase {
    fn drop(&mut self) {
        if let Place::Postgres { server, name } = &self.place {
            let (server, sql) = (server.clone(), format!("DROP DATABASE \"{name}\" WITH (FORCE)"));
            // A runtime of its own: this one may be about to end.
            let removing = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(statement(&server, sql));
            });
            let _ = removing.join();
        }
    }
}

/// The name is made of nothing but letters, digits and hyphens.
async fn statement(server: &str, sql: String) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(server).await.unwrap();
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
