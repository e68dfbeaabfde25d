//! What is measured.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use crate::{
    process::Process,
    report::{Better, Measured, Report, Row, Target},
    server::Kind,
    socket::connect_many,
};

/// Connections that are opened and left alone.
const CONNECTIONS: usize = 10_000;

/// Files that the client or a server has open at most.
pub(crate) const OPEN_FILES: u64 = CONNECTIONS as u64 + 500;

/// Connections that are opened at the same time.
const AT_ONCE: usize = 100;

/// Messages of a stream that are under way to the slowest member of its room.
const STREAM: u64 = 8;

/// Connections that ask and are answered.
const ASKERS: usize = 200;

/// Users in rooms, each with several tabs: who is present is not what is measured.
const USERS_IN_ROOMS: usize = 100;

/// Before a row is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long connections are left alone before their memory is read.
const IDLE: Duration = Duration::from_secs(2);

const CONNECTING: Row = Row {
    name: "connecting 10,000",
    unit: "connections/s",
    better: Better::More,
    target: Target::TimesNode { times: 3.0, bare_too: false },
};

const IDLE_CONNECTION: Row = Row {
    name: "idle connection",
    unit: "bytes",
    better: Better::Less,
    target: Target::AtMost(24.0 * 1024.0),
};

const CPU: Row = Row {
    name: "CPU per million deliveries",
    unit: "s",
    better: Better::Less,
    target: Target::None,
};

const ROOMS: Row = deliveries("1,000 rooms of 5", 2.2, false);

const ONE_AT_A_TIME: Row =
    Row { target: Target::None, ..deliveries("fan-out to 1,000, one at a time", 0.0, false) };

const ACKNOWLEDGEMENTS: Row = Row {
    name: "request with acknowledgement",
    unit: "answers/s",
    better: Better::More,
    target: Target::TimesNode { times: 2.0, bare_too: false },
};

/// Rooms with their members, and the bytes of what is said in them.
const FAN_OUTS: [(usize, usize, Row); 4] = [
    (1000, 100, deliveries("fan-out to 1,000, 100 B", 5.5, true)),
    (1000, 1000, deliveries("fan-out to 1,000, 1 KB", 5.5, true)),
    (5000, 100, deliveries("fan-out to 5,000, 100 B", 5.5, true)),
    (5000, 1000, deliveries("fan-out to 5,000, 1 KB", 5.5, true)),
];

const fn deliveries(name: &'static str, times: f64, bare_too: bool) -> Row {
    let target = Target::TimesNode { times, bare_too };
    Row { name, unit: "deliveries/s", better: Better::More, target }
}

/// What is measured on.
pub(crate) struct Rows {
    pub(crate) server: SocketAddr,
    pub(crate) process: Process,
    /// Each of another user.
    pub(crate) tokens: Vec<String>,
    pub(crate) measure: Duration,
    /// Only the rows whose name has this in it.
    pub(crate) only: Option<String>,
}

/// How much was done so far, by both sides.
struct Sample {
    at: Instant,
    done: u64,
    server: Duration,
    client: Duration,
}

/// Between two samples.
struct Span {
    done: f64,
    seconds: f64,
    server: f64,
    client: f64,
}

impl Rows {
    /// Measures all rows.
    ///
    /// # Errors
    /// When a client fails, or the server's figures can't be read.
    pub(crate) async fn run(&self, report: &mut Report, kind: Kind) -> Result<()> {
        if self.wants(CONNECTING) || self.wants(IDLE_CONNECTION) {
            self.connecting(report, kind).await?;
        }
        for (members, bytes, row) in FAN_OUTS {
            if self.wants(row) {
                let span = self.rooms(1, members, bytes, STREAM).await?;
                report.add(row, kind, span.rate());
                if row == FAN_OUTS[0].2 {
                    report.add(CPU, kind, span.of(span.server / span.done * 1e6));
                }
            }
        }
        if self.wants(ONE_AT_A_TIME) {
            report.add(ONE_AT_A_TIME, kind, self.rooms(1, 1000, 100, 1).await?.rate());
        }
        if self.wants(ROOMS) {
            report.add(ROOMS, kind, self.rooms(1000, 5, 100, 1).await?.rate());
        }
        if self.wants(ACKNOWLEDGEMENTS) {
            report.add(ACKNOWLEDGEMENTS, kind, self.acknowledgements().await?.rate());
        }
        Ok(())
    }

    fn wants(&self, row: Row) -> bool {
        self.only.as_ref().is_none_or(|only| row.name.contains(only))
    }

    /// Opens all connections and lets them be.
    async fn connecting(&self, report: &mut Report, kind: Kind) -> Result<()> {
        // What the first connection alone makes the server set up is none of theirs.
        drop(connect_many(self.server, &self.tokens, AT_ONCE, AT_ONCE).await?);
        sleep(WARM_UP).await;
        let memory = self.process.memory()?;
        let before = self.sample(0)?;
        let sockets = connect_many(self.server, &self.tokens, CONNECTIONS, AT_ONCE).await?;
        let span = self.sample(sockets.len() as u64)?.since(&before);
        report.add(CONNECTING, kind, span.rate());
        sleep(IDLE).await;
        let memory = self.process.memory()?.saturating_sub(memory);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let each = memory as f64 / sockets.len() as f64;
        report.add(IDLE_CONNECTION, kind, span.of(each));
        drop(sockets);
        // The server notices that they are gone.
        sleep(IDLE).await;
        Ok(())
    }

    /// In each of so many rooms a member speaks, as often as all members hear it.
    async fn rooms(&self, rooms: usize, members: usize, bytes: usize, stream: u64) -> Result<Span> {
        let tokens = &self.tokens[..USERS_IN_ROOMS];
        let sockets = connect_many(self.server, tokens, rooms * members, AT_ONCE).await?;
        let total = Rc::new(Cell::new(0));
        let data = "x".repeat(bytes);
        let mut tasks = JoinSet::new();
        let sockets: Vec<_> = sockets.into_iter().map(Rc::new).collect();
        // All are in before anybody speaks.
        for (at, socket) in sockets.iter().enumerate() {
            socket.join(&room_name(at / members)).await?;
        }
        for (at, sockets) in sockets.chunks(members).enumerate() {
            let room = room_name(at);
            let heard = Rc::new(Cell::new(0));
            let all_heard = Rc::new(Notify::new());
            let due = Rc::new(Cell::new(u64::MAX));
            for socket in sockets {
                let (socket, heard, due) = (socket.clone(), heard.clone(), due.clone());
                let (all_heard, total) = (all_heard.clone(), total.clone());
                tasks.spawn_local(async move {
                    loop {
                        let mut said = 0;
                        socket.read(|text| said += u64::from(is_said(text))).await?;
                        total.set(total.get() + said);
                        heard.set(heard.get() + said);
                        if heard.get() >= due.get() {
                            all_heard.notify_one();
                        }
                    }
                });
            }
            let say = format!("42[\"say\",{{\"room\":\"{room}\",\"data\":\"{data}\"}}]");
            let speaker = sockets[0].clone();
            let members = members as u64;
            tasks.spawn_local(async move {
                for sent in 0_u64.. {
                    due.set((sent + 1).saturating_sub(stream) * members);
                    while heard.get() < due.get() {
                        all_heard.notified().await;
                    }
                    speaker.send(&say).await?;
                }
                Ok(())
            });
        }
        self.measure(&total, tasks).await
    }

    /// Each of some connections asks again as soon as it is answered.
    async fn acknowledgements(&self) -> Result<Span> {
        let sockets = connect_many(self.server, &self.tokens, ASKERS, AT_ONCE).await?;
        let total = Rc::new(Cell::new(0));
        let data = "x".repeat(100);
        let mut tasks = JoinSet::new();
        for socket in sockets {
            let total = total.clone();
            let ask = format!("421[\"echo\",{{\"data\":\"{data}\"}}]");
            tasks.spawn_local(async move {
                loop {
                    socket.send(&ask).await?;
                    let mut answered = false;
                    while !answered {
                        socket.read(|text| answered |= text.starts_with(b"431")).await?;
                    }
                    total.set(total.get() + 1);
                }
            });
        }
        self.measure(&total, tasks).await
    }

    /// Lets tasks that never end run for a while.
    async fn measure(&self, total: &Cell<u64>, mut tasks: JoinSet<Result<()>>) -> Result<Span> {
        let run = async {
            sleep(WARM_UP).await;
            let before = self.sample(total.get())?;
            sleep(self.measure).await;
            Ok(self.sample(total.get())?.since(&before))
        };
        let span = tokio::select! {
            span = run => span,
            ended = tasks.join_next() => {
                ended.context("no tasks")??.context("a client failed")?;
                unreachable!("clients go on for ever")
            }
        };
        tasks.shutdown().await;
        // The server notices that they are gone.
        sleep(WARM_UP).await;
        span
    }

    fn sample(&self, done: u64) -> Result<Sample> {
        let (server, client) = (self.process.cpu()?, Process::own().cpu()?);
        Ok(Sample { at: Instant::now(), done, server, client })
    }
}

impl Sample {
    fn since(&self, before: &Self) -> Span {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        Span {
            done: (self.done - before.done) as f64,
            seconds: (self.at - before.at).as_secs_f64(),
            server: (self.server - before.server).as_secs_f64(),
            client: (self.client - before.client).as_secs_f64(),
        }
    }
}

impl Span {
    /// What was done in a second.
    fn rate(&self) -> Measured {
        let by_cpu = Some(self.done / self.server);
        Measured { by_cpu, ..self.of(self.done / self.seconds) }
    }

    /// Another figure of the same time.
    fn of(&self, value: f64) -> Measured {
        Measured { value, by_cpu: None, client_share: self.client / self.seconds }
    }
}

fn room_name(at: usize) -> String {
    format!("bench-{at}")
}

fn is_said(text: &[u8]) -> bool {
    text.starts_with(b"42[\"said\"")
}
