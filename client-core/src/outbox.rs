//! What was emitted and not yet answered: kept while offline, sent in order, sent again under the
//! same id, and settled exactly once (wire.md, section 5).

use crate::{CallId, ClientErrorCode, Duration, Failure, Holdings, Instant, Payload, message};

/// How long an emit may be sent again. The server remembers what it acted on for ten minutes; one of
/// them is for the way there.
const REMEMBERED: Duration = Duration::from_secs(9 * 60);

/// All emits that wait for an answer.
#[derive(Debug)]
pub(crate) struct Outbox<P: Payload> {
    /// Those that are to be sent, the client's own before the application's: it is in its rooms
    /// again before what was emitted meanwhile arrives there.
    unsent: Emits<P>,
    /// Those that are on their way, as they were sent. Answers come in about this order.
    sent: Emits<P>,
    /// No answer is late before this.
    deadline: Instant,
    next_ack: u64,
    limit: usize,
}

/// Emits in their order. A pointer each of the others moves when one is taken out at the front: a queue in
/// which none does is much more WebAssembly.
pub(crate) type Emits<P> = Vec<Box<Waiting<P>>>;

/// An emit that wants an answer.
#[derive(Debug)]
pub(crate) struct Emit<P: Payload> {
    pub(crate) name: P::Text,
    /// None once it is written and won't be again.
    pub(crate) payload: Option<P::Message>,
    /// Names it, so that the server doesn't act on it twice.
    pub(crate) id: Option<P::Text>,
    pub(crate) purpose: Purpose<P::Text>,
    /// How long to wait for the answer, each try.
    pub(crate) timeout: Duration,
    /// Times it may be sent again.
    pub(crate) retries: u32,
}

/// Who wants the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose<T> {
    Call(CallId),
    Join(T),
    History(T),
    /// Nobody: it is asked for to know that the event arrived.
    Nobody,
}

/// An emit with what became of it so far.
#[derive(Debug)]
pub(crate) struct Waiting<P: Payload> {
    pub(crate) emit: Emit<P>,
    /// The number that it is answered by: the same for each try, for the answer to an earlier one is as good.
    ack: u64,
    /// When it was first sent.
    first_sent: Instant,
    /// When the answer to the newest try is late.
    deadline: Instant,
    /// Whether it went to a server that would act twice on a repeat.
    sent_unnamed: bool,
}

impl<P: Payload> Outbox<P> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { unsent: Vec::new(), sent: Vec::new(), deadline: Instant::NEVER, next_ack: 0, limit }
    }

    /// Emits of the application that wait.
    pub(crate) fn pending(&self) -> usize {
        self.unsent
            .iter()
            .chain(&self.sent)
            .filter(|waiting| waiting.emit.purpose.is_call())
            .count()
    }

    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        for emits in [&self.unsent, &self.sent] {
            for waiting in emits {
                let Emit { name, payload, id, purpose, .. } = &waiting.emit;
                holdings.text(name);
                if let Some(payload) = payload {
                    holdings.message(payload);
                }
                if let Some(id) = id {
                    holdings.text(id);
                }
                if let Purpose::Join(room) | Purpose::History(room) = purpose {
                    holdings.text(room);
                }
            }
        }
    }

    /// Takes an emit of the application. It is sent by [`Self::next_message`].
    ///
    /// # Errors
    /// When as many wait to be sent as may.
    pub(crate) fn add(&mut self, emit: Emit<P>) -> Result<(), Failure<P>> {
        if self.unsent.len() >= self.limit {
            let message = "too many emits wait already";
            return Err(Failure::new(ClientErrorCode::QueueFull, message));
        }
        let waiting = self.numbered(emit);
        self.unsent.push(waiting);
        Ok(())
    }

    /// Takes an emit of the client's own, which no limit keeps back.
    pub(crate) fn add_ours(&mut self, emit: Emit<P>) {
        let theirs = self.unsent.iter().position(|waiting| waiting.emit.purpose.is_call());
        let waiting = self.numbered(emit);
        self.unsent.insert(theirs.unwrap_or(self.unsent.len()), waiting);
    }

    fn numbered(&mut self, emit: Emit<P>) -> Box<Waiting<P>> {
        let (ack, never) = (self.next_ack, Instant::NEVER);
        self.next_ack += 1;
        Box::new(Waiting { emit, ack, first_sent: never, deadline: never, sent_unnamed: false })
    }

    /// The next emit to send. `named` says that the server knows what an emit's id is for.
    pub(crate) fn next_message(&mut self, now: Instant, named: bool) -> Option<P::Message> {
        if self.unsent.is_empty() {
            return None;
        }
        let mut waiting = self.unsent.remove(0);
        waiting.first_sent = waiting.first_sent.min(now);
        waiting.deadline = now + waiting.emit.timeout;
        self.deadline = self.deadline.min(waiting.deadline);
        let Emit { name, payload, id, .. } = &waiting.emit;
        let id = id.as_ref().filter(|_| named);
        let message = message::event::<P>(name, payload.as_ref()?, Some(waiting.ack), id);
        waiting.sent_unnamed |= id.is_none();
        if !waiting.may_be_sent_again()
            && let Some(payload) = waiting.emit.payload.take()
        {
            P::let_go(payload);
        }
        self.sent.push(waiting);
        Some(message)
    }

    /// Takes out the emits that are about to be sent again so late that the server may have forgotten
    /// that it acted on them.
    pub(crate) fn outlived(&mut self, now: Instant) -> Emits<P> {
        let outlived = |waiting: &Waiting<P>| {
            waiting.emit.purpose.is_call() && waiting.first_sent + REMEMBERED < now
        };
        let mut given_up = Vec::new();
        while let Some(index) = self.unsent.iter().position(|waiting| outlived(waiting)) {
            given_up.push(self.unsent.remove(index));
        }
        given_up
    }

    /// The emit that an acknowledgement is for; none where it was settled before.
    pub(crate) fn answered(&mut self, ack: u64) -> Option<Box<Waiting<P>>> {
        // Another try may be about to be sent.
        take_answered(&mut self.sent, ack).or_else(|| take_answered(&mut self.unsent, ack))
    }

    /// Takes out the emit of the application that an acknowledgement is for, if it isn't about to be sent
    /// again, and what it is answered `fits` its event.
    pub(crate) fn settled(
        &mut self,
        ack: u64,
        fits: impl FnOnce(&P::Text) -> bool,
    ) -> Option<CallId> {
        let index = self.sent.iter().position(|waiting| waiting.ack == ack)?;
        let Emit { name, purpose: Purpose::Call(call), .. } = &self.sent[index].emit else {
            return None;
        };
        let call = *call;
        fits(name).then(|| {
            self.sent.remove(index);
            call
        })
    }

    /// Forgets the emits of a purpose, without a word.
    pub(crate) fn forget(&mut self, purpose: &Purpose<P::Text>) {
        forget(&mut self.unsent, Some(purpose));
        forget(&mut self.sent, Some(purpose));
    }

    /// The emits that were not answered in time and may not be sent again. The others are unsent
    /// from now on.
    pub(crate) fn expire(&mut self, now: Instant) -> Emits<P> {
        self.deadline = Instant::NEVER;
        self.take_back(now)
    }

    /// The connection is lost: gives the emits of the application that can't be sent again.
    /// What was asked on the client's own account is forgotten; it is asked anew when connected.
    pub(crate) fn disconnected(&mut self) -> Emits<P> {
        self.deadline = Instant::NEVER;
        forget(&mut self.unsent, None);
        forget(&mut self.sent, None);
        self.take_back(Instant::NEVER)
    }

    /// Takes out everything.
    pub(crate) fn drain(&mut self) -> Emits<P> {
        self.deadline = Instant::NEVER;
        self.sent.append(&mut self.unsent);
        std::mem::take(&mut self.sent)
    }

    /// When an answer may be late.
    pub(crate) fn deadline(&self) -> Instant {
        if self.sent.is_empty() { Instant::NEVER } else { self.deadline }
    }

    /// Makes emits unsent whose answer is late by then, in their order, and gives those that may not be
    /// sent again.
    fn take_back(&mut self, by: Instant) -> Emits<P> {
        let mut given_up = Vec::new();
        let mut place = 0;
        for mut waiting in std::mem::take(&mut self.sent) {
            if waiting.deadline > by {
                self.deadline = self.deadline.min(waiting.deadline);
                self.sent.push(waiting);
            } else if waiting.may_be_sent_again() {
                waiting.emit.retries -= 1;
                self.unsent.insert(place, waiting);
                place += 1;
            } else {
                given_up.push(waiting);
            }
        }
        given_up
    }
}

/// Takes out the emit that was sent with a number.
fn take_answered<P: Payload>(queue: &mut Emits<P>, ack: u64) -> Option<Box<Waiting<P>>> {
    let index = queue.iter().position(|waiting| waiting.ack == ack)?;
    Some(queue.remove(index))
}

/// Forgets the emits of a purpose, or all of the client's own.
fn forget<P: Payload>(queue: &mut Emits<P>, purpose: Option<&Purpose<P::Text>>) {
    let mut index = 0;
    while let Some(waiting) = queue.get(index) {
        let forgotten = match purpose {
            Some(purpose) => waiting.emit.purpose == *purpose,
            None => !waiting.emit.purpose.is_call(),
        };
        if forgotten {
            queue.remove(index);
        } else {
            index += 1;
        }
    }
}

impl<P: Payload> Waiting<P> {
    fn may_be_sent_again(&self) -> bool {
        self.emit.retries > 0 && !self.sent_unnamed
    }
}

impl<T> Purpose<T> {
    fn is_call(&self) -> bool {
        matches!(self, Self::Call(_))
    }
}
