//! The rooms that the application is in (wire.md, sections 3 and 4): joins are counted, events are
//! put in order, and what a lost connection took is asked for again.

use samewire_protocol::room::{ROOM, USER};

use crate::{
    Arrived, ClientErrorCode, Event, Failure, HandleId, Holdings, Payload, Place, Position, Text,
    message::{Greeting, Request},
    presence::Presence,
    queue::Queue,
    room::{Handle, Membership, Room},
    sequence::Continuity,
    sorted::SortedMap,
};

/// All rooms, by their addresses.
#[derive(Debug)]
pub(crate) struct Rooms<P: Payload> {
    /// A pointer each: what moves when one comes or goes is as small as with the users of a room.
    rooms: SortedMap<P::Text, Box<Room<P>>>,
    asks: Queue<Request<P::Text>>,
    /// What became of them. What arrived has yet to be checked.
    events: Queue<Event<P>>,
}

impl<P: Payload> Rooms<P> {
    pub(crate) fn new() -> Self {
        Self { rooms: SortedMap::new(), asks: Queue::new(), events: Queue::new() }
    }

    pub(crate) fn poll_ask(&mut self) -> Option<Request<P::Text>> {
        self.asks.pop()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event<P>> {
        self.events.pop()
    }

    /// What all rooms hold. What is asked and told was taken out by then.
    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        for (address, room) in self.rooms.iter() {
            holdings.text(address);
            room.holds(holdings);
        }
    }

    /// Rooms that the application is in, or about to be.
    pub(crate) fn len(&self) -> usize {
        let mut count = 0;
        for (_, room) in self.rooms.iter() {
            count += usize::from(!room.handles.is_empty());
        }
        count
    }

    pub(crate) fn position(&self, room: &P::Text) -> Option<&Position<P::Text>> {
        self.rooms.get(room)?.sequence.position()
    }

    pub(crate) fn users(&self, room: &P::Text) -> impl Iterator<Item = &P> {
        self.rooms.get(room).into_iter().flat_map(|room| room.presence.users())
    }

    /// Joins a room for a handle; the first handle, or one that wants more events, asks the server.
    pub(crate) fn join(
        &mut self,
        handle: HandleId,
        address: P::Text,
        events: Option<Vec<P::Text>>,
        online: bool,
    ) {
        let address = address_of(address);
        let room =
            self.rooms.get_or_insert_with(address.clone(), || Box::new(Room::new(Membership::Out)));
        let wanted = room.filter();
        let alone = !room.is_wanted();
        room.handles.push(Handle { id: handle, events, told: false });
        let wants_more = room.filter() != wanted;
        if wants_more && room.resuming && !online {
            // The handshake asked for less. It is joined once connected, from where it was left.
            room.resuming = false;
            room.membership = Membership::Out;
        }
        if online && (room.membership == Membership::Out || alone || wants_more) {
            self.asks.push(room.ask_to_join(&address));
        } else if room.membership == Membership::In && room.asked == 0 {
            tell_joined(&mut room.handles, &address, &mut self.events);
        }
    }

    /// Ends a handle. The last one leaves the room.
    pub(crate) fn leave(&mut self, handle: HandleId, online: bool) {
        let Some((address, room)) = self.rooms.iter_mut().find(|(_, room)| room.has(handle)) else {
            return;
        };
        let address = address.clone();
        if let Some(index) = room.handles.iter().position(|known| known.id == handle) {
            room.handles.remove(index);
        }
        if !room.handles.is_empty() || room.own {
            return;
        }
        if online && room.membership != Membership::Out {
            self.asks.push(Request::Leave { room: address.clone() });
        }
        self.rooms.remove(&address);
    }

    /// Signed in: the server joined us to the user's own room. Where its log stands is still to be
    /// learnt, so that nothing is missed later.
    pub(crate) fn joined_own(&mut self, user: &P::Text) {
        let address = P::Text::known(USER.0).join(":", user);
        let room =
            self.rooms.get_or_insert_with(address.clone(), || Box::new(Room::new(Membership::Out)));
        room.own = true;
        if room.membership == Membership::Out {
            self.asks.push(room.ask_to_join(&address));
        }
    }

    /// Names the rooms to resume in a handshake: those of which we know how much we have seen.
    pub(crate) fn resume(&mut self, greeting: &mut Greeting<P>) {
        for (address, room) in self.rooms.iter_mut() {
            if room.is_wanted()
                && room.sequence.position().is_some()
                && let Request::Join { room: address, since: Some(since), events } =
                    room.ask_to_join(address)
            {
                room.resuming = true;
                greeting.resume(&address, &since, events.as_deref());
            }
        }
    }

    /// Connected: the rooms that the handshake didn't name are joined now.
    pub(crate) fn connected(&mut self) {
        self.join_those(Membership::Out);
    }

    /// The server doesn't answer to what the handshake asked for: it is asked room by room.
    pub(crate) fn resume_unanswered(&mut self) {
        self.join_those(Membership::Joining);
    }

    fn join_those(&mut self, membership: Membership) {
        for (address, room) in self.rooms.iter_mut() {
            if room.membership == membership && room.is_wanted() && !room.own {
                self.asks.push(room.ask_to_join(address));
            }
        }
    }

    /// The connection is lost, and with it every membership.
    pub(crate) fn disconnected(&mut self) {
        self.asks = Queue::new();
        self.rooms.retain(|room| room.is_wanted());
        for (_, room) in self.rooms.iter_mut() {
            room.membership = Membership::Out;
            room.resuming = false;
            room.asked = 0;
            room.sequence.lose_connection();
        }
    }

    /// Forgets everything; who was about to join is told.
    pub(crate) fn close(&mut self, failure: &Failure<P>) {
        for (_, room) in self.rooms.iter_mut() {
            refuse_untold(&mut room.handles, failure, &mut self.events);
        }
        self.rooms = SortedMap::new();
    }

    /// The server answered `room:join`.
    pub(crate) fn join_answered(&mut self, asked: &P::Text, answer: Result<&P, Failure<P>>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.join_refused(asked, failure),
        };
        let address = self.adopt(asked, answer.text_of("room"));
        let Some(room) = self.rooms.get_mut(&address).filter(|room| room.is_wanted()) else {
            return self.leave_unwanted(&address);
        };
        if let Some(users) = answer.field("users") {
            room.presence.replace(&users);
            self.events.push(Event::PresenceChanged { room: address.clone() });
        }
        room.sequence.begin_replay();
        self.is_in(&address, answer);
    }

    /// The server said what became of the rooms that the handshake named.
    pub(crate) fn resumed(&mut self, resumed: &P) {
        let Some(rooms) = resumed.field("rooms") else {
            return;
        };
        for room in rooms.items() {
            let Some(address) = room.text_of("room") else {
                continue;
            };
            let failure = room.field("error").and_then(Failure::refused);
            let (resuming, wanted) = match self.rooms.get_mut(&address) {
                Some(known) => (std::mem::take(&mut known.resuming), known.is_wanted()),
                None => (false, false),
            };
            match failure {
                Some(failure) if resuming => self.remove(&address, failure),
                None if resuming => self.is_in(&address, &room),
                None if !wanted => self.leave_unwanted(&address),
                // Left since, and joined again: that join has its own answer.
                _ => {}
            }
        }
    }

    /// The server took a room away, or didn't let us in again.
    pub(crate) fn remove(&mut self, address: &P::Text, failure: Failure<P>) {
        let Some((address, mut room)) = self.rooms.remove(address) else {
            return;
        };
        refuse_untold(&mut room.handles, &failure, &mut self.events);
        if !room.handles.is_empty() {
            self.events.push(Event::Removed { room: address, failure });
        }
    }

    /// Whether an event with that place is the next of its room. Then it has been released by this.
    pub(crate) fn passes(&mut self, place: &Place<P::Text>) -> bool {
        self.rooms.get_mut(&place.room).is_some_and(|room| room.sequence.passes(&place.position))
    }

    /// Takes an event that has a place in a room's log. Gives it back where it is its turn at once.
    pub(crate) fn accept(&mut self, event: Box<Arrived<P>>) -> Option<Box<Arrived<P>>> {
        let Some(place) = &event.place else {
            return Some(event);
        };
        if self.passes(place) {
            return Some(event);
        }
        let Place { room: address, position } = place.clone();
        let room = self.rooms.get_or_insert_with(address.clone(), || Box::new(Room::unasked()));
        let continuity = room.sequence.accept(position, event);
        self.go_on(&address, continuity, None);
        None
    }

    /// The server answered `room:history`.
    pub(crate) fn history_answered(&mut self, address: &P::Text, answer: Option<&P>) {
        let Some(room) = self.rooms.get_mut(address) else {
            return;
        };
        let filled = answer.and_then(|answer| {
            let position = Position::read(&answer.field("position")?)?;
            let complete = answer.field("complete")?.flag()?;
            let epoch = position.epoch.clone();
            let events = answer.field("events")?;
            let events = events.items().filter_map(|event| logged(address, &epoch, &event));
            Some(room.sequence.fill(events, position, complete))
        });
        let continuity = filled.unwrap_or_else(|| room.sequence.skip_hole());
        self.go_on(address, continuity, None);
    }

    /// Everybody who is in a room.
    pub(crate) fn presence_state(&mut self, state: &P) {
        self.fold(state, |presence| {
            if let Some(users) = state.field("users") {
                presence.replace(&users);
            }
        });
    }

    /// Who came, changed or left.
    pub(crate) fn presence_update(&mut self, change: &P) {
        self.fold(change, |presence| presence.update(change));
    }

    fn fold(&mut self, payload: &P, fold: impl FnOnce(&mut Presence<P>)) {
        let Some(address) = payload.text_of("room") else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&address) {
            fold(&mut room.presence);
            self.events.push(Event::PresenceChanged { room: address });
        }
    }

    fn join_refused(&mut self, asked: &P::Text, failure: Failure<P>) {
        let unanswered = failure.is(const { ClientErrorCode::Timeout.as_str() })
            || failure.is(const { ClientErrorCode::InvalidAnswer.as_str() });
        let Some(room) = self.rooms.get_mut(asked) else {
            if unanswered {
                // Taken away since, or so we were told: it may let us in again by this join.
                self.leave_unwanted(asked);
            }
            return;
        };
        if !room.own && room.membership != Membership::In {
            // It may have let us in all the same: by this join, or by one before it.
            let is_in = room.asked > 1 || unanswered;
            self.remove(asked, failure);
            if is_in {
                self.leave_unwanted(asked);
            }
            return;
        }
        refuse_untold(&mut room.handles, &failure, &mut self.events);
        if !room.is_wanted() {
            return self.leave_unwanted(asked);
        }
        if unanswered && !room.own {
            // Whether more is sent by now decides what a hole is: that has to be known.
            room.membership = Membership::Out;
            return self.asks.push(room.ask_to_join(asked));
        }
        // We are in it nevertheless, and its events come: with those that were wanted before, or,
        // in a user's own room, without knowing what is missed while offline.
        room.membership = Membership::In;
        room.asked = 0;
        room.sequence.filtered = room.sent_filtered;
        let continuity = room.sequence.not_joined();
        self.go_on(asked, continuity, None);
    }

    /// The server let us into a room that nobody wants any more.
    fn leave_unwanted(&mut self, address: &P::Text) {
        self.rooms.remove(address);
        self.asks.push(Request::Leave { room: address.clone() });
    }

    /// A room is called what the server calls it: `lobby` is `room:lobby`.
    fn adopt(&mut self, asked: &P::Text, named: Option<P::Text>) -> P::Text {
        let named = named.unwrap_or_else(|| asked.clone());
        if named != *asked
            && let Some((_, mut room)) = self.rooms.remove(asked)
        {
            match self.rooms.get_mut(&named) {
                Some(known) => known.handles.append(&mut room.handles),
                None => self.rooms.insert(named.clone(), room),
            }
        }
        named
    }

    /// We are in a room: `answer` holds `position`, `recovered` and `missed`.
    fn is_in(&mut self, address: &P::Text, answer: &P) {
        let Some(room) = self.rooms.get_mut(address) else {
            return;
        };
        room.membership = Membership::In;
        room.asked = 0;
        room.sent_filtered = room.sequence.filtered;
        let known = room.sequence.position().is_some();
        let recovered = answer.field("recovered").and_then(|flag| flag.flag()).unwrap_or(false);
        let continuity =
            match answer.field("position").and_then(|position| Position::read(&position)) {
                Some(position) => room.sequence.joined(position, recovered),
                None => room.sequence.not_joined(),
            };
        tell_joined(&mut room.handles, address, &mut self.events);
        let missed = answer.field("missed").and_then(|missed| missed.count()).unwrap_or(0);
        self.go_on(address, continuity, (known && recovered).then_some(missed));
    }

    /// Releases what can be, says what became of the run, and asks for what is missing.
    fn go_on(&mut self, address: &P::Text, continuity: Continuity, recovered: Option<u64>) {
        let Some(room) = self.rooms.get_mut(address) else {
            return;
        };
        if continuity == Continuity::Broken
            && let Some(position) = room.sequence.position().cloned()
        {
            self.events.push(Event::Reset { room: address.clone(), position });
        }
        while let Some((_, event)) = room.sequence.release() {
            self.events.push(Event::Arrived { event });
        }
        if continuity == Continuity::Kept
            && let Some(missed) = recovered
        {
            self.events.push(Event::Recovered { room: address.clone(), missed });
        }
        if let Some(after) = room.sequence.hole() {
            self.asks.push(Request::History { room: address.clone(), after });
        }
    }
}

/// Those who don't know yet that they are in a room are told.
fn tell_joined<P: Payload>(
    handles: &mut [Handle<P::Text>],
    room: &P::Text,
    events: &mut Queue<Event<P>>,
) {
    for handle in handles {
        if !handle.told {
            handle.told = true;
            events.push(Event::Joined { handle: handle.id, room: room.clone() });
        }
    }
}

/// Those who don't know that they are in a room won't be.
fn refuse_untold<P: Payload>(
    handles: &mut Vec<Handle<P::Text>>,
    failure: &Failure<P>,
    events: &mut Queue<Event<P>>,
) {
    let mut index = 0;
    while let Some(handle) = handles.get(index) {
        if handle.told {
            index += 1;
        } else {
            events.push(Event::Refused { handle: handle.id, failure: failure.clone() });
            handles.remove(index);
        }
    }
}

/// What the server calls a room. Two names of one room would be two rooms here, and one would take
/// the other's events and membership away. Whether the part before a colon is a kind of room only
/// the server knows; without a colon it is none.
fn address_of<T: Text>(name: T) -> T {
    if name.split_once(":").is_some() { name } else { T::known(ROOM.0).join(":", &name) }
}

/// One event of a log, with its offset.
fn logged<P: Payload>(
    room: &P::Text,
    epoch: &P::Text,
    event: &P,
) -> Option<(u64, Box<Arrived<P>>)> {
    let offset = event.field("offset")?.count()?;
    let position = Position { epoch: epoch.clone(), offset };
    let arrived = Box::new(Arrived {
        name: event.text_of("event")?,
        payload: event.field("payload"),
        place: Some(Place { room: room.clone(), position }),
        args: None,
        ack: None,
    });
    Some((offset, arrived))
}
