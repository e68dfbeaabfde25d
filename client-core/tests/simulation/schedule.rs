//! What happens in one run: a row of steps, drawn from a seed, that can be printed and cut down.

use std::fmt::{self, Display, Formatter};

use samewire_client_core::{
    PageEvent,
    Transport::{self, Polling, Websocket},
};

use crate::{network::Websockets, random::Random};

/// The rooms that applications join, as they call them. The server calls `lobby` `room:lobby`.
pub(crate) const ROOMS: [&str; 4] = ["room:a", "project:b", "lobby", "room:lobby"];

/// The names of the rooms' events.
pub(crate) const NAMES: [&str; 3] = ["drawn", "said", "typed"];

/// What handles ask for: everything, or some of [`NAMES`].
pub(crate) const FILTERS: [Option<&[&str]>; 4] =
    [None, Some(&["drawn"]), Some(&["said"]), Some(&["drawn", "typed"])];

/// Users besides the client's own.
pub(crate) const OTHERS: [&str; 2] = ["bob", "cyd"];

pub(crate) const STATUSES: [&str; 3] = ["online", "busy", "away"];

/// What clients connect by, in order.
const TRANSPORTS: [&[Transport]; 6] = [
    &[Websocket, Polling],
    &[Websocket, Polling],
    &[Polling, Websocket],
    &[Polling, Websocket],
    &[Websocket],
    &[Polling],
];

/// What a page is told when it wakes, having been put away.
pub(crate) const RETURNS: [&[PageEvent]; 4] = [
    &[PageEvent::Back],
    &[PageEvent::Back, PageEvent::Shown, PageEvent::Back],
    &[PageEvent::Shown, PageEvent::Back],
    &[PageEvent::Online, PageEvent::Shown, PageEvent::Back],
];

/// What it is told when its computer wakes.
pub(crate) const WAKES: [&[PageEvent]; 4] = [
    &[],
    &[PageEvent::Shown],
    &[PageEvent::Offline, PageEvent::Online],
    &[PageEvent::Online, PageEvent::Shown],
];

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// Draws what the steps leave open: delays, and the client's own chance.
    pub(crate) seed: u64,
    pub(crate) transports: &'static [Transport],
    pub(crate) steps: Vec<Step>,
}

/// Something happens, and then time goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) wait_ms: u64,
}

/// What may happen. Numbers that name one of several are taken modulo how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// The application.
    Connect,
    Disconnect,
    /// The last thing that an application does.
    Close,
    Join {
        room: usize,
        filter: usize,
    },
    Leave {
        handle: usize,
    },
    Emit {
        retries: Option<u32>,
    },
    EmitVolatile,
    Cancel {
        emit: usize,
    },
    SetPresence {
        room: usize,
        status: usize,
    },
    /// What the application answers when it is asked for a token.
    Tokens(Tokens),

    /// Others, and the server's own doing.
    Publish {
        room: usize,
        name: usize,
        count: u64,
    },
    PublishToUser,
    OtherJoins {
        user: usize,
        room: usize,
    },
    OtherLeaves {
        user: usize,
        room: usize,
    },
    OtherIsLost {
        user: usize,
        room: usize,
    },
    OtherSets {
        user: usize,
        room: usize,
        status: usize,
    },
    /// The next event of a room gets lost between server and server: no member is sent it.
    LoseEvent {
        room: usize,
    },
    Deny {
        room: usize,
    },
    Allow {
        room: usize,
    },
    /// Takes everybody out of a room.
    Revoke {
        room: usize,
    },
    /// Refuses the next emits, some for good.
    RefuseEmits {
        count: u64,
        lasting: bool,
    },
    RefuseConnects {
        count: u64,
        lasting: bool,
    },
    /// The next handshake's rooms are resumed twice.
    ResumeTwice,
    /// The server goes away for some time. Its memory survives it or doesn't.
    Restart {
        keeps_memory: bool,
        down_ms: u64,
    },
    /// It says so first.
    ShutDown {
        keeps_memory: bool,
        down_ms: u64,
    },

    /// The network.
    Latency {
        ms: u64,
        /// How much more it is for a websocket that is to take over.
        upgrade_lag_ms: u64,
    },
    Websockets(Websockets),
    /// The connection breaks, by the newest socket or by all. Of what is under way the first few
    /// frames still arrive; either side learns of it, or finds out by itself.
    Cut {
        all: bool,
        down: usize,
        up: usize,
        tells_client: bool,
        tells_server: bool,
    },
    /// The client stops reading, so that the server's buffer fills.
    Stall {
        ms: u64,
    },

    /// The page.
    /// No timer fires and nothing is delivered; then all at once, messages or timers first. What the
    /// page is told of it is one of [`WAKES`].
    Freeze {
        ms: u64,
        messages_first: bool,
        wake: usize,
    },
    /// The clock goes on without the world.
    ClockJump {
        ms: u64,
    },
    /// The page isn't seen: its timers come at whole multiples of this.
    Hide {
        timers_ms: u64,
    },
    Show,
    /// The page is told that there is no network. There may be one, and what stands may stand.
    Offline {
        is_true: bool,
    },
    Online,
    /// The page is frozen with notice, or put into the back/forward cache.
    PutAway,
    /// It is back, and is told one of [`RETURNS`].
    Return {
        told: usize,
    },
}

impl Act {
    /// Whether it is the page that does it, which has to be awake then.
    pub(crate) fn is_of_page(&self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Disconnect
                | Self::Join { .. }
                | Self::Leave { .. }
                | Self::Emit { .. }
                | Self::EmitVolatile
                | Self::Cancel { .. }
                | Self::SetPresence { .. }
                | Self::Freeze { .. }
                | Self::Hide { .. }
                | Self::Show
                | Self::Offline { .. }
                | Self::Online
                | Self::PutAway
        )
    }
}

/// What an application knows to say when it is asked for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// One that is good for so long.
    Good {
        ms: u64,
    },
    Expired,
    /// It has none.
    None,
    /// It can't find out.
    Fail,
}

/// What one run is bent on, so that things happen to one another.
#[derive(Clone, Copy)]
struct Bent {
    /// Most of it happens in this room.
    room: usize,
    /// Most of it happens at once.
    hurried: bool,
    /// Others come and go all the time.
    crowded: bool,
}

impl Schedule {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let length = 4 + random.index(24);
        let bent = Bent {
            room: random.index(ROOMS.len()),
            hurried: random.chance(40),
            crowded: random.chance(20),
        };
        let mut steps = Vec::with_capacity(length + 2);
        steps.push(Step { act: Act::Connect, wait_ms: random.pick(&[0, 100, 1_000]) });
        steps.push(Step {
            act: join(&mut random, bent.room),
            wait_ms: random.pick(&[0, 100, 1_000]),
        });
        while steps.len() < length {
            let act = act(&mut random, bent);
            steps.push(Step { act, wait_ms: wait(&mut random, bent) });
            if matches!(act, Act::Close) {
                break;
            }
        }
        let transports = random.pick(&TRANSPORTS);
        Self { seed: random.next(), transports, steps }
    }
}

fn wait(random: &mut Random, bent: Bent) -> u64 {
    match random.below(16) {
        _ if bent.hurried && random.chance(80) => random.below(30),
        0..=4 => 0,
        5..=9 => random.below(60),
        10..=12 => random.below(1_500),
        13..=14 => random.below(12_000),
        _ => random.below(60_000),
    }
}

fn join(random: &mut Random, room: usize) -> Act {
    Act::Join { room, filter: random.index(FILTERS.len() + 2) }
}

/// Weighted so that what is common stays common, and what is rare happens in every tenth run.
fn act(random: &mut Random, bent: Bent) -> Act {
    let room = if random.chance(70) { bent.room } else { random.index(ROOMS.len()) };
    let user = random.index(OTHERS.len());
    let status = random.index(STATUSES.len());
    let pick = random.index(8);
    let flag = random.chance(50);
    let drawn = random.below(118);
    match if bent.crowded && random.chance(40) { random.pick(&[51, 51, 55, 57, 58]) } else { drawn }
    {
        0..=9 => join(random, room),
        10..=16 => Act::Leave { handle: pick },
        17..=25 => Act::Emit { retries: random.pick(&[None, None, Some(0), Some(1)]) },
        26..=27 => Act::EmitVolatile,
        28 => Act::Cancel { emit: pick },
        29..=32 => Act::SetPresence { room, status },
        33..=49 => {
            let count = random.pick(&[1, 1, 2, 3, 7, 14]);
            Act::Publish { room, name: random.index(NAMES.len()), count }
        }
        50 => Act::PublishToUser,
        51..=54 => Act::OtherJoins { user, room },
        55..=56 => Act::OtherLeaves { user, room },
        57 => Act::OtherIsLost { user, room },
        58 => Act::OtherSets { user, room, status },
        59..=60 => Act::LoseEvent { room },
        61 => Act::Deny { room },
        62 => Act::Allow { room },
        63 => Act::Revoke { room },
        64 => Act::RefuseEmits { count: 1 + random.below(2), lasting: flag },
        65 => Act::RefuseConnects { count: 1 + random.below(2), lasting: random.chance(20) },
        66 => Act::ResumeTwice,
        67..=69 => Act::Restart { keeps_memory: flag, down_ms: random.pick(&[0, 300, 8_000]) },
        70 => Act::ShutDown { keeps_memory: flag, down_ms: random.pick(&[0, 300, 8_000]) },
        71..=72 => {
            let (ms, upgrade_lag_ms) = (random.pick(&[0, 5, 60, 700]), random.pick(&[0, 0, 4, 50]));
            Act::Latency { ms, upgrade_lag_ms }
        }
        73..=83 => Act::Cut {
            all: random.chance(60),
            down: random.index(6),
            up: random.index(4),
            tells_client: random.chance(80),
            tells_server: random.chance(70),
        },
        84..=87 => Act::Stall { ms: random.pick(&[50, 1_000, 12_000, 43_000]) },
        88..=90 => {
            let ms = random.pick(&[200, 3_000, 30_000, 120_000, 900_000]);
            Act::Freeze { ms, messages_first: flag, wake: random.index(WAKES.len()) }
        }
        91 => Act::ClockJump { ms: random.pick(&[2_000, 30_000, 120_000, 900_000]) },
        92..=93 => Act::Tokens(random.pick(&[
            Tokens::Good { ms: 70_000 },
            Tokens::Good { ms: 5_000 },
            Tokens::Good { ms: 3_600_000 },
            Tokens::Expired,
            Tokens::None,
            Tokens::Fail,
        ])),
        94..=95 => Act::Connect,
        96 => Act::Disconnect,
        97 => Act::Close,
        98..=99 => Act::Emit { retries: None },
        100..=101 => Act::Hide { timers_ms: random.pick(&[1_000, 60_000]) },
        102..=104 => Act::Show,
        105..=106 => Act::Offline { is_true: flag },
        107..=109 => Act::Online,
        110..=111 => Act::PutAway,
        112..=115 => Act::Return { told: random.index(RETURNS.len()) },
        _ => Act::Websockets(random.pick(&[
            Websockets::Work,
            Websockets::Blocked,
            Websockets::Mute,
            Websockets::Severed,
        ])),
    }
}

impl Display for Schedule {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "    by {:?}", self.transports)?;
        for Step { act, wait_ms } in &self.steps {
            writeln!(formatter, "    {act:?}, then {wait_ms} ms")?;
        }
        Ok(())
    }
}
