//! What a person at the terminal sees while a verb runs.

use std::{
    fmt::Display,
    io::{self, Write},
    time::{Duration, Instant},
};

use anyhow::Result;

/// A row of numbered steps, each shown when it starts and again when it is over.
pub(crate) struct Progress {
    total: usize,
    done: usize,
}

impl Progress {
    /// A row of `total` steps.
    pub(crate) fn of(total: usize) -> Self {
        Self { total, done: 0 }
    }

    /// A step that prints nothing itself; all of it is one line:
    /// `[4/6] Chromium … ok 1.2 s (/usr/bin/chromium)`, with what `note` says of the result.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T>,
        note: impl FnOnce(&T) -> String,
    ) -> Result<T> {
        print!("{} … ", self.heading(name));
        flush();
        let started = Instant::now();
        let result = work();
        let took = seconds(started.elapsed());
        match &result {
            Ok(value) => match note(value).as_str() {
                "" => println!("ok {took}"),
                note => println!("ok {took} ({note})"),
            },
            Err(_) => println!("failed after {took}"),
        }
        result
    }

    /// A step whose commands write to the terminal; it has a line before and a line after.
    pub(crate) fn stage<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("{}", self.heading(name));
        let started = Instant::now();
        let result = work();
        let verdict = if result.is_ok() { "ok" } else { "failed after" };
        println!("      {name}: {verdict} {}", seconds(started.elapsed()));
        result
    }

    /// Says what a long step is at, within its line.
    pub(crate) fn doing(what: &str) {
        print!("{what} … ");
        flush();
    }

    /// Says why a verb could not do its work.
    pub(crate) fn complain(error: &anyhow::Error) {
        flush();
        eprintln!("\nerror: {error:#}");
    }

    fn heading(&mut self, name: &str) -> String {
        self.done += 1;
        format!("[{}/{}] {name}", self.done, self.total)
    }
}

/// A time as it is shown: `1.2 s`, `3 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..=59 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// An error for a thing that can't be had: what it is, why not, and what to do about it.
pub(crate) fn missing(what: &str, why: impl Display, remedy: &str) -> anyhow::Error {
    anyhow::anyhow!("{what} can't be had: {why}\n  remedy: {remedy}")
}

/// A closed terminal is no reason to stop the work.
fn flush() {
    let _ = io::stdout().flush();
}
