//! Who is connected to this server.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use samewire_protocol::{
    RoomAddress,
    id::{ConnectionId, UserId},
    room,
};

use super::Engine;
use crate::{
    backplane::redis::Figures,
    connection::Connection,
    error::Result,
    metrics,
    rooms::{Dismissal, Parting},
};

/// Connections that are signed in, and all others.
#[derive(Debug, Default)]
pub(super) struct Connections {
    all: HashMap<ConnectionId, Arc<Connection>>,
    by_user: HashMap<UserId, HashSet<ConnectionId>>,
}

/// The figures of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Connections, signed in or not.
    pub total_connections: usize,
    /// Users with at least one connection.
    pub authenticated_users: usize,
    /// Connections that are signed in.
    pub user_connections: usize,
    /// Each project that is watched or followed, with the connections in its rooms.
    pub projects: Vec<(String, usize)>,
    /// Users who sent something within the rate window. Who sent to several servers counts for each of
    /// them: no server lists them.
    pub active_users: usize,
}

impl Engine {
    /// Whether a user is connected, to whichever server.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached.
    pub async fn is_online(&self, user: &UserId) -> Result<bool> {
        Ok(self.connection_count_of(user).await? > 0)
    }

    /// How many connections a user has, to all servers.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached.
    pub async fn connection_count_of(&self, user: &UserId) -> Result<usize> {
        let room = self.backplane.state(&RoomAddress::user(user)).await?;
        Ok(room.map_or(0, |room| room.connections))
    }

    /// A connection, by its public id: who is signed in on it, and in which rooms it is.
    pub fn connection(&self, id: &ConnectionId) -> Option<Arc<Connection>> {
        self.connections.lock().all.get(id).cloned()
    }

    /// The connections of a user to this server.
    pub fn connections_of(&self, user: &UserId) -> Vec<Arc<Connection>> {
        let connections = self.connections.lock();
        let ids = connections.by_user.get(user).into_iter().flatten();
        ids.filter_map(|id| connections.all.get(id).cloned()).collect()
    }

    /// Ends all connections of a user, on all servers. Says how many there were.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached.
    pub async fn disconnect(&self, user: &UserId) -> Result<usize> {
        let connections = self.connection_count_of(user).await?;
        self.backplane.dismiss(&RoomAddress::user(user), Dismissal::Disconnected).await?;
        Ok(connections)
    }

    /// The figures of this server.
    pub fn stats(&self) -> Stats {
        let connections = self.connections.lock();
        // A project is watched in one kind of room and its stories are followed in another.
        let projects = self.rooms.connections(&[room::PROJECT, room::STORIES]);
        Stats {
            total_connections: connections.all.len(),
            authenticated_users: connections.by_user.len(),
            user_connections: connections.by_user.values().map(HashSet::len).sum(),
            projects: projects.into_iter().collect(),
            active_users: self.rates.active_users(),
        }
    }

    /// The figures of all servers together: of the others those they told last. While Redis is away,
    /// of this one alone.
    pub async fn stats_of_all(&self) -> Stats {
        let mut stats = self.stats();
        let Some(redis) = self.redis.as_ref().filter(|redis| redis.connection.is_up()) else {
            return stats;
        };
        let mut projects: BTreeMap<String, usize> = stats.projects.into_iter().collect();
        for other in redis.servers.others() {
            stats.total_connections += other.connections;
            stats.user_connections += other.user_connections;
            stats.active_users += other.active_users;
            for (project, connections) in other.projects {
                *projects.entry(project).or_default() += connections;
            }
        }
        stats.projects = projects.into_iter().collect();
        if let Ok(users) = redis.servers.users_of_others().await {
            let connections = self.connections.lock();
            let here_alone = connections.by_user.keys().filter(|user| !users.contains(*user));
            stats.authenticated_users = users.len() + here_alone.count();
        }
        stats
    }

    /// The figures of this server, as others are told of them.
    pub(super) fn figures(&self) -> Figures {
        let stats = self.stats();
        Figures {
            connections: stats.total_connections,
            user_connections: stats.user_connections,
            active_users: stats.active_users,
            projects: stats.projects.into_iter().collect(),
            users: self.connections.lock().by_user.keys().cloned().collect(),
        }
    }

    pub(crate) fn add(&self, connection: &Arc<Connection>) {
        let mut connections = self.connections.lock();
        connections.all.insert(connection.id.clone(), connection.clone());
        metrics::connections(connections.all.len());
    }

    /// Other servers are told of it soon.
    fn figures_changed(&self) {
        if let Some(redis) = &self.redis {
            redis.servers.changed();
        }
    }

    pub(crate) fn signed_in(&self, connection: &Connection, user: &UserId) {
        self.figures_changed();
        let mut connections = self.connections.lock();
        connections.by_user.entry(user.clone()).or_default().insert(connection.id.clone());
        metrics::users(connections.by_user.len());
    }

    pub(crate) fn remove(&self, connection: &Connection) {
        for room in connection.rooms() {
            self.rooms.remove(&room, &connection.id, Parting::Lost);
        }
        self.figures_changed();
        let mut connections = self.connections.lock();
        connections.all.remove(&connection.id);
        if let Some(identity) = connection.identity()
            && let Some(ids) = connections.by_user.get_mut(&identity.user_id)
        {
            ids.remove(&connection.id);
            if ids.is_empty() {
                connections.by_user.remove(&identity.user_id);
            }
        }
        metrics::users(connections.by_user.len());
        metrics::connections(connections.all.len());
    }

    /// Connections that are still there.
    pub(crate) fn connection_count(&self) -> usize {
        self.connections.lock().all.len()
    }
}
