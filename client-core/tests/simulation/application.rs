//! What an application does with the client, and what it was told: it notes the first thing that
//! can't be.

use samewire_client_core::{Event, HandleId, Position};
use serde_json::Value;

use crate::{
    model_server::{OWN_ROOM, Truth},
    schedule::{FILTERS, ROOMS},
};

#[derive(Default)]
pub(crate) struct Application {
    pub(crate) handles: Vec<Handle>,
    pub(crate) emits: Vec<Emit>,
    /// How far the own room was followed, once anything came of it.
    own: Option<Cursor>,
    /// How often a token was asked for since the last look.
    pub(crate) tokens_asked: u32,
}

/// The events that a handle wants; none means all.
pub(crate) type Filter = Option<&'static [&'static str]>;

/// Everything up to here was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) epoch: String,
    pub(crate) offset: u64,
}

/// Somebody who joined a room. Its place among the handles is its id.
pub(crate) struct Handle {
    pub(crate) asked: &'static str,
    pub(crate) filter: Filter,
    pub(crate) state: HandleState,
}

pub(crate) enum HandleState {
    Waiting,
    In { room: String, cursor: Cursor },
    Over,
}

/// An emit. Its place among the emits is its number, and its call's.
#[derive(Default)]
pub(crate) struct Emit {
    /// Nothing is told of a volatile one.
    pub(crate) volatile: bool,
    pub(crate) cancelled: bool,
    pub(crate) settled: u32,
    pub(crate) resolved: bool,
}

impl Application {
    pub(crate) fn add_handle(&mut self, room: usize, filter: usize) -> HandleId {
        let filter = FILTERS.get(filter).copied().flatten();
        self.handles.push(Handle { asked: ROOMS[room], filter, state: HandleState::Waiting });
        HandleId(self.handles.len() as u32 - 1)
    }

    pub(crate) fn end_handle(&mut self, handle: usize) {
        self.handles[handle].state = HandleState::Over;
    }

    /// Whether the application is in a room for all of its events.
    pub(crate) fn sees_all_of(&self, address: &str) -> bool {
        self.handles.iter().any(|handle| {
            let joined = matches!(&handle.state, HandleState::In { room, .. } if room == address);
            joined && handle.filter.is_none()
        })
    }

    /// A handle that isn't over.
    pub(crate) fn pick_handle(&self, number: usize) -> Option<usize> {
        let live: Vec<usize> = (0..self.handles.len())
            .filter(|index| !matches!(self.handles[*index].state, HandleState::Over))
            .collect();
        (!live.is_empty()).then(|| live[number % live.len()])
    }

    /// An emit that is not settled.
    pub(crate) fn pick_emit(&self, number: usize) -> Option<usize> {
        let open: Vec<usize> = (0..self.emits.len())
            .filter(|index| {
                let emit = &self.emits[*index];
                emit.settled == 0 && !emit.volatile && !emit.cancelled
            })
            .collect();
        (!open.is_empty()).then(|| open[number % open.len()])
    }

    /// Takes what one call of the client led to. `position` says how far the client is by now.
    pub(crate) fn take(
        &mut self,
        told: &[Event<Value>],
        truth: &Truth,
        position: impl Fn(&str) -> Option<Cursor>,
    ) -> Result<(), String> {
        for (index, event) in told.iter().enumerate() {
            self.see(event, truth, |room| {
                let later = told[index + 1..].iter().find_map(|event| before(event, room));
                later.or_else(|| position(room))
            })?;
        }
        Ok(())
    }

    fn see(
        &mut self,
        event: &Event<Value>,
        truth: &Truth,
        position: impl Fn(&str) -> Option<Cursor>,
    ) -> Result<(), String> {
        match event {
            Event::TokenNeeded => self.tokens_asked += 1,
            Event::Fault { event, problem } => return Err(format!("{event} is spoilt: {problem}")),
            Event::Settled { call, outcome, .. } => {
                let emit = &mut self.emits[call.0 as usize];
                emit.settled += 1;
                emit.resolved = outcome.is_ok();
                if emit.settled > 1 || emit.cancelled {
                    return Err(format!("emit {} was settled again", call.0));
                }
                if emit.resolved && !truth.acts.contains_key(&call.0.into()) {
                    return Err(format!("emit {} is done, says the client; nobody did it", call.0));
                }
            }
            Event::Joined { handle, room } => {
                let known = &mut self.handles[handle.0 as usize];
                if !matches!(known.state, HandleState::Waiting) {
                    return Err(format!("handle {} joined again, or too late", handle.0));
                }
                let cursor = position(room).ok_or("a room was joined that is nowhere")?;
                known.state = HandleState::In { room: room.to_string(), cursor };
            }
            Event::Refused { handle, .. } => {
                let known = &mut self.handles[handle.0 as usize];
                if !matches!(known.state, HandleState::Waiting) {
                    return Err(format!("handle {} was refused out of time", handle.0));
                }
                known.state = HandleState::Over;
            }
            Event::Removed { room, .. } => self.lose_room(room),
            Event::Reset { room, position } => {
                let at = Cursor { epoch: position.epoch.to_string(), offset: position.offset };
                for (_, cursor) in self.followers(room) {
                    *cursor = at.clone();
                }
                if &**room == OWN_ROOM {
                    self.own = Some(at);
                }
            }
            Event::Arrived { event, .. } => {
                if let Some(place) = &event.place {
                    let (epoch, offset) = (&*place.position.epoch, place.position.offset);
                    return self.follow(&place.room, epoch, offset, &event.name, truth);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Every handle of the room goes on by an event, which must be the next that it wants.
    fn follow(
        &mut self,
        room: &str,
        epoch: &str,
        offset: u64,
        name: &str,
        truth: &Truth,
    ) -> Result<(), String> {
        let at = Cursor { epoch: epoch.to_owned(), offset };
        let log = truth.logs.get(epoch).ok_or("an epoch that never was")?;
        if log.get(offset as usize - 1) != Some(&name) {
            return Err(format!("{room} has no {name} at {at:?}"));
        }
        let step = |cursor: &mut Cursor, wants: &dyn Fn(&str) -> bool| {
            if cursor.epoch != at.epoch {
                return Err(format!("{room} went from {cursor:?} to {at:?} without a reset"));
            }
            if offset <= cursor.offset {
                return Err(format!("{room} was at {cursor:?}, and told {at:?} again"));
            }
            let skipped = &log[cursor.offset as usize..offset as usize - 1];
            if skipped.iter().any(|name| wants(name)) {
                return Err(format!("{room} went from {cursor:?} to {at:?} with a gap"));
            }
            *cursor = at.clone();
            Ok(())
        };
        for (filter, cursor) in self.followers(room) {
            if wants(filter, name) {
                step(cursor, &|name| wants(filter, name))?;
            }
        }
        if room == OWN_ROOM {
            match &mut self.own {
                Some(cursor) => step(cursor, &|_| true)?,
                None => self.own = Some(at),
            }
        }
        Ok(())
    }

    fn lose_room(&mut self, lost: &str) {
        for handle in &mut self.handles {
            if matches!(&handle.state, HandleState::In { room, .. } if room == lost) {
                handle.state = HandleState::Over;
            }
        }
    }

    /// The handles that are in a room: what each wants, and how far it saw it.
    fn followers(&mut self, room: &str) -> impl Iterator<Item = (Filter, &mut Cursor)> {
        self.handles.iter_mut().filter_map(move |handle| match &mut handle.state {
            HandleState::In { room: joined, cursor } if joined == room => {
                Some((handle.filter, cursor))
            }
            _ => None,
        })
    }
}

/// Whether a handle with this filter wants an event.
pub(crate) fn wants(filter: Filter, name: &str) -> bool {
    filter.is_none_or(|names| names.contains(&name))
}

/// The place before an event of a room.
fn before(event: &Event<Value>, room: &str) -> Option<Cursor> {
    let Event::Arrived { event, .. } = event else { return None };
    let place = event.place.as_ref().filter(|place| &*place.room == room)?;
    let Position { epoch, offset } = &place.position;
    Some(Cursor { epoch: epoch.to_string(), offset: offset - 1 })
}
