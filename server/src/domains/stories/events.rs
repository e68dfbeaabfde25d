//! Coming and going of those who follow a project's stories.

use samewire_protocol::{
    rooms::{Joined, Left},
    stories::{JoinStories, JoinedProject, LeaveStories, LeftProject},
};

use super::room;
use crate::{
    error::Result,
    registry::{Context, Registry},
};

pub(super) fn register(registry: &mut Registry) {
    registry.on(join);
    registry.on(leave);
}

async fn join(context: Context, asked: JoinStories) -> Result<Joined> {
    let joined = context.engine.join(&context, &room(&asked.project_id), None, None).await?;
    context.connection.send(&JoinedProject { project_id: asked.project_id }).await?;
    Ok(joined)
}

async fn leave(context: Context, asked: LeaveStories) -> Result<Left> {
    let left = context.engine.leave(&context.connection, &room(&asked.project_id))?;
    context.connection.send(&LeftProject { project_id: asked.project_id }).await?;
    Ok(left)
}
