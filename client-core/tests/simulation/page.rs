//! What a page goes through, and what it is told of it.

use samewire_client_core::{ConnectionState, PageEvent, SocketId};

use crate::{fault::Fault, schedule::RETURNS, world::World};

/// How long a connection may be dead once the page looked: the time that an answer has, and a little.
const NOTICED_WITHIN_MS: u64 = 5_001;

#[derive(Default)]
pub(crate) struct Page {
    /// No timer fires, and nothing is delivered.
    pub(crate) is_asleep: bool,
    /// It was told that it is put away.
    is_away: bool,
    /// Timers come at whole multiples of this; without one, when they are due.
    timers_ms: Option<u64>,
    is_offline: bool,
    /// The client was told to make no try.
    pub(crate) waits_for_network: bool,
    /// A connection that is dead, and when the client must have noticed it by its own clock.
    dead: Option<(SocketId, u64)>,
}

impl Page {
    pub(crate) fn fall_asleep(&mut self) {
        self.is_asleep = true;
        self.dead = None;
    }

    /// When a timer that is due at a time really comes.
    pub(crate) fn timer_comes(&self, due: u64, now: u64) -> u64 {
        self.timers_ms.map_or(due, |step| due.max(now).next_multiple_of(step))
    }
}

impl World {
    pub(crate) fn hide(&mut self, timers_ms: u64) {
        self.page.timers_ms = Some(timers_ms);
        self.page.dead = None;
    }

    pub(crate) fn show(&mut self) -> Result<(), String> {
        if self.page.timers_ms.is_some() {
            self.tell_page(PageEvent::Shown)?;
        }
        Ok(())
    }

    pub(crate) fn go_offline(&mut self, is_true: bool) -> Result<(), String> {
        self.page.is_offline = true;
        let socket = self.sockets.main.map(|main| main.id);
        self.tell_page(PageEvent::Offline)?;
        if self.sockets.main.map(|main| main.id) != socket {
            return Err("a connection that may stand was closed".to_owned());
        }
        if is_true {
            self.network.is_down = true;
            self.network.cut(self.now, true, 0, 0, (false, false));
        }
        Ok(())
    }

    pub(crate) fn go_online(&mut self) -> Result<(), String> {
        self.network.is_down = false;
        if std::mem::take(&mut self.page.is_offline) {
            self.tell_page(PageEvent::Online)?;
        }
        Ok(())
    }

    pub(crate) fn put_away(&mut self) -> Result<(), String> {
        self.tell_page(PageEvent::Away)?;
        if !self.sockets.are_closed() {
            return Err("a page that is away keeps its socket".to_owned());
        }
        self.page.fall_asleep();
        self.page.is_away = true;
        Ok(())
    }

    pub(crate) fn come_back(&mut self, told: usize) -> Result<(), String> {
        if std::mem::take(&mut self.page.is_away) {
            self.page.is_asleep = false;
            RETURNS[told].iter().try_for_each(|event| self.tell_page(*event))?;
        }
        Ok(())
    }

    /// Tells the client what happened to its page.
    pub(crate) fn tell_page(&mut self, event: PageEvent) -> Result<(), String> {
        self.note(|| format!("the page: {event:?}"));
        match event {
            PageEvent::Offline | PageEvent::Away => self.page.waits_for_network = true,
            PageEvent::Online | PageEvent::Back => self.page.waits_for_network = false,
            PageEvent::Shown => self.page.timers_ms = None,
        }
        let misses = match self.fault {
            Some(Fault::MissesReturns) => event == PageEvent::Back,
            Some(Fault::MissesShows) => event == PageEvent::Shown,
            Some(Fault::MissesOffline) => event == PageEvent::Offline,
            Some(Fault::MissesOnline) => event == PageEvent::Online,
            _ => false,
        };
        if !misses {
            self.client.handle_page(self.clock(), event);
            self.drain()?;
        }
        // Where there is no network, to ask is no use; where timers are late, so is what they bring.
        if !self.page.waits_for_network && self.page.timers_ms.is_none() {
            self.expect_notice();
        }
        Ok(())
    }

    /// From now on the client has so long to find out that its connection is dead, if it is.
    fn expect_notice(&mut self) {
        let connected = matches!(self.client.state(), ConnectionState::Connected);
        let signed_in = self.client.session().is_some();
        let dead = self.sockets.main.filter(|main| self.network.is_dead(main.id.get()));
        if let Some(dead) = dead.filter(|_| connected && signed_in && self.page.dead.is_none()) {
            let by = self.clock().as_millis() + NOTICED_WITHIN_MS;
            self.page.dead = Some((dead.id, by));
        }
    }

    /// Looks whether the client found out in time.
    pub(crate) fn notices_death(&mut self) -> Result<(), String> {
        let Some((socket, by)) = self.page.dead else { return Ok(()) };
        if self.sockets.main.is_none_or(|main| main.id != socket) {
            self.page.dead = None;
        } else if self.clock().as_millis() > by && !self.page.is_asleep {
            return Err(format!("the page was looked at, and {socket:?} is dead unnoticed"));
        }
        Ok(())
    }
}
