//! The demo: sample data in a fresh database, tokens for everybody, and a little traffic.

mod assistant;
mod inbox;
mod live_preview;
mod stories;
mod workspace;

use std::{path::PathBuf, sync::Arc, time::Duration};

use aide::axum::ApiRouter;
use rand::RngExt;
use samewire_protocol::{ErrorCode, Timestamp, id::UserId};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    auth::{Identity, Issuer, Verifier},
    clock,
    config::{Config, ConfigError},
    domains::{Domains, projects::NewProject},
    engine::Engine,
    error::{Error, Result},
    http::Query,
};

/// How long a demo token is good for, in seconds, unless fewer are asked for.
const TOKEN_SECONDS: u64 = 60 * 60;

/// Who lives in the demo: id and name. The first owns the sample project.
const USERS: [(&str, &str); 4] = [
    ("ada", "Ada Lovelace"),
    ("grace", "Grace Hopper"),
    ("alan", "Alan Turing"),
    ("katherine", "Katherine Johnson"),
];

/// The sample project, which ada owns.
const PROJECT: &str = "Coffee club";

/// A demo that can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The settings are not for a demo.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no place for its database.
    #[error("the demo's database has no place in the folder for temporary files: {0}")]
    Folder(#[from] std::io::Error),
    /// The sample data can't be made.
    #[error("the demo's sample data can't be made: {0}")]
    Fill(#[from] Error),
}

/// A demo.
pub struct Demo {
    secret: String,
    database_url: String,
    /// Where the database and the media are, unless a database was named; gone with the demo.
    folder: Option<TempDir>,
}

impl Demo {
    /// A demo with a secret of its own, and a database of its own where none was named.
    ///
    /// # Errors
    /// When the settings are not for a demo, or there is no place for its database.
    pub fn new(config: &Config) -> Result<Self, DemoError> {
        config.check_demo()?;
        tracing::warn!("this is a DEMO: everybody gets a token for any user, and data is made up");
        let named = std::env::var_os("DATABASE_URL").is_some()
            || std::env::args().any(|argument| argument.starts_with("--database-url"));
        let folder = if named { None } else { Some(tempfile::tempdir()?) };
        let database_url = match &folder {
            Some(folder) => format!("sqlite://{}", folder.path().join("demo.db").display()),
            None => config.database_url.clone(),
        };
        let secret = uuid::Uuid::new_v4().to_string() + &uuid::Uuid::new_v4().to_string();
        Ok(Self { secret, database_url, folder })
    }

    /// The database's address.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Where its media are; nothing where a database was named, beside which they are where the
    /// settings say.
    pub fn media_dir(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("media"))
    }

    /// Verifies the tokens that the demo gives.
    ///
    /// # Errors
    /// Never: the secret is long enough.
    pub fn verifier(&self) -> Result<Verifier, ConfigError> {
        Ok(Verifier::from_secret(self.secret.as_bytes())?)
    }

    /// `GET /demo/token?user=NAME&seconds=LIFE`.
    pub fn routes(&self) -> ApiRouter<Arc<Engine>> {
        let issuer = Arc::new(Issuer::from_secret(self.secret.as_bytes()));
        ApiRouter::new().route(
            "/demo/token",
            axum::routing::get(async move |Query(asked): Query<TokenQuery>| token(&issuer, asked)),
        )
    }

    /// Makes the sample data, where there is none yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fill(&self, domains: &Domains) -> Result<(), DemoError> {
        let owner = UserId::from(USERS[0].0);
        if domains.projects.of_user(&owner).await?.is_empty() {
            domains.projects.create(&owner, NewProject { name: PROJECT.into() }).await?;
        }
        for (user, _) in USERS {
            assistant::fill(&domains.assistant, &UserId::from(user)).await?;
        }
        inbox::fill(&domains.inbox).await?;
        Ok(())
    }
}

/// Plays a little traffic, so that every page is alive, until the server stops.
pub async fn play(engine: Arc<Engine>, domains: Domains) {
    tokio::select! {
        () = engine.stopped() => {}
        () = inbox::play(&engine, &domains.inbox) => {}
        () = live_preview::play(&engine, &domains.live_preview) => {}
        () = stories::play(&engine, &domains) => {}
        () = workspace::play(&engine, &domains.workspace) => {}
    }
}

#[derive(Deserialize)]
struct TokenQuery {
    user: Option<String>,
    /// How long the token is to be good for, so that one can watch it expire.
    seconds: Option<u64>,
}

fn token(issuer: &Issuer, asked: TokenQuery) -> Result<String> {
    let user = asked.user.filter(|user| !user.is_empty()).unwrap_or_else(|| USERS[0].0.into());
    let name = USERS.iter().find(|(id, _)| *id == user).map(|(_, name)| (*name).to_owned());
    let life_ms = asked.seconds.unwrap_or(TOKEN_SECONDS).min(TOKEN_SECONDS) * 1_000;
    let identity = Identity {
        email: Some(format!("{user}@example.org")),
        name: Some(name.unwrap_or_else(|| user.clone())),
        user_id: UserId(user),
        expires_at: Timestamp::from_unix_ms(clock::unix_ms().saturating_add(life_ms)),
    };
    issuer
        .issue(identity)
        .map_err(|_| Error::refused(ErrorCode::Internal, "the token can't be signed"))
}

async fn pause(range_ms: std::ops::Range<u64>) {
    let wait_ms = rand::rng().random_range(range_ms);
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
}
