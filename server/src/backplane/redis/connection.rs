//! The way to Redis: one connection for all commands, which comes back by itself.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::RwLock;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError,
    RedisResult, ScriptInvocation, ServerErrorKind, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout, timeout_at},
};

use super::RedisAddress;
use crate::{
    error::{Error, Result},
    metrics,
};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long Redis may take to answer a command.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// How often Redis is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// How long it may take to say so. A connection whose other end is gone in silence is given up then.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How often it is asked while it is away.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// How long a command waits for Redis to come back. Once Redis has been away for longer, what needs
/// it is refused at once.
const PATIENCE: Duration = Duration::from_secs(4);

/// Commands that wait to be written.
const WRITE_BUFFER: usize = 1024;

/// The connection, to be cloned. It is kept up by a task of its own until the last clone is dropped.
///
/// What is asked over it must be such that it may be asked twice: where the answer is lost with the
/// connection, it is asked again.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    address: RedisAddress,
    /// Reconnects when its connection is lost, but not when that hangs; it is replaced then.
    manager: RwLock<ConnectionManager>,
    state: watch::Sender<State>,
    /// Told that the state is worth a look.
    look: Notify,
}

/// Whether Redis is there, as far as one knows.
#[derive(Debug, Clone, Copy)]
enum State {
    Up,
    Away { since: Instant },
}

impl Connection {
    /// A connection, which is opened in the background: on the runtime that this is called on.
    ///
    /// # Errors
    /// When the address can't be used.
    pub(crate) fn open(address: &RedisAddress) -> RedisResult<Self> {
        let client = Client::open(address.connection_info())?;
        let inner = Arc::new(Inner {
            manager: RwLock::new(manager(&client)?),
            client,
            address: address.clone(),
            state: watch::Sender::new(State::Away { since: Instant::now() }),
            look: Notify::new(),
        });
        tokio::spawn(keep_up(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Whether a server may be started with this address: Redis lets it in, or can't be reached, which
    /// is told and hoped for.
    ///
    /// # Errors
    /// When Redis is there and refuses it.
    pub(crate) async fn check(address: &RedisAddress) -> RedisResult<()> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let client = Client::open(address.connection_info())?;
        match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(_) => Ok(()),
            Err(error) if is_away(&error) => {
                tracing::error!(%address, %error, "Redis is away");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Where it leads.
    pub(super) fn address(&self) -> &RedisAddress {
        &self.0.address
    }

    /// Whether Redis answers.
    pub(crate) fn is_up(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Up)
    }

    /// Resolves once Redis answers, unless it has been away for a while.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`](samewire_protocol::ErrorCode::Unavailable) when it is away.
    pub(crate) async fn reachable(&self) -> Result<()> {
        let mut states = self.0.state.subscribe();
        let deadline = match *states.borrow_and_update() {
            State::Up => return Ok(()),
            State::Away { since } => since + PATIENCE,
        };
        let up = states.wait_for(|state| matches!(state, State::Up));
        match timeout_at(deadline, up).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Error::BackplaneAway),
        }
    }

    /// Asks Redis a command. `what` is the name that it is counted under.
    ///
    /// # Errors
    /// When Redis is away, or refuses the command.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        what: &'static str,
        command: &Cmd,
    ) -> Result<T> {
        self.ask(what, Question::Command(command)).await
    }

    /// Asks Redis several commands in one round trip.
    ///
    /// # Errors
    /// When Redis is away, or refuses one of the commands.
    pub(crate) async fn pipeline<T: FromRedisValue>(
        &self,
        what: &'static str,
        pipeline: &Pipeline,
    ) -> Result<T> {
        self.ask(what, Question::Pipeline(pipeline)).await
    }

    /// Has Redis run a script.
    ///
    /// # Errors
    /// When Redis is away, or the script fails.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        what: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T> {
        self.ask(what, Question::Script(script)).await
    }

    async fn ask<T: FromRedisValue>(
        &self,
        what: &'static str,
        question: Question<'_>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.reachable().await?;
            let began = Instant::now();
            let mut to = self.0.manager.read().clone();
            let answer = question.put(&mut to).await;
            metrics::backplane_answered(what, began.elapsed(), answer.is_ok());
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) if !is_away(&error) => return Err(error.into()),
                Err(error) => {
                    self.0.went_away(&error);
                    if Instant::now() > deadline {
                        return Err(Error::BackplaneAway);
                    }
                }
            }
        }
    }
}

/// What Redis is asked.
enum Question<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
}

impl Question<'_> {
    async fn put<T: FromRedisValue>(&self, to: &mut ConnectionManager) -> RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(to).await,
            Self::Pipeline(pipeline) => pipeline.query_async(to).await,
            Self::Script(script) => script.invoke_async(to).await,
        }
    }
}

impl Inner {
    fn came_back(&self) {
        let changed = self.state.send_if_modified(|state| {
            let was_away = matches!(state, State::Away { .. });
            *state = State::Up;
            was_away
        });
        if changed {
            metrics::backplane_up(true);
            tracing::info!(address = %self.address, "Redis is there");
        }
    }

    fn went_away(&self, error: &RedisError) {
        let changed = self.state.send_if_modified(|state| {
            let was_up = matches!(state, State::Up);
            if was_up {
                *state = State::Away { since: Instant::now() };
            }
            was_up
        });
        if changed {
            metrics::backplane_up(false);
            tracing::error!(address = %self.address, %error, "Redis is away");
            self.look.notify_one();
        }
    }
}

/// Asks again and again whether Redis is there.
async fn keep_up(inner: Weak<Inner>) {
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let mut to = inner.manager.read().clone();
        let began = Instant::now();
        let ping = redis::cmd("PING");
        let answer = timeout(PING_TIMEOUT, ping.query_async::<Value>(&mut to)).await;
        let answer = answer
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        metrics::backplane_answered("ping", began.elapsed(), answer.is_ok());
        let pause = match answer {
            Ok(_) => {
                inner.came_back();
                PING_INTERVAL
            }
            Err(error) => {
                inner.went_away(&error);
                if let Ok(fresh) = manager(&inner.client) {
                    *inner.manager.write() = fresh;
                }
                RETRY_INTERVAL
            }
        };
        // What was asked for before now has been looked at.
        let _ = timeout(pause, inner.look.notified()).await;
    }
}

/// Whether an error says that Redis is away, or not yet ready.
pub(super) fn is_away(error: &RedisError) -> bool {
    error.is_io_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ReadOnly
            )
        )
}

fn manager(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_pipeline_buffer_size(WRITE_BUFFER);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

#[cfg(test)]
mod tests {
    use samewire_protocol::ErrorCode;

    use super::*;
    use crate::backplane::redis::testing::{TestRedis, eventually};

    async fn increment(connection: &Connection) -> Result<u64> {
        connection.command("test", redis::cmd("INCR").arg("key")).await
    }

    #[tokio::test]
    async fn what_is_asked_while_redis_restarts_is_answered_then() {
        let mut redis = TestRedis::start().await;
        let connection = redis.connect();
        assert_eq!(increment(&connection).await.unwrap(), 1);
        let answer = loop {
            redis.stop();
            let began = Instant::now();
            let (answer, ()) = tokio::join!(increment(&connection), redis.resume());
            // On a slow machine it is away for longer than anybody waits.
            if answer.is_ok() || began.elapsed() < PATIENCE / 2 {
                break answer;
            }
            eventually("the connection is back", async || connection.is_up()).await;
        };
        assert_eq!(answer.unwrap(), 1, "of a Redis that forgot the first");
        assert!(connection.is_up());
    }

    #[tokio::test]
    async fn a_redis_that_stays_away_is_refused_for_and_heals() {
        let mut redis = TestRedis::start().await;
        let connection = redis.connect();
        increment(&connection).await.unwrap();
        redis.stop();
        let error = increment(&connection).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
        assert!(!connection.is_up());
        let began = Instant::now();
        increment(&connection).await.unwrap_err();
        assert!(began.elapsed() < PATIENCE / 2, "no longer waited for");
        redis.resume().await;
        eventually("the connection is back", async || connection.is_up()).await;
        increment(&connection).await.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_of_redis_is_no_absence() {
        let redis = TestRedis::start().await;
        let connection = redis.connect();
        let error = connection.command::<()>("test", &redis::cmd("NONSENSE")).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Internal);
        assert!(connection.is_up());
    }

    #[tokio::test]
    async fn a_redis_that_wants_a_password_stops_the_start_one_that_is_away_does_not() {
        let mut redis = TestRedis::start().await;
        Connection::check(&redis.address()).await.unwrap();
        let set = redis::cmd("CONFIG").arg(&["SET", "requirepass", "sesame"]).to_owned();
        redis.connect().command::<()>("test", &set).await.unwrap();
        Connection::check(&redis.address()).await.unwrap_err();
        redis.stop();
        Connection::check(&redis.address()).await.unwrap();
    }
}
