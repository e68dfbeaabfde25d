//! `cargo xtask test`: all that can be tested, in groups, each heard to its end.

mod count;
mod group;
mod throwaway_postgres;
mod webdriver;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::ValueEnum;

pub(crate) use self::group::Group;
use self::{
    count::Count,
    group::{Bench, Needs},
};
use crate::{
    build::{self, Profile},
    progress::{Progress, seconds},
    setup,
};

/// A line of the closing table.
struct Verdict {
    name: &'static str,
    count: Count,
    took: Duration,
}

/// Runs the groups asked for, all of them when none is. The last line printed is the sum.
pub(crate) fn run(asked: &[Group]) -> ExitCode {
    let groups = if asked.is_empty() { Group::value_variants() } else { asked };
    let mut bench = Bench::default();
    let mut verdicts = Vec::new();
    for group in groups {
        let ready = prepare(group.needs(), &mut bench, &mut verdicts);
        let name = group.name();
        println!("\n=== {name} ===");
        verdicts.push(timed(name, || if ready { group.run(&bench) } else { not_run() }));
    }
    close(&verdicts)
}

/// Sets up and builds what a group needs, unless it is there already. Whether it is there then.
fn prepare(needs: Needs, bench: &mut Bench, verdicts: &mut Vec<Verdict>) -> bool {
    if needs == Needs::Services && bench.tools.is_none() && !bench.services_tried {
        bench.services_tried = true;
        println!("\n=== services ===");
        verdicts.push(timed("services", || kept(setup::for_services(), &mut bench.services)));
    }
    if needs >= Needs::Tools && !bench.setup_tried {
        bench.setup_tried = true;
        println!("\n=== setup ===");
        verdicts.push(timed("setup", || kept(setup::everything(), &mut bench.tools)));
    }
    if needs >= Needs::Build && !bench.build_tried {
        bench.build_tried = true;
        if let Some(tools) = &bench.tools {
            println!("\n=== build ===");
            let built =
                || kept(build::everything(&tools.build, Profile::Release), &mut bench.artifacts);
            verdicts.push(timed("build", built));
        }
    }
    match needs {
        Needs::Nothing => true,
        Needs::Services => bench.services.is_some() || bench.tools.is_some(),
        Needs::Tools => bench.tools.is_some(),
        Needs::Build => bench.artifacts.is_some(),
    }
}

/// Keeps a result for the groups that follow. A success is no test, a failure counts as one.
fn kept<T>(result: anyhow::Result<T>, place: &mut Option<T>) -> Count {
    match result {
        Ok(value) => {
            *place = Some(value);
            Count::default()
        }
        Err(error) => {
            Progress::complain(&error);
            Count::FAILURE
        }
    }
}

fn not_run() -> Count {
    println!("not run: what it needs could not be set up or built, see above");
    Count::FAILURE
}

fn timed(name: &'static str, work: impl FnOnce() -> Count) -> Verdict {
    let started = Instant::now();
    let count = work();
    let took = started.elapsed();
    println!(
        "=== {name}: {} passed, {} failed in {} ===",
        count.passed,
        count.failed,
        seconds(took)
    );
    Verdict { name, count, took }
}

fn close(verdicts: &[Verdict]) -> ExitCode {
    println!("\n  {:<10} {:>7} {:>7} {:>12}", "group", "passed", "failed", "time");
    let mut sum = Count::default();
    for Verdict { name, count, took } in verdicts {
        println!("  {name:<10} {:>7} {:>7} {:>12}", count.passed, count.failed, seconds(*took));
        sum += *count;
    }
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
