//! Events are sent to rooms: the one `publish`.

use std::time::Instant;

use samewire_protocol::{
    InLog, Position, RoomAddress, ServerEvent, id::UserId, limits::MAX_SENT_ATTACHMENTS,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Engine;
use crate::{
    attachments::Attachments,
    backplane::RoomLock,
    connection::Connection,
    error::{Error, Result},
    metrics,
    registry::Context,
    retained::Retain,
    rooms::Publishing,
};

impl Engine {
    /// Keeps others, on whichever server, from storing and publishing in a room until what it gives is
    /// dropped. To be taken before something is stored that a room is told, so that it hears of things in
    /// the order they were stored. Should it be lost meanwhile, as by a server that stands still for
    /// seconds, the room's log begins anew, and its members read how things stand.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when Redis is away, or others keep the
    /// room for long.
    pub async fn lock(&self, room: &RoomAddress) -> Result<RoomLock> {
        self.backplane.lock(room).await
    }

    /// Sends an event to everybody in a room and keeps it in the room's log. What it tells must be
    /// stored by then.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached,
    /// or when the payload can't be written as JSON.
    pub async fn publish<E: ServerEvent>(&self, room: &RoomAddress, event: &E) -> Result<Position> {
        stands_in_log::<E>();
        self.publish_raw(room, E::NAME, &to_raw_value(event)?).await
    }

    /// As [`Engine::publish`], to all but the connection that caused it, which has an answer of its
    /// own. The event stands in the log all the same.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached,
    /// or when the payload can't be written as JSON.
    pub async fn publish_to_others<E: ServerEvent>(
        &self,
        cause: &Connection,
        room: &RoomAddress,
        event: &E,
    ) -> Result<Position> {
        stands_in_log::<E>();
        let publishing = Publishing { except: Some(&cause.id), ..Publishing::default() };
        self.publish_as(room, E::NAME, &to_raw_value(event)?, publishing).await
    }

    /// As [`Engine::publish`], for what goes on for a while: whoever joins later is sent what
    /// `retain` sets, as how things stand, before anything that follows.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached,
    /// or when the payload can't be written as JSON.
    pub async fn publish_retaining<E: ServerEvent>(
        &self,
        room: &RoomAddress,
        event: &E,
        retain: impl Into<Vec<Retain>>,
    ) -> Result<Position> {
        stands_in_log::<E>();
        let publishing = Publishing { retain: retain.into(), ..Publishing::default() };
        self.publish_as(room, E::NAME, &to_raw_value(event)?, publishing).await
    }

    /// As [`Engine::publish`], to the connections of a user, each of which is asked to acknowledge it.
    /// The first that does, on each server, is told to what
    /// [`Registry::on_acknowledged`](crate::registry::Registry::on_acknowledged) registered. A client that doesn't is none the worse for it.
    ///
    /// # Errors
    /// [`Unavailable`](samewire_protocol::ErrorCode::Unavailable) when the other servers can't be reached,
    /// or when the payload can't be written as JSON.
    pub async fn publish_asking<E: ServerEvent>(
        &self,
        user: &UserId,
        event: &E,
    ) -> Result<Position> {
        stands_in_log::<E>();
        let publishing = Publishing { ask: true, ..Publishing::default() };
        let room = RoomAddress::user(user);
        self.publish_as(&room, E::NAME, &to_raw_value(event)?, publishing).await
    }

    /// Sends an event of the application's own, which the protocol doesn't declare.
    ///
    /// # Errors
    /// When the name or the payload can't be written as JSON.
    pub async fn publish_value<T: Serialize + ?Sized>(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &T,
    ) -> Result<Position> {
        self.publish_raw(room, event, &to_raw_value(payload)?).await
    }

    /// Sends an event whose payload is JSON already.
    ///
    /// # Errors
    /// When the event's name can't be written as JSON.
    pub async fn publish_raw(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
    ) -> Result<Position> {
        self.publish_as(room, event, payload, Publishing::default()).await
    }

    /// Sends an event with binary values, which placeholders in the payload stand for: those of an
    /// event that came, or [`Attachments::placeholder`]s.
    ///
    /// # Errors
    /// [`InvalidPayload`](samewire_protocol::ErrorCode::InvalidPayload) where there are more than [`MAX_SENT_ATTACHMENTS`]; or when the
    /// name or the payload can't be written as JSON.
    pub async fn publish_attached<T: Serialize + ?Sized>(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &T,
        attachments: Attachments,
    ) -> Result<Position> {
        if attachments.len() > MAX_SENT_ATTACHMENTS {
            let problem = format!("expected at most {MAX_SENT_ATTACHMENTS} binary values");
            return Err(Error::field("payload", problem));
        }
        let publishing = Publishing { attachments, ..Publishing::default() };
        self.publish_as(room, event, &to_raw_value(payload)?, publishing).await
    }

    async fn publish_as(
        &self,
        room: &RoomAddress,
        event: &str,
        payload: &RawValue,
        publishing: Publishing<'_>,
    ) -> Result<Position> {
        metrics::published(event);
        let began = Instant::now();
        let position = self.backplane.publish(room, event, payload, publishing).await?;
        metrics::delivered(began.elapsed());
        Ok(position)
    }

    /// Hands on that a connection acknowledged an event of its user.
    pub(crate) async fn acknowledged(&self, context: Context, number: u64) -> Result<()> {
        let room = RoomAddress::user(&context.identity.user_id);
        let Some(logged) = self.rooms.acknowledged(&room, number) else { return Ok(()) };
        match self.registry.acknowledged(&logged.event) {
            Some(handler) => handler(context, serde_json::from_str(logged.frame.payload())?).await,
            None => Ok(()),
        }
    }
}

/// What is published comes with its place in the log, as its types say.
const fn stands_in_log<E: ServerEvent>() {
    const {
        assert!(
            !matches!(E::IN_LOG, InLog::Never),
            "an event that is published is declared as `in [KIND]`"
        );
    }
}
