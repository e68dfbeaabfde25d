//! The events of those who watch.

use samewire_protocol::{
    ErrorCode, RoomAddress,
    live_preview::{JoinProject, LeaveProject, OpenSessions, ReadOpenSessions},
    room::PROJECT,
    rooms::{Joined, Left},
};

use super::{LivePreview, given, queries, sessions::Session};
use crate::{
    error::{Error, Result},
    registry::{Context, Registry},
};

pub(super) fn register(registry: &mut Registry, domain: &LivePreview) {
    registry.on(join);
    registry.on(leave);
    let domain = domain.clone();
    registry.on(move |context, asked| open_sessions(domain.clone(), context, asked));
}

async fn join(context: Context, asked: JoinProject) -> Result<Joined> {
    let id = given(asked.project_id)?;
    if let Some(token) = asked.token {
        let identity = context.engine.verify(&token).await?;
        if identity.user_id != context.identity.user_id {
            return Err(Error::refused(ErrorCode::TokenInvalid, "the token is of another user"));
        }
    }
    let address = RoomAddress::new(PROJECT, &id);
    let joined = context.engine.join(&context, &address, None, None).await;
    joined.map_err(|error| error.failed_as(ErrorCode::JoinFailed, "joining failed"))
}

async fn leave(context: Context, asked: LeaveProject) -> Result<Left> {
    let id = given(asked.project_id)?;
    let address = RoomAddress::new(PROJECT, &id);
    context.engine.leave(&context.connection, &address).map_err(|error| match error.code() {
        ErrorCode::NotFound => Error::refused(ErrorCode::LeaveFailed, "not in this project's room"),
        _ => error,
    })
}

async fn open_sessions(
    domain: LivePreview,
    context: Context,
    asked: ReadOpenSessions,
) -> Result<OpenSessions> {
    let project = domain.watchable(&context.identity, &asked.project_id).await?;
    let sessions = queries::open(domain.store.pool(), &project.id).await?;
    Ok(OpenSessions { sessions: sessions.iter().map(Session::started).collect() })
}
