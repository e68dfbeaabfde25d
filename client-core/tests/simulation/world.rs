//! One run: a client, its application, the network and the server, on one virtual clock.

use samewire_client_core::{
    CallId, Client, Config, ConnectionState, EmitOptions, HandleId, Instant, Message, NoChecks,
    PageEvent, SocketId,
};
use serde_json::{Value, json};

use crate::{
    application::{Application, Emit},
    fault::Fault,
    model_server::{OWN_ROOM, Server, address},
    network::Network,
    page::Page,
    random::Random,
    schedule::{Act, OTHERS, ROOMS, Schedule, Tokens, WAKES},
    sockets::Sockets,
};

/// When a run begins.
const BEGINNING_MS: u64 = 1_000_000;

/// More than any honest client does in one go.
pub(crate) const ENDLESS: usize = 50_000;

pub(crate) struct World {
    pub(crate) client: Client<Value>,
    pub(crate) application: Application,
    pub(crate) server: Server,
    pub(crate) network: Network,
    pub(crate) random: Random,
    pub(crate) now: u64,
    /// How far the client's clock is ahead of the world's.
    pub(crate) ahead_ms: u64,
    /// The client's sockets.
    pub(crate) sockets: Sockets,
    pub(crate) page: Page,
    pub(crate) tokens: Tokens,
    /// When the application answers that it was asked for a token.
    pub(crate) answers_at: Option<u64>,
    pub(crate) repeats: u64,
    pub(crate) fault: Option<Fault>,
    /// What crossed the client's border, where somebody will read it.
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(schedule: &Schedule, fault: Option<Fault>) -> Self {
        let mut random = Random::new(schedule.seed);
        let transports = schedule.transports;
        let config = Config { has_token: true, transports, ..Config::default() };
        Self {
            client: Client::new(config, random.next(), NoChecks),
            application: Application::default(),
            server: Server::new(fault),
            network: Network::new(),
            random,
            now: BEGINNING_MS,
            ahead_ms: 0,
            sockets: Sockets::default(),
            page: Page::default(),
            tokens: Tokens::Good { ms: 3_600_000 },
            answers_at: None,
            repeats: 0,
            fault,
            trace: None,
        }
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let what = what();
            // What comes again and again is worth one line.
            if trace.last().is_none_or(|last| !last.ends_with(&what)) {
                trace.push(format!("{:>9} ms  {what}", self.now - BEGINNING_MS));
            }
        }
    }

    pub(crate) fn clock(&self) -> Instant {
        Instant::from_millis(self.now + self.ahead_ms)
    }

    /// Lets a step happen. Whether the application goes on after it.
    pub(crate) fn act(&mut self, act: Act) -> Result<(), String> {
        let (now, clock) = (self.now, self.clock());
        if self.page.is_asleep && act.is_of_page() {
            return Ok(());
        }
        match act {
            Act::Connect => {
                self.page.waits_for_network &= self.sockets.main.is_some();
                self.client.connect(clock);
            }
            Act::Disconnect => self.client.disconnect(clock),
            Act::Close => self.client.close(clock),
            Act::Join { room, filter } => {
                let handle = self.application.add_handle(room, filter);
                let known = &self.application.handles[handle.0 as usize];
                let events =
                    known.filter.map(|names| names.iter().map(|&name| name.into()).collect());
                self.client.join(clock, handle, known.asked, events);
            }
            Act::Leave { handle } => {
                if let Some(handle) = self.application.pick_handle(handle) {
                    self.application.end_handle(handle);
                    self.client.leave(clock, HandleId(handle as u32));
                }
            }
            Act::Emit { retries } => self.emit("act", json!({}), retries),
            Act::EmitVolatile => {
                let payload = self.number(json!({}), true);
                // To fail at once is one of the two things that may come of it.
                let _ = self.client.emit_volatile("act", payload);
            }
            Act::Cancel { emit } => {
                if let Some(emit) = self.application.pick_emit(emit) {
                    self.application.emits[emit].cancelled = true;
                    self.client.cancel(clock, CallId(emit as u32));
                }
            }
            Act::SetPresence { room, status } => {
                let payload = json!({ "room": address(ROOMS[room]), "status": status });
                self.emit("presence:update", payload, None);
            }
            Act::Tokens(tokens) => self.tokens = tokens,
            Act::Freeze { ms, messages_first, wake } => {
                return self.freeze(ms, messages_first, WAKES[wake]);
            }
            Act::ClockJump { ms } => self.ahead_ms += ms,
            Act::Hide { timers_ms } => self.hide(timers_ms),
            Act::Show => self.show()?,
            Act::Offline { is_true } => self.go_offline(is_true)?,
            Act::Online => self.go_online()?,
            Act::PutAway => self.put_away()?,
            Act::Return { told } => self.come_back(told)?,
            Act::Latency { ms, upgrade_lag_ms } => {
                self.network.latency_ms = ms;
                self.network.upgrade_lag_ms = upgrade_lag_ms;
            }
            Act::Websockets(websockets) => self.network.websockets = websockets,
            Act::Cut { all, down, up, tells_client, tells_server } => {
                self.network.cut(now, all, down, up, (tells_client, tells_server));
            }
            Act::Stall { ms } => self.network.stall(now + ms),
            Act::Publish { room, name, count } => {
                // Only who is sent everything, and knows it, can find that something is missing.
                let finds_holes = self.application.sees_all_of(&address(ROOMS[room]));
                self.server.room(&address(ROOMS[room])).loses_next &= finds_holes;
                for _ in 0..count {
                    self.server.publish(&mut self.network, now, &address(ROOMS[room]), name);
                }
            }
            Act::PublishToUser => self.server.publish(&mut self.network, now, OWN_ROOM, 0),
            Act::OtherJoins { user, room } => {
                self.server.other_joins(now, &address(ROOMS[room]), user);
            }
            Act::OtherLeaves { user, room } => {
                let presence = &mut self.server.room(&address(ROOMS[room])).presence;
                presence.leave(OTHERS[user], OTHERS[user], now);
            }
            Act::OtherIsLost { user, room } => {
                let presence = &mut self.server.room(&address(ROOMS[room])).presence;
                presence.lose(OTHERS[user], OTHERS[user], now);
            }
            Act::OtherSets { user, room, status } => {
                let presence = &mut self.server.room(&address(ROOMS[room])).presence;
                presence.set(OTHERS[user], OTHERS[user], status, 0, now);
            }
            Act::LoseEvent { room } => self.server.room(&address(ROOMS[room])).loses_next = true,
            Act::Deny { room } => drop(self.server.denied.insert(address(ROOMS[room]))),
            Act::Allow { room } => drop(self.server.denied.remove(&address(ROOMS[room]))),
            Act::Revoke { room } => self.server.revoke(now, &address(ROOMS[room])),
            Act::RefuseEmits { count, lasting } => self.server.refused_emits = (count, lasting),
            Act::RefuseConnects { count, lasting } => {
                self.server.refused_connects = (count, lasting);
            }
            Act::ResumeTwice => self.server.resumes_twice = true,
            Act::Restart { keeps_memory, down_ms } => {
                self.server.stop(&mut self.network, now, down_ms, keeps_memory);
            }
            Act::ShutDown { keeps_memory, down_ms } => {
                self.server.announce_stop(&mut self.network, now);
                self.settle()?;
                self.pass(self.network.latency_ms)?;
                self.server.stop(&mut self.network, self.now, down_ms, keeps_memory);
            }
        }
        self.settle()
    }

    fn emit(&mut self, name: &str, payload: Value, retries: Option<u32>) {
        let call = self.application.emits.len() as u32;
        let payload = self.number(payload, false);
        let id = format!("00000000-0000-4000-8000-{call:012}");
        let options = EmitOptions { id: id.into(), timeout: None, retries };
        self.client.emit(self.clock(), CallId(call), name, payload, options);
    }

    /// A payload by which the server's acts are told apart.
    fn number(&mut self, mut payload: Value, volatile: bool) -> Message {
        payload["number"] = json!(self.application.emits.len());
        self.application.emits.push(Emit { volatile, ..Emit::default() });
        Message { text: payload.to_string(), attachments: Vec::new() }
    }

    /// The page sleeps: what comes meanwhile waits until it wakes.
    fn freeze(&mut self, ms: u64, messages_first: bool, wake: &[PageEvent]) -> Result<(), String> {
        self.page.fall_asleep();
        self.settle()?;
        self.pass(ms)?;
        self.page.is_asleep = false;
        if messages_first {
            self.settle()?;
        } else {
            self.fire()?;
        }
        wake.iter().try_for_each(|event| self.tell_page(*event))?;
        self.settle()
    }

    /// Lets time go by, with everything that happens in it.
    pub(crate) fn pass(&mut self, ms: u64) -> Result<(), String> {
        let end = self.now + ms;
        for _ in 0..ENDLESS {
            let listens = !self.page.is_asleep;
            let timer = self.client.poll_timeout().filter(|_| listens);
            let timer = timer.map(|at| {
                self.page.timer_comes(at.as_millis().saturating_sub(self.ahead_ms), self.now)
            });
            let answer = self.answers_at.filter(|_| listens);
            let arrival = self.network.next_due(self.now, listens);
            let next = [timer, answer, arrival, self.server.next_due()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return self.notices_death();
            };
            self.now = self.now.max(next);
            self.settle()?;
            if timer.is_some_and(|at| at <= self.now) {
                self.fire()?;
            }
        }
        Err("time stands still: something is due again and again".to_owned())
    }

    pub(crate) fn fire(&mut self) -> Result<(), String> {
        let clock = self.clock();
        let waited = matches!(self.client.state(), ConnectionState::Reconnecting { .. });
        self.client.handle_timeout(clock);
        let tries = matches!(self.client.state(), ConnectionState::Connecting);
        if waited && tries && self.page.waits_for_network {
            return Err("it tries to connect though there is no network".to_owned());
        }
        if self.client.poll_timeout().is_some_and(|deadline| deadline <= clock) {
            return Err("a deadline that has passed is due again".to_owned());
        }
        self.drain()
    }

    /// Lets everything happen that is due now, but for the client's timers.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        self.drain()?;
        for _ in 0..ENDLESS {
            self.network.flush(self.now);
            self.server.pass_time(&mut self.network, self.now);
            if let Some((link, up)) = self.network.take_up(self.now) {
                self.server.receive(&mut self.network, self.now, link, up);
                continue;
            }
            if self.page.is_asleep {
                return Ok(());
            }
            if let Some((link, down)) = self.network.take_down(self.now) {
                self.deliver(SocketId::new(link), down)?;
            } else if self.answers_at.is_some_and(|at| at <= self.now) {
                self.answers_at = None;
                let token = match self.tokens {
                    Tokens::Good { ms } => Ok(Some((self.now + ms).to_string().into())),
                    Tokens::Expired => Ok(Some("1".into())),
                    Tokens::None => Ok(None),
                    Tokens::Fail => Err("nobody knows".into()),
                };
                self.client.token(self.clock(), token);
                self.drain()?;
            } else {
                return Ok(());
            }
        }
        Err("messages go round without an end".to_owned())
    }

    /// All is well from now on, and stays so until there is nothing left to be said.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), String> {
        self.tokens = Tokens::Good { ms: 3_600_000 };
        self.network.recover();
        self.server.recover();
        self.come_back(0)?;
        self.go_online()?;
        self.show()?;
        self.pass(30_000)?;
        if matches!(self.client.state(), ConnectionState::Idle | ConnectionState::Closed { .. }) {
            self.client.connect(self.clock());
            self.settle()?;
        }
        self.pass(120_000)?;
        // What got lost between servers shows in what comes after it.
        for name in ROOMS {
            self.server.publish(&mut self.network, self.now, &address(name), 0);
        }
        self.pass(5_000)
    }

    /// What a closed client does with what still arrives, and with time.
    pub(crate) fn linger(&mut self) -> Result<(), String> {
        self.pass(60_000)?;
        self.fire()
    }
}
