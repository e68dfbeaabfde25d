//! Which servers there are, and their figures. Each tells them again and again; who doesn't any more is
//! gone.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use redis::Pipeline;
use samewire_protocol::id::UserId;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    Connection,
    keys::{self, ServerKeys},
};
use crate::{clock, error::Result};

/// How often a server says that it is there, at least.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// How long it is believed.
pub(super) const HEARTBEAT_LASTS: Duration = Duration::from_secs(5);

/// How soon it says so again when its figures have changed.
const CHANGES_AFTER: Duration = Duration::from_millis(200);

/// How long the list of others' users is good for: they may be many.
const USERS_KNOWN_FOR: Duration = Duration::from_millis(500);

/// The servers, as one of them sees them.
#[derive(Debug, Clone)]
pub(crate) struct Servers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: String,
    connection: Connection,
    seen: watch::Sender<Seen>,
    changed: Notify,
    users_of_others: Mutex<Option<(Instant, Arc<HashSet<UserId>>)>>,
}

/// What a heartbeat found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Those that are there, with their figures.
    pub(crate) servers: Arc<BTreeMap<String, Figures>>,
    /// How often this one came late enough to have been taken for gone, or Redis forgot it: what it had
    /// told of itself may be gone with it.
    pub(crate) lapses: u64,
}

/// The figures of a server. A neighbouring version's may have others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Figures {
    /// Connections, signed in or not.
    pub(crate) connections: usize,
    /// Connections that are signed in.
    pub(crate) user_connections: usize,
    /// Users who sent something to it within the rate window.
    pub(crate) active_users: usize,
    /// Connections in the rooms of each project.
    pub(crate) projects: BTreeMap<String, usize>,
    /// Who is connected: told by itself, since they may be many.
    #[serde(skip)]
    pub(crate) users: HashSet<UserId>,
}

impl Servers {
    /// For a server that hasn't said anything yet.
    pub(crate) fn new(connection: Connection) -> Self {
        Self(Arc::new(Inner {
            id: uuid::Uuid::new_v4().simple().to_string(),
            connection,
            seen: watch::Sender::default(),
            changed: Notify::new(),
            users_of_others: Mutex::default(),
        }))
    }

    /// Which of them this one is.
    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// What the heartbeats find, time after time.
    pub(crate) fn seen(&self) -> watch::Receiver<Seen> {
        self.0.seen.subscribe()
    }

    /// Whether a server is there.
    ///
    /// # Errors
    /// When Redis is away.
    pub(crate) async fn is_alive(&self, id: &str) -> Result<bool> {
        if id == self.id() {
            return Ok(true);
        }
        self.0
            .connection
            .command("servers", redis::cmd("EXISTS").arg(ServerKeys(id).figures()))
            .await
    }

    /// Says that figures have changed.
    pub(crate) fn changed(&self) {
        self.0.changed.notify_one();
    }

    /// The figures of the others, as they were told last.
    pub(crate) fn others(&self) -> Vec<Figures> {
        let servers = self.0.seen.borrow().servers.clone();
        let others = servers.iter().filter(|(id, _)| **id != self.0.id);
        others.map(|(_, figures)| figures.clone()).collect()
    }

    /// Users who are connected to others, each once; those of a moment ago.
    ///
    /// # Errors
    /// When Redis is away.
    pub(crate) async fn users_of_others(&self) -> Result<Arc<HashSet<UserId>>> {
        let mut known = self.0.users_of_others.lock().await;
        if let Some((at, users)) = &*known
            && at.elapsed() < USERS_KNOWN_FOR
        {
            return Ok(users.clone());
        }
        let servers = self.0.seen.borrow().servers.clone();
        let others = servers.keys().filter(|id| **id != self.0.id);
        let keys: Vec<String> = others.map(|id| ServerKeys(id).users()).collect();
        let users: HashSet<String> = if keys.is_empty() {
            HashSet::new()
        } else {
            self.0.connection.command("servers", redis::cmd("SUNION").arg(keys)).await?
        };
        let users: Arc<HashSet<UserId>> = Arc::new(users.into_iter().map(UserId::from).collect());
        *known = Some((Instant::now(), users.clone()));
        Ok(users)
    }

    /// Says again and again that this server is there. Runs until it is dropped.
    pub(crate) async fn beat(&self, figures: impl Fn() -> Figures) {
        let mut told = Told::default();
        loop {
            if let Err(error) = self.tell(figures(), &mut told).await {
                tracing::debug!(%error, "no heartbeat");
            }
            sleep(CHANGES_AFTER).await;
            let _ = timeout(HEARTBEAT_INTERVAL - CHANGES_AFTER, self.0.changed.notified()).await;
        }
    }

    /// Says that this server goes, so that nobody has to miss it first.
    pub(crate) async fn leave(&self) {
        let mut leave = redis::pipe();
        leave
            .del(ServerKeys(self.id()).figures())
            .del(ServerKeys(self.id()).users())
            .srem(keys::servers(), self.id());
        if let Err(error) = self.0.connection.pipeline::<()>("servers", &leave).await {
            tracing::debug!(%error, "went without a word");
        }
    }

    async fn tell(&self, figures: Figures, told: &mut Told) -> Result<()> {
        let connection = &self.0.connection;
        let began = Instant::now();
        let (before, count, ids): (Option<Vec<u8>>, usize, BTreeSet<String>) =
            connection.pipeline("servers", &self.heartbeat(&figures, &told.users)?).await?;
        let late = told.at.is_some_and(|at| at.elapsed() > HEARTBEAT_LASTS);
        let forgotten = told.at.is_some() && before.is_none();
        let lapsed = late || forgotten || count != figures.users.len();
        if count != figures.users.len() {
            let users_key = ServerKeys(self.id()).users();
            let mut anew = redis::pipe();
            anew.del(&users_key);
            tell_users(&mut anew, self.id(), figures.users.iter(), "SADD");
            expire(&mut anew, &users_key);
            connection.pipeline::<()>("servers", &anew).await?;
        }
        *told = Told { users: figures.users, at: Some(began) };
        if lapsed {
            // Whether or not the rest of it succeeds: the next time it would be a lapse no longer.
            self.0.seen.send_modify(|seen| seen.lapses += 1);
        }
        let keys: Vec<String> = ids.iter().map(|id| ServerKeys(id).figures()).collect();
        let texts: Vec<Option<Vec<u8>>> =
            connection.command("servers", redis::cmd("MGET").arg(keys)).await?;
        let mut servers = BTreeMap::new();
        let mut gone = Vec::new();
        for (id, text) in ids.into_iter().zip(texts) {
            match text {
                Some(text) => {
                    servers.insert(id, serde_json::from_slice(&text).unwrap_or_default());
                }
                None => gone.push(id),
            }
        }
        if !gone.is_empty() {
            let forget = redis::cmd("SREM").arg(keys::servers()).arg(gone).to_owned();
            connection.command::<()>("servers", &forget).await?;
        }
        self.0.seen.send_modify(|seen| seen.servers = Arc::new(servers));
        Ok(())
    }

    /// Gives what it had told before, how many users are told of, and who else is there.
    fn heartbeat(&self, figures: &Figures, told: &HashSet<UserId>) -> Result<Pipeline> {
        let users_key = ServerKeys(self.id()).users();
        let mut heartbeat = redis::pipe();
        heartbeat
            .cmd("SET")
            .arg(ServerKeys(self.id()).figures())
            .arg(serde_json::to_vec(figures)?)
            .arg("PX")
            .arg(clock::whole_ms(HEARTBEAT_LASTS))
            .arg("GET");
        heartbeat.sadd(keys::servers(), self.id()).ignore();
        tell_users(&mut heartbeat, self.id(), figures.users.difference(told), "SADD");
        tell_users(&mut heartbeat, self.id(), told.difference(&figures.users), "SREM");
        expire(&mut heartbeat, &users_key);
        heartbeat.scard(&users_key).smembers(keys::servers());
        Ok(heartbeat)
    }
}

/// What was told last, and when that began.
#[derive(Default)]
struct Told {
    users: HashSet<UserId>,
    at: Option<Instant>,
}

fn tell_users<'a>(
    pipeline: &mut Pipeline,
    id: &str,
    users: impl Iterator<Item = &'a UserId>,
    command: &str,
) {
    let users: Vec<&str> = users.map(UserId::as_str).collect();
    for some in users.chunks(1000) {
        pipeline.cmd(command).arg(ServerKeys(id).users()).arg(some).ignore();
    }
}

fn expire(pipeline: &mut Pipeline, key: &str) {
    pipeline.cmd("PEXPIRE").arg(key).arg(clock::whole_ms(HEARTBEAT_LASTS)).ignore();
}
