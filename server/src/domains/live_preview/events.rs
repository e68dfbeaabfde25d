//! The events of those who watch.

use samewire_protocol::{
    ErrorCode, RoomAddress,
    live_preview::{JoinProject, LeaveProject},
    room::PROJECT,
    rooms::{Joined, Left},
};

use super::given;
use crate::{
    error::{Error, Result},
    registry::{Context, Registry},
};

pub(super) fn register(registry: &mut Registry) {
    registry.on(join);
    registry.on(leave);
}

async fn join(context: Context, asked: JoinProject) -> Result<Joined> {
    let id = given(asked.project_id)?;
    if let Some(token) = asked.token {
        let identity = context.engine.verify(&token)?;
        if identity.user_id != context.identity.user_id {
            return Err(Error::refused(ErrorCode::TokenInvalid, "the token is of another user"));
        }
    }
    let address = RoomAddress::new(PROJECT, &id);
    context.engine.join(&context, &address, None, None).await.map_err(|error| match error {
        Error::Database(_) => failed(&error, ErrorCode::JoinFailed, "joining failed"),
        other => other,
    })
}

async fn leave(context: Context, asked: LeaveProject) -> Result<Left> {
    let id = given(asked.project_id)?;
    let address = RoomAddress::new(PROJECT, &id);
    context.engine.leave(&context.connection, &address).map_err(|error| match error.code() {
        ErrorCode::NotFound => Error::refused(ErrorCode::LeaveFailed, "not in this project's room"),
        _ => error,
    })
}

/// A failure of ours under the name that this system gives it.
fn failed(error: &Error, code: ErrorCode, message: &str) -> Error {
    tracing::error!(%error, "{message}");
    Error::refused(code, message)
}
