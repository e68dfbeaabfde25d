//! What must hold at the end of a run; what must hold all the time is looked at where it happens,
//! in `application` and `world`.

use samewire_client_core::ConnectionState;
use serde_json::Value;

use crate::{
    application::{HandleState, wants},
    model_server::OWN_ROOM,
    world::World,
};

/// Once quiet: connected, in the rooms that were joined and no others, up to their logs' ends, and
/// of one mind with the server on who is there.
pub(crate) fn at_rest(world: &mut World) -> Result<(), String> {
    if world.client.state() != ConnectionState::Connected {
        return Err(format!("at rest, but {:?}", world.client.state()));
    }
    let mut joined = vec![OWN_ROOM.to_owned()];
    for (id, handle) in world.application.handles.iter().enumerate() {
        match &handle.state {
            HandleState::Waiting => return Err(format!("handle {id} waits for ever")),
            HandleState::Over => {}
            HandleState::In { room, cursor } => {
                let known = &world.server.rooms[room];
                if cursor.epoch != known.epoch {
                    return Err(format!("handle {id} is at {cursor:?} of a log that is gone"));
                }
                let log = &world.server.truth.logs[&known.epoch];
                let unseen = log.get(cursor.offset as usize..).unwrap_or_default();
                if unseen.iter().any(|name| wants(handle.filter, name)) {
                    let end = known.offset;
                    return Err(format!("handle {id} is at {cursor:?}, and {room} at {end}"));
                }
                joined.push(room.clone());
            }
        }
    }
    joined.sort_unstable();
    joined.dedup();
    let member_of: Vec<String> =
        world.server.only_session().ok_or("not one connection")?.iter().cloned().collect();
    if member_of != joined {
        return Err(format!("in {joined:?}, and by the server in {member_of:?}"));
    }
    for room in joined.iter().filter(|room| *room != OWN_ROOM) {
        let shown: Vec<&Value> = world.client.users(&room.as_str().into()).collect();
        let present = world.server.rooms[room].presence.users();
        if !shown.iter().copied().eq(&present) {
            return Err(format!("in {room} are {present:?}, shown are {shown:?}"));
        }
    }
    let open = world
        .application
        .emits
        .iter()
        .position(|emit| !emit.volatile && !emit.cancelled && emit.settled != 1);
    open.map_or(Ok(()), |open| Err(format!("emit {open} is never settled")))
}

/// In one life of the server's memory no emit is acted on twice.
pub(crate) fn acted_once(world: &World) -> Result<(), String> {
    for (emit, lives) in &world.server.truth.acts {
        let mut known = lives.clone();
        known.dedup();
        if known.len() < lives.len() {
            return Err(format!("emit {emit} was acted on {} times", lives.len()));
        }
    }
    Ok(())
}

/// After `close` nothing is left, and nothing comes.
pub(crate) fn closed(world: &mut World) -> Result<(), String> {
    world.linger()?;
    let client = &mut world.client;
    let left = (client.poll_timeout(), client.rooms(), client.pending_emits(), client.session());
    if left != (None, 0, 0, None) {
        return Err(format!("a closed client has {left:?}"));
    }
    if client.poll_transmit().is_some()
        || client.poll_event().is_some()
        || !world.sockets.are_closed()
    {
        return Err("a closed client goes on".to_owned());
    }
    let open = world
        .application
        .emits
        .iter()
        .position(|emit| !emit.volatile && !emit.cancelled && emit.settled != 1);
    open.map_or(Ok(()), |open| Err(format!("emit {open} outlives its client")))
}
