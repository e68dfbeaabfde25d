//! Running schedules: one, or many on all cores; and cutting down one that fails.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    fault::Fault,
    invariants,
    schedule::{Act, Schedule},
    world::World,
};

/// Lines of a trace that are printed: the last ones.
const SHOWN_LINES: usize = 120;

/// Runs a schedule to its end, and says what was wrong.
pub(crate) fn run(schedule: &Schedule, fault: Option<Fault>) -> Result<(), String> {
    let mut world = World::new(schedule, fault);
    let run = AssertUnwindSafe(|| run_or_panic(&mut world, schedule));
    catch_unwind(run).unwrap_or_else(|_| Err("it panicked, as printed above".to_owned()))
}

/// What crossed the client's border in a run.
fn trace(schedule: &Schedule, fault: Option<Fault>) -> String {
    let mut world = World::new(schedule, fault);
    world.trace = Some(Vec::new());
    let run = AssertUnwindSafe(|| run_or_panic(&mut world, schedule));
    // How it ends is known.
    let _ = catch_unwind(run);
    let lines = world.trace.unwrap_or_default();
    let begin = lines.len().saturating_sub(SHOWN_LINES);
    lines[begin..].iter().map(|line| format!("    {line}\n")).collect()
}

fn run_or_panic(world: &mut World, schedule: &Schedule) -> Result<(), String> {
    let mut closed = false;
    for (index, step) in schedule.steps.iter().enumerate() {
        closed = matches!(step.act, Act::Close);
        world.note(|| format!("{:?}", step.act));
        let passed = world.act(step.act).and_then(|()| world.pass(step.wait_ms));
        passed.map_err(|error| format!("in step {}: {error}", index + 1))?;
        if closed {
            break;
        }
    }
    if !closed {
        let rested = world.come_to_rest().and_then(|()| invariants::at_rest(world));
        rested.map_err(|error| format!("at the end: {error}"))?;
        world.act(Act::Close)?;
    }
    invariants::acted_once(world)?;
    invariants::closed(world)
}

/// Runs the schedules of so many seeds on all cores. Gives the first seed of which one fails.
pub(crate) fn first_failure(first: u64, runs: u64, fault: Option<Fault>) -> Option<u64> {
    const AT_A_TIME: u64 = 64;
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(runs));
    let work = || {
        loop {
            let begin = next.fetch_add(AT_A_TIME, Ordering::Relaxed);
            if begin >= failed.load(Ordering::Relaxed) {
                return;
            }
            let seeds = begin..runs.min(begin + AT_A_TIME);
            let fails =
                |run_of: &u64| run(&Schedule::random(first.wrapping_add(*run_of)), fault).is_err();
            if let Some(found) = seeds.into_iter().find(fails) {
                failed.fetch_min(found, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    (failed < runs).then(|| first.wrapping_add(failed))
}

/// Leaves out steps and waiting for as long as it still fails.
pub(crate) fn shrink(mut schedule: Schedule, fault: Option<Fault>) -> Schedule {
    let fails = |schedule: &Schedule| run(schedule, fault).is_err();
    loop {
        let before = (schedule.steps.len(), total_wait(&schedule));
        let mut length = schedule.steps.len().div_ceil(2);
        while length > 0 {
            let mut at = 0;
            while at + length <= schedule.steps.len() {
                let mut shorter = schedule.clone();
                shorter.steps.drain(at..at + length);
                if fails(&shorter) {
                    schedule = shorter;
                } else {
                    at += 1;
                }
            }
            length /= 2;
        }
        for index in 0..schedule.steps.len() {
            for wait_ms in [0, 100] {
                let mut quicker = schedule.clone();
                quicker.steps[index].wait_ms = wait_ms;
                if wait_ms < schedule.steps[index].wait_ms && fails(&quicker) {
                    schedule = quicker;
                }
            }
        }
        if (schedule.steps.len(), total_wait(&schedule)) == before {
            return schedule;
        }
    }
}

fn total_wait(schedule: &Schedule) -> u64 {
    schedule.steps.iter().map(|step| step.wait_ms).sum()
}

/// What a person needs to see of a seed that fails.
pub(crate) fn report(seed: u64, fault: Option<Fault>) -> String {
    let schedule = Schedule::random(seed);
    let length = schedule.steps.len();
    let shrunk = shrink(schedule, fault);
    let error = run(&shrunk, fault).err().unwrap_or_default();
    let kept = shrunk.steps.len();
    let trace = trace(&shrunk, fault);
    format!(
        "the schedule of seed {seed} fails; {kept} of its {length} steps are enough:\n\
         {shrunk}  {error}\n\
         what crossed the client's border:\n{trace}\
         again: cargo xtask simulate --runs 1 --seed {seed}"
    )
}
