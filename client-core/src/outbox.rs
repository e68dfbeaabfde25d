//! What was emitted and not yet answered: kept while offline, sent in order, sent again under the
//! same id, and settled exactly once (wire.md, section 5).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{CallId, ClientErrorCode, Encoded, Failure, Instant, Message, framing::EventHead};

/// All emits that wait, in the order they were made.
#[derive(Debug)]
pub(crate) struct Outbox<P> {
    waiting: BTreeMap<Serial, Waiting<P>>,
    /// Which emit an acknowledgement belongs to. One that was sent again has several.
    by_ack: BTreeMap<u64, Serial>,
    deadlines: BTreeSet<(Instant, Serial)>,
    /// Emits that are not on their way.
    unsent: BTreeSet<Serial>,
    next_number: u64,
    next_ack: u64,
    limit: usize,
}

/// Orders the emits: those of the client itself first, so that it is in its rooms again before
/// what was emitted meanwhile arrives there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Serial {
    theirs: bool,
    number: u64,
}

/// An emit that wants an answer.
#[derive(Debug)]
pub(crate) struct Emit<P> {
    pub(crate) name: Arc<str>,
    pub(crate) body: Body<P>,
    /// Names it, so that the server doesn't act on it twice.
    pub(crate) id: Option<String>,
    pub(crate) purpose: Purpose,
    /// How long to wait for the answer, each try.
    pub(crate) timeout: Duration,
    /// Times it may be sent again.
    pub(crate) retries: u32,
}

/// A payload, as it was written here or by the application.
#[derive(Debug)]
pub(crate) enum Body<P> {
    Ours(String),
    Theirs(Encoded<P>),
}

/// Who wants the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    Call(CallId),
    Join(Arc<str>),
    History(Arc<str>),
    /// Nobody: it is asked for to know that the event arrived.
    Nobody,
}

/// An emit that is over, but for what came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) name: Arc<str>,
    pub(crate) purpose: Purpose,
}

#[derive(Debug)]
struct Waiting<P> {
    emit: Emit<P>,
    /// The deadline of the newest try.
    deadline: Option<Instant>,
    acks: Vec<u64>,
    /// Whether it went to a server that would act twice on a repeat.
    sent_unnamed: bool,
}

impl<P: Clone> Outbox<P> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            waiting: BTreeMap::new(),
            by_ack: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            unsent: BTreeSet::new(),
            next_number: 0,
            next_ack: 0,
            limit,
        }
    }

    /// Emits of the application that wait.
    pub(crate) fn pending(&self) -> usize {
        self.waiting
            .values()
            .filter(|waiting| matches!(waiting.emit.purpose, Purpose::Call(_)))
            .count()
    }

    /// Takes an emit. It is sent by [`Self::next_message`].
    ///
    /// # Errors
    /// When as many wait to be sent as may.
    pub(crate) fn add(&mut self, emit: Emit<P>) -> Result<(), Failure> {
        if self.unsent.len() >= self.limit {
            let message = format!("{} emits wait for a connection already", self.limit);
            return Err(Failure::new(ClientErrorCode::QueueFull, message));
        }
        self.add_ours(emit);
        Ok(())
    }

    /// Takes an emit of the client's own, which no limit keeps back.
    pub(crate) fn add_ours(&mut self, emit: Emit<P>) {
        let theirs = matches!(emit.purpose, Purpose::Call(_));
        let serial = Serial { theirs, number: self.next_number };
        self.next_number += 1;
        self.unsent.insert(serial);
        let waiting = Waiting { emit, deadline: None, acks: Vec::new(), sent_unnamed: false };
        self.waiting.insert(serial, waiting);
    }

    /// The next emit to send. `named` says that the server knows what an emit's id is for.
    pub(crate) fn next_message(&mut self, now: Instant, named: bool) -> Option<Message<P>> {
        let serial = self.unsent.pop_first()?;
        let waiting = self.waiting.get_mut(&serial)?;
        let ack = self.next_ack;
        self.next_ack += 1;
        self.by_ack.insert(ack, serial);
        let deadline = now + waiting.emit.timeout;
        self.deadlines.insert((deadline, serial));
        Some(waiting.message(ack, deadline, named))
    }

    /// The emit that an acknowledgement is for; none where it was settled before.
    pub(crate) fn answered(&mut self, ack: u64) -> Option<Answered> {
        let serial = *self.by_ack.get(&ack)?;
        self.remove(serial)
    }

    /// Gives up an emit of the application.
    pub(crate) fn cancel(&mut self, call: CallId) {
        self.forget(&Purpose::Call(call));
    }

    /// Forgets the emits of a purpose, without a word.
    pub(crate) fn forget(&mut self, purpose: &Purpose) {
        let serials = self.serials(|emit| emit.purpose == *purpose);
        for serial in serials {
            self.remove(serial);
        }
    }

    /// The emits that were not answered in time and may not be sent again. The others are unsent
    /// from now on.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Answered> {
        let mut late = Vec::new();
        while let Some((deadline, serial)) = self.deadlines.first().copied()
            && deadline <= now
        {
            late.extend(self.send_again(serial));
        }
        late
    }

    /// The connection is lost: gives the emits of the application that can't be sent again.
    /// What was asked on the client's own account is forgotten; it is asked anew when connected.
    pub(crate) fn disconnected(&mut self) -> Vec<Answered> {
        for serial in self.serials(|emit| !matches!(emit.purpose, Purpose::Call(_))) {
            self.remove(serial);
        }
        let sent: Vec<Serial> =
            self.waiting.keys().copied().filter(|serial| !self.unsent.contains(serial)).collect();
        sent.into_iter().filter_map(|serial| self.send_again(serial)).collect()
    }

    /// Takes out everything.
    pub(crate) fn drain(&mut self) -> Vec<Answered> {
        self.serials(|_| true).into_iter().filter_map(|serial| self.remove(serial)).collect()
    }

    /// When the first answer is late.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Makes an emit unsent, or gives it back where it may not be sent again.
    fn send_again(&mut self, serial: Serial) -> Option<Answered> {
        let waiting = self.waiting.get_mut(&serial)?;
        if waiting.emit.retries == 0 || waiting.sent_unnamed {
            return self.remove(serial);
        }
        waiting.emit.retries -= 1;
        if let Some(deadline) = waiting.deadline.take() {
            self.deadlines.remove(&(deadline, serial));
        }
        self.unsent.insert(serial);
        None
    }

    fn remove(&mut self, serial: Serial) -> Option<Answered> {
        let waiting = self.waiting.remove(&serial)?;
        self.unsent.remove(&serial);
        if let Some(deadline) = waiting.deadline {
            self.deadlines.remove(&(deadline, serial));
        }
        for ack in waiting.acks {
            self.by_ack.remove(&ack);
        }
        Some(Answered { name: waiting.emit.name, purpose: waiting.emit.purpose })
    }

    fn serials(&self, wanted: impl Fn(&Emit<P>) -> bool) -> Vec<Serial> {
        let those = self.waiting.iter().filter(|(_, waiting)| wanted(&waiting.emit));
        those.map(|(serial, _)| *serial).collect()
    }
}

impl<P: Clone> Waiting<P> {
    fn message(&mut self, ack: u64, deadline: Instant, named: bool) -> Message<P> {
        self.acks.push(ack);
        self.deadline = Some(deadline);
        let id = self.emit.id.as_deref().filter(|_| named);
        self.sent_unnamed |= id.is_none() && matches!(self.emit.purpose, Purpose::Call(_));
        self.emit.body.message(&self.emit.name, Some(ack), id)
    }
}

impl<P: Clone> Body<P> {
    /// The frame of an event with this payload.
    pub(crate) fn message(&self, name: &str, ack: Option<u64>, id: Option<&str>) -> Message<P> {
        let attachments = match self {
            Self::Ours(_) => 0,
            Self::Theirs(encoded) => encoded.attachments.len(),
        };
        let (before, after) = EventHead { name, ack, attachments, id }.around();
        match self {
            Self::Ours(json) => Message::text(before + json + &after),
            Self::Theirs(encoded) => Message { before, payload: Some(encoded.clone()), after },
        }
    }
}
