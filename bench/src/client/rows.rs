//! What is measured.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use crate::{process::Process, socket::connect_many};

/// Connections that are opened at the same time.
const AT_ONCE: usize = 100;

/// Messages to one room that may be under way at a time: one, so that what is measured is a message
/// and not a burst.
const WINDOW: u64 = 1;

/// Before a row is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long connections are left alone before their memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// The rows, and what they are measured on.
pub(crate) struct Rows {
    pub(crate) server: SocketAddr,
    pub(crate) process: Process,
    /// Each of another user.
    pub(crate) tokens: Vec<String>,
    pub(crate) measure: Duration,
    pub(crate) connections: usize,
    pub(crate) wanted: Vec<String>,
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
    /// Measures all rows, and prints each.
    pub(crate) async fn run(&self) -> Result<()> {
        if self.wants("connecting") || self.wants("idle connection") {
            self.connecting().await?;
        }
        for (members, bytes, name) in [
            (1000, 100, "fan-out to 1,000, 100 B"),
            (1000, 1000, "fan-out to 1,000, 1 KB"),
            (5000, 100, "fan-out to 5,000, 100 B"),
            (5000, 1000, "fan-out to 5,000, 1 KB"),
        ] {
            if self.wants(name) {
                let span = self.rooms(1, members, bytes).await?;
                span.print(name, "deliveries/s");
                if bytes == 100 && members == 1000 {
                    let seconds = span.server / span.done * 1e6;
                    span.print_value("CPU per million deliveries", seconds, "s");
                }
            }
        }
        if self.wants("1,000 rooms of 5") {
            self.rooms(1000, 5, 100).await?.print("1,000 rooms of 5", "deliveries/s");
        }
        if self.wants("acknowledgements") {
            self.acknowledgements().await?.print("acknowledgements", "answers/s");
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| name.starts_with(wanted))
    }

    /// Opens all connections and lets them be.
    async fn connecting(&self) -> Result<()> {
        // What the first connection alone makes the server set up is none of theirs.
        drop(connect_many(self.server, &self.tokens, AT_ONCE, AT_ONCE).await?);
        sleep(WARM_UP).await;
        let memory = self.process.memory()?;
        let before = self.sample(0)?;
        let sockets = connect_many(self.server, &self.tokens, self.connections, AT_ONCE).await?;
        let span = self.sample(sockets.len() as u64)?.since(&before);
        span.print("connecting", "connections/s");
        sleep(IDLE).await;
        let memory = self.process.memory()?.saturating_sub(memory);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let each = memory as f64 / sockets.len() as f64;
        self.sample(0)?.since(&before).print_value("idle connection", each, "bytes");
        drop(sockets);
        // The server notices that they are gone.
        sleep(IDLE).await;
        Ok(())
    }

    /// In each of so many rooms a member speaks, as often as all members hear it.
    async fn rooms(&self, rooms: usize, members: usize, bytes: usize) -> Result<Span> {
        // A hundred users with many tabs each: who is present is not what is measured.
        let tokens = &self.tokens[..100.min(self.tokens.len())];
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
                    due.set((sent + 1).saturating_sub(WINDOW) * members);
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

    /// Each of 200 connections asks again as soon as it is answered.
    async fn acknowledgements(&self) -> Result<Span> {
        let sockets = connect_many(self.server, &self.tokens, 200, AT_ONCE).await?;
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
    fn print(&self, name: &str, unit: &str) {
        self.print_value(name, self.done / self.seconds, unit);
    }

    fn print_value(&self, name: &str, value: f64, unit: &str) {
        let row = json!({
            "name": name,
            "value": value,
            "unit": unit,
            "perCpuSecond": self.done / self.server,
            "serverShare": self.server / self.seconds,
            "clientShare": self.client / self.seconds,
        });
        println!("{row}");
    }
}

fn room_name(at: usize) -> String {
    format!("bench-{at}")
}

fn is_said(text: &[u8]) -> bool {
    text.starts_with(b"42[\"said\"")
}
