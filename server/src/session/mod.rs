//! A connection's task: lets a client in, works its messages off in the order they came, and
//! watches over its sign-in (wire.md, sections 1 to 5).
//!
//! - [`admission`]: the handshake, before there is a connection.
//! - [`dispatch`]: from a message to its handler, and the answer.
//! - [`sign_in`]: who is signed in, and until when.

mod admission;
mod dispatch;
mod sign_in;

use std::{pin::pin, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures::future::poll_fn;
use rand::RngExt;
use samewire_protocol::{
    ErrorCode, RoomAddress,
    connection::{Handshake, Resumed, ResumedRoom, ServerShutdown},
};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    attachments::Attachments,
    auth::Identity,
    connection::{Connection, SendError},
    engine::Engine,
    error::{Error, Result},
    registry::Context,
    socketio::{self, Socket, turn},
};
use admission::let_in;
use sign_in::Deadline;

/// Clients are asked to come back within this time after a shutdown, each at another moment.
const RECONNECT_SPREAD_MS: std::ops::Range<u32> = 500..5000;

/// How long a client has to take its last messages.
const LINGER: Duration = Duration::from_secs(1);

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It does.
    Continue,
    /// The server ends it.
    Disconnect,
}

struct Session {
    engine: Arc<Engine>,
    connection: Arc<Connection>,
    deadline: (Instant, Deadline),
    /// Whether the client was told that its token is about to expire.
    expiry_noticed: bool,
    /// An event whose binary messages haven't all come.
    incomplete: Option<Incomplete>,
}

/// An event without all of its binary messages.
struct Incomplete {
    arguments: String,
    ack: Option<u64>,
    /// Binary messages that are still to come.
    missing: usize,
    /// Those that have come, unless the whole is too large.
    attachments: Vec<Bytes>,
    /// Bytes of the whole of it so far.
    bytes: usize,
}

/// Begins a connection's task.
pub(crate) fn start(engine: Arc<Engine>, socket: Socket) {
    let mut session = Box::pin(run(engine, socket));
    tokio::spawn(poll_fn(move |cx| turn(|| session.as_mut().poll(cx))));
}

/// Runs a connection to its end.
async fn run(engine: Arc<Engine>, socket: Socket) {
    let limit = engine.limits().connect_timeout;
    let Ok(Some((handshake, identity))) = timeout(limit, Box::pin(let_in(&engine, &socket))).await
    else {
        socket.close();
        return;
    };
    let connection = Arc::new(Connection::new(socket.clone()));
    let _kept = Kept::new(&engine, &connection);
    let user = identity.as_ref().map(|identity| tracing::field::display(&identity.user_id));
    tracing::info!(connection = %connection.id, user, "connected");
    let auth_timeout = engine.limits().auth_timeout;
    let mut session = Session {
        deadline: (Instant::now() + auth_timeout, Deadline::SignIn),
        expiry_noticed: false,
        incomplete: None,
        engine,
        connection,
    };
    // On the heap for its moment: the task keeps what its largest moment needs.
    let ended = match Box::pin(session.begin(handshake, identity)).await {
        Ok(()) => session.work(&socket).await,
        Err(error) => Err(error),
    };
    match &ended {
        Ok(_) => {}
        // Told once by who notices, and not of each client that comes meanwhile.
        Err(Error::BackplaneAway) => tracing::debug!("a client can't be let in: Redis is away"),
        Err(error) => tracing::error!(%error, "a session failed"),
    }
    // Closing cuts off a poll, and a websocket that has just taken over from polling, with what is
    // still buffered. A client that was sent DISCONNECT goes by itself.
    if matches!(ended, Ok(Next::Disconnect)) || socket.is_polling() {
        let _ = timeout(LINGER, session.connection.wait_for_end()).await;
    }
    session.connection.close();
    // A server that stops waits for those who are still there: what is queued is written first.
    let _ = timeout(LINGER, session.connection.wait_for_end()).await;
}

/// Keeps a connection among the engine's while its task runs, and closes it however that ends: a
/// handler that panics takes its own connection with it and leaves nothing behind.
struct Kept {
    engine: Arc<Engine>,
    connection: Arc<Connection>,
}

impl Kept {
    fn new(engine: &Arc<Engine>, connection: &Arc<Connection>) -> Self {
        engine.add(connection);
        Self { engine: engine.clone(), connection: connection.clone() }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.connection.close();
        self.engine.remove(&self.connection);
        tracing::info!(connection = %self.connection.id, "disconnected");
    }
}

impl Session {
    /// Tells the client that it is in, and resumes its rooms.
    async fn begin(&mut self, handshake: Handshake, identity: Option<Identity>) -> Result<()> {
        let connection = self.connection.clone();
        connection.send_frame(&socketio::connect(connection.id.as_str())?).await;
        let Some(identity) = identity else { return Ok(()) };
        let authenticated = self.sign_in(identity).await?;
        connection.send(&authenticated).await?;
        let Some(resume) = handshake.resume else { return Ok(()) };
        let (mut rooms, mut lost) = (Vec::new(), Vec::new());
        for asked in resume {
            let since = samewire_protocol::Position { epoch: asked.epoch, offset: asked.offset };
            let joined = match self.engine.address(&asked.room) {
                Ok(address) => {
                    let context = self.context()?;
                    let joined =
                        self.engine.join(&context, &address, Some(since), asked.events).await;
                    if joined.as_ref().is_ok_and(|joined| !joined.recovered) {
                        lost.push(address);
                    }
                    joined
                }
                Err(error) => Err(error),
            };
            rooms.push(match joined {
                Ok(joined) => ResumedRoom {
                    room: joined.room,
                    position: Some(joined.position),
                    recovered: joined.recovered,
                    missed: joined.missed,
                    error: None,
                },
                Err(error) => ResumedRoom {
                    room: asked.room,
                    position: None,
                    recovered: false,
                    missed: 0,
                    error: Some(error.answer()),
                },
            });
        }
        // What comes after a loss comes after the word of it.
        let behind = connection.behind().await;
        for room in behind.iter().filter(|room| !lost.contains(room)) {
            self.catch_up(room).await?;
        }
        connection.send(&Resumed { rooms }).await?;
        for room in behind.iter().filter(|room| lost.contains(room)) {
            self.catch_up(room).await?;
        }
        Ok(())
    }

    /// Works messages off until the connection ends.
    async fn work(&mut self, socket: &Socket) -> Result<Next> {
        let engine = self.engine.clone();
        let connection = self.connection.clone();
        // These are set up once and not anew for each message.
        let mut stopped = pin!(engine.stopped());
        let mut ended = pin!(connection.wait_for_end());
        let mut deadline = pin!(sleep_until(self.deadline.0));
        loop {
            if deadline.deadline() != self.deadline.0 {
                deadline.as_mut().reset(self.deadline.0);
            }
            tokio::select! {
                biased;
                () = deadline.as_mut() => {
                    if self.on_deadline().await? == Next::Disconnect {
                        break;
                    }
                }
                () = stopped.as_mut() => return Box::pin(self.shut_down(socket)).await,
                rooms = connection.behind() => {
                    for room in rooms {
                        self.catch_up(&room).await?;
                    }
                }
                incoming = socket.link().receive() => {
                    if self.receive(incoming).await? == Next::Disconnect {
                        break;
                    }
                }
                // Last, so that what a client sent before it went away is still handled.
                () = ended.as_mut() => return Ok(Next::Continue),
            }
        }
        connection.send_frame(&socketio::disconnect()).await;
        Ok(Next::Disconnect)
    }

    /// Says that the server stops, and finishes what is queued.
    async fn shut_down(&mut self, socket: &Socket) -> Result<Next> {
        let reconnect_after_ms = rand::rng().random_range(RECONNECT_SPREAD_MS);
        let reason = "the server is stopping".into();
        self.connection.send(&ServerShutdown { reason, reconnect_after_ms }).await?;
        while let Some(incoming) = socket.link().try_receive() {
            if self.receive(incoming).await? == Next::Disconnect {
                break;
            }
        }
        // No DISCONNECT: official clients come back by themselves only after a lost transport.
        Ok(Next::Continue)
    }

    /// Sends what a room's log holds and the client wasn't sent yet.
    async fn catch_up(&self, room: &RoomAddress) -> Result<()> {
        loop {
            let frames = self.engine.rooms().next_missed(room, &self.connection.id);
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                self.connection.send_frame(&frame).await;
            }
        }
        let rooms = self.engine.rooms();
        while rooms.send_missed_presence(room, &self.connection.id)? == Some(SendError::Full) {
            self.connection.wait_for_space().await;
        }
        Ok(())
    }

    fn context(&self) -> Result<Context> {
        let identity = self.connection.identity().ok_or_else(|| {
            Error::refused(ErrorCode::Unauthenticated, "sign in first, by `authenticate`")
        })?;
        Ok(Context {
            engine: self.engine.clone(),
            connection: self.connection.clone(),
            identity,
            attachments: Attachments::default(),
        })
    }
}
