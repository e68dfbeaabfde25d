//! What users send, over all servers: how much of it, and each named emit once (wire.md, sections 5
//! and 7).

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::Script;
use samewire_protocol::id::UserId;
use tokio::time::{Instant, sleep};

use super::{Connection, Servers, answers, keys::UserKeys};
use crate::{
    answer::{Outcome, REMEMBERED_BYTES_PER_USER, REMEMBERED_MS, REMEMBERED_PER_USER, is_passing},
    error::{Error, Result},
    limits::Limits,
};

static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
static ANSWER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("answer.lua")));

/// How often it is looked whether another server has answered.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long another server is missed before what it began is begun anew: it may be late.
const MISSED_FOR: Duration = Duration::from_secs(3);

/// How long another server is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The users' windows and named emits.
#[derive(Debug)]
pub(crate) struct SharedEmits {
    connection: Connection,
    servers: Servers,
    /// From one event of a user to the next, where they come evenly.
    between: Duration,
    window: Duration,
    /// Claims made so far.
    claims: AtomicU64,
}

/// What came of an emit that was to be acted on.
enum Claimed {
    ByUs(Claim),
    Answered(Outcome),
}

/// The right to act on an emit, which is given back when it is dropped without an answer.
struct Claim {
    connection: Connection,
    user: UserId,
    id: String,
    /// Whose it is: the server's id, and which of its claims.
    whose: String,
    answered: bool,
}

impl SharedEmits {
    pub(crate) fn new(connection: Connection, servers: Servers, limits: &Limits) -> Self {
        Self {
            connection,
            servers,
            between: limits.rate_window / limits.rate_max.get(),
            window: limits.rate_window,
            claims: AtomicU64::new(0),
        }
    }

    /// Counts an event of a user.
    ///
    /// # Errors
    /// When it is one too many, or Redis is away.
    pub(crate) async fn count(&self, user: &UserId) -> Result<()> {
        let (said, _, wait) = self.ask(user, "", true, "", "").await?;
        if said == "limited" { Err(limited(wait)) } else { Ok(()) }
    }

    /// Acts, unless a user's emit of this id has been acted on by any server: then gives its answer,
    /// and waits for it where it is still being worked out. `counted`: an event that is acted on
    /// counts in its user's window.
    pub(crate) async fn once(
        &self,
        user: &UserId,
        id: &str,
        counted: bool,
        act: impl Future<Output = Outcome>,
    ) -> Outcome {
        match self.claim(user, id, counted).await? {
            Claimed::Answered(answer) => answer,
            Claimed::ByUs(claim) => {
                let answer = act.await;
                if !answer.as_ref().is_err_and(|error| is_passing(error.code())) {
                    claim.answer(answers::encode(&answer)?);
                }
                answer
            }
        }
    }

    async fn claim(&self, user: &UserId, id: &str, counted: bool) -> Result<Claimed> {
        let number = self.claims.fetch_add(1, Ordering::Relaxed);
        let whose = format!("{}:{number}", self.servers.id());
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let mut given_up = String::new();
        let mut missed_since = None;
        loop {
            let (said, rest, wait) = self.ask(user, id, counted, &whose, &given_up).await?;
            match said.as_str() {
                "answered" => return answers::decode(&rest).map(Claimed::Answered),
                "limited" => return Err(limited(wait)),
                "pending" => {}
                _ => {
                    return Ok(Claimed::ByUs(Claim {
                        connection: self.connection.clone(),
                        user: user.clone(),
                        id: id.to_owned(),
                        whose,
                        answered: false,
                    }));
                }
            }
            let another = String::from_utf8_lossy(&rest).into_owned();
            let server = another.split(':').next().unwrap_or_default();
            if self.servers.is_alive(server).await? {
                missed_since = None;
            } else if missed_since.get_or_insert_with(Instant::now).elapsed() > MISSED_FOR {
                given_up = another;
            }
            if Instant::now() > deadline {
                return Err(Error::BackplaneAway);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn ask(
        &self,
        user: &UserId,
        id: &str,
        counted: bool,
        whose: &str,
        given_up: &str,
    ) -> Result<(String, Vec<u8>, u64)> {
        let window = if counted { self.window } else { Duration::ZERO };
        let keys = UserKeys(user);
        let mut asked = CLAIM.prepare_invoke();
        asked
            .key(keys.rate())
            .key(keys.emits())
            .key(keys.emit_order())
            .arg(micros(self.between))
            .arg(micros(window))
            .arg(id)
            .arg(whose)
            .arg(given_up)
            .arg(REMEMBERED_MS);
        self.connection.script(if id.is_empty() { "rate" } else { "emit" }, &asked).await
    }
}

impl Claim {
    /// Keeps the answer, in the background: whoever asks for it meanwhile waits for it.
    fn answer(mut self, answer: Vec<u8>) {
        self.answered = true;
        self.settle(answer);
    }

    fn settle(&self, answer: Vec<u8>) {
        let keys = UserKeys(&self.user);
        let mut settled = ANSWER.prepare_invoke();
        settled
            .key(keys.emits())
            .key(keys.emit_order())
            .arg(&self.id)
            .arg(&self.whose)
            .arg(answer)
            .arg(REMEMBERED_MS)
            .arg(REMEMBERED_PER_USER)
            .arg(REMEMBERED_BYTES_PER_USER);
        let connection = self.connection.clone();
        tokio::spawn(async move {
            let deadline = Instant::now() + Duration::from_millis(REMEMBERED_MS);
            while Instant::now() < deadline {
                match connection.script::<()>("answer", &settled).await {
                    Err(Error::BackplaneAway) => sleep(POLL_INTERVAL).await,
                    Err(error) => return tracing::error!(%error, "an answer was not kept"),
                    Ok(()) => return,
                }
            }
        });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.answered {
            self.settle(Vec::new());
        }
    }
}

fn limited(wait_micros: u64) -> Error {
    Error::RateLimited { retry_after: Duration::from_micros(wait_micros) }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
