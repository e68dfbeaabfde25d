//! Who is in a room: let in, taken out, and what they are at there.

use std::time::Duration;

use samewire_protocol::{
    ErrorBody, ErrorCode, InLog, Position, RoomAddress, ServerEvent,
    presence::PresenceState,
    room,
    rooms::{Joined, Left},
};

use super::{Engine, MAX_ROOMS, not_in};
use crate::{
    activities::Announcement,
    auth::Identity,
    backplane::Held,
    clock,
    connection::Connection,
    error::{Error, Result},
    metrics,
    registry::Context,
    rooms::{Dismissal, Filter, Parting, RoomState, Whom},
    socketio,
};

impl Engine {
    /// Puts a connection into a room: the one way in. Whether it may is asked of the room's kind.
    ///
    /// # Errors
    /// What the kind's access check says, [`ErrorCode::TooManyRooms`], or
    /// [`ErrorCode::NotFound`] for a kind that nobody serves.
    pub async fn join(
        &self,
        context: &Context,
        address: &RoomAddress,
        since: Option<Position>,
        events: Option<Vec<String>>,
    ) -> Result<Joined> {
        let Context { connection, identity, .. } = context;
        let filter = Filter::of(events)?;
        if !connection.has_place_for(address) {
            let message = format!("a connection may be in {MAX_ROOMS} rooms");
            return Err(Error::refused(ErrorCode::TooManyRooms, message));
        }
        let mut held = None;
        let entry = loop {
            let revocations = self.rooms.revocations();
            self.check_access(identity, address).await?;
            if held.is_none() {
                held = self.backplane.hold(address, since.as_ref()).await?;
                if held.as_ref().is_some_and(Held::is_new) {
                    // Only from now on is it heard of here when access is taken back.
                    continue;
                }
            }
            let entry = self.rooms.insert(
                address,
                connection,
                identity,
                since.as_ref(),
                &filter,
                revocations,
            );
            if let Some(entry) = entry {
                break entry;
            }
        };
        connection.joined(address);
        // That a user is in their own room goes without saying.
        if address.kind() != room::USER {
            tracing::info!(connection = %connection.id, user = %identity.user_id, room = %address, "joined");
        }
        metrics::joined(address.kind());
        metrics::replayed(entry.missed);
        if !entry.recovered {
            metrics::gap();
        }
        // A user's own room holds nobody to be told of.
        if address.kind() != room::USER && filter.wants_presence() {
            let state = PresenceState { room: address.to_string(), users: entry.users.clone() };
            connection.send(&state).await?;
        }
        // Who joins elsewhere after this finds them there.
        self.rooms.told().await;
        Ok(Joined {
            room: address.to_string(),
            position: entry.position,
            recovered: entry.recovered,
            missed: entry.missed,
            users: entry.users,
        })
    }

    /// Asks a room's kind whether somebody may be in it.
    async fn check_access(&self, identity: &Identity, address: &RoomAddress) -> Result<()> {
        match self.registry.access_check(address.kind()) {
            Some(check) => check(identity.clone(), address.id().to_owned()).await,
            None => {
                let message = format!("rooms of the kind {} are not served", address.kind().0);
                Err(Error::refused(ErrorCode::NotFound, message))
            }
        }
    }

    /// Takes a connection out of a room.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when it isn't in it, [`ErrorCode::AccessDenied`] for a user's own
    /// room.
    pub fn leave(&self, connection: &Connection, address: &RoomAddress) -> Result<Left> {
        if address.kind() == room::USER {
            let message = "a user's own room can't be left";
            return Err(Error::refused(ErrorCode::AccessDenied, message));
        }
        connection.left(address);
        if !self.rooms.remove(address, &connection.id, Parting::Left) {
            return Err(not_in(address));
        }
        tracing::info!(connection = %connection.id, room = %address, "left");
        Ok(Left { room: address.to_string() })
    }

    /// Says that a member of a room is at something for a while, such as typing: the others are told
    /// `begun`, once, and `ended` when it leaves, when [`Engine::end_activity`] says so, or when `lasts`
    /// has passed and it wasn't said again. Whoever joins meanwhile is told that it goes on. It is no
    /// part of the room's log.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the connection isn't in the room, or when the payload can't be
    /// written as JSON.
    pub fn begin_activity<B: ServerEvent, E: ServerEvent>(
        &self,
        connection: &Connection,
        room: &RoomAddress,
        lasts: Duration,
        begun: &B,
        ended: &E,
    ) -> Result<()> {
        const {
            assert!(
                matches!((B::IN_LOG, E::IN_LOG), (InLog::Never, InLog::Never)),
                "an activity's events are declared as `in [KIND], unlogged`"
            );
        }
        let announcement = Announcement {
            begun: (B::NAME.into(), socketio::event(B::NAME, begun)?),
            ended: (E::NAME.into(), socketio::event(E::NAME, ended)?),
        };
        let lasts_ms = clock::whole_ms(lasts);
        if self.rooms.begin_activity(room, &connection.id, &announcement, lasts_ms) {
            Ok(())
        } else {
            Err(not_in(room))
        }
    }

    /// Says that a member is no longer at what `B` told the beginning of.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the connection isn't in the room.
    pub fn end_activity<B: ServerEvent>(
        &self,
        connection: &Connection,
        room: &RoomAddress,
    ) -> Result<()> {
        if self.rooms.end_activity(room, &connection.id, B::NAME) {
            Ok(())
        } else {
            Err(not_in(room))
        }
    }

    /// Takes members out of a room, on all servers, and tells them why.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] when the other servers can't be reached, or when the reason can't be
    /// written as JSON.
    pub async fn revoke(&self, room: &RoomAddress, whom: &Whom, reason: ErrorBody) -> Result<()> {
        self.backplane.dismiss(room, Dismissal::Revoked { whom: whom.clone(), reason }).await
    }

    /// Takes everybody out of a room that is no more. They are told by the event that ended it.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] when the other servers can't be reached.
    pub async fn close_room(&self, room: &RoomAddress) -> Result<()> {
        self.backplane.dismiss(room, Dismissal::Closed).await
    }

    /// Who is in a room, or nothing where the room isn't known.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`] when the other servers can't be reached.
    pub async fn room(&self, room: &RoomAddress) -> Result<Option<RoomState>> {
        self.backplane.state(room).await
    }
}
