//! A client and a model server on a virtual network, through whatever can happen between them.
//!
//! A run is a `schedule`, drawn from a seed: steps of an application, of others, of the server, of
//! the network and of the `page`. `world` lets them happen on one virtual clock: `network` with its
//! `link`s lies between the client, which is the real one, and `model_server` with `model_session`,
//! `model_upgrade`, `model_room` and `model_presence`, which do what the server of this repository
//! does. Nothing sleeps and nothing is drawn from anywhere but the seed, so that a run can be had
//! again.
//!
//! Clients go by a websocket, by polling, or by either in either order; by polling a frame waits for
//! a request, and a websocket takes over by probe. The page is hidden and shown, frozen with notice
//! and without, put away and brought back, on- and offline, and its clock jumps.
//!
//! What must hold, all the time (`application`, `sockets`, `page`, `world`) or at the end
//! (`invariants`):
//!
//! 1. What a handle is told of a room is in order, without gap or duplicate, or a reset came in
//!    between; with a filter, exactly the events it names.
//! 2. An emit is acted on once at most in one life of the server's memory, and settled once; if it
//!    is resolved, it was acted on.
//! 3. Once quiet, who is shown as present is who is.
//! 4. Once quiet, the client is connected, in the rooms that it wants and no others, and has told
//!    everything up to the ends of their logs.
//! 5. There is never a second socket, but for the websocket of an upgrade; it takes over only once
//!    polling rests, and nothing is sent on what rests.
//! 6. After `close` nothing is left: no deadline, no room, no emit, and nothing to be sent or told.
//! 7. Nothing goes round without an end.
//! 8. A page that is put away keeps no socket, one that is offline keeps the one it has and tries no
//!    other, and one that is looked at again soon knows whether its connection is dead.
//!
//! That these would be noticed is shown with each `fault` that is put in on purpose: the same
//! schedules find all of them.
//!
//! A failure is printed with its seed, cut down to the steps that it needs, with what crossed the
//! client's border. `cargo xtask simulate --runs N --seed S` runs others.

mod application;
mod border;
mod fault;
mod invariants;
mod link;
mod model_presence;
mod model_room;
mod model_server;
mod model_session;
mod model_upgrade;
mod network;
mod page;
mod random;
mod run;
mod schedule;
mod sockets;
mod world;

use std::env;

use fault::Fault;

/// Schedules of an ordinary test run.
const RUNS: u64 = 100_000;

/// Where the seeds begin unless they are set.
const SEED: u64 = 1;

fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn no_schedule_breaks_an_invariant() {
    let runs = setting("SAMEWIRE_SIMULATE_RUNS", RUNS);
    let seed = setting("SAMEWIRE_SIMULATE_SEED", SEED);
    if let Some(seed) = run::first_failure(seed, runs, None) {
        panic!("{}", run::report(seed, None));
    }
}

#[track_caller]
fn is_found(fault: Fault) {
    let found = run::first_failure(SEED, RUNS, Some(fault));
    let found = found.unwrap_or_else(|| panic!("{fault:?} goes unnoticed"));
    println!("{fault:?}: schedule {}\n{}", found - SEED + 1, run::report(found, Some(fault)));
}

#[test]
fn a_repeat_under_a_new_id_is_found() {
    is_found(Fault::RepeatsUnderNewIds);
}

#[test]
fn a_duplicate_that_is_not_dropped_is_found() {
    is_found(Fault::KeepsDuplicates);
}

#[test]
fn an_event_that_passes_out_of_its_turn_is_found() {
    is_found(Fault::PassesOutOfTurn);
}

#[test]
fn a_refusal_that_is_taken_for_an_answer_is_found() {
    is_found(Fault::TakesRefusalsForAnswers);
}

#[test]
fn a_place_that_is_forgotten_over_a_reconnect_is_found() {
    is_found(Fault::ForgetsItsPlace);
}

#[test]
fn a_gap_that_a_filter_hides_is_found() {
    is_found(Fault::HidesGapsFromFilters);
}

#[test]
fn a_newcomer_who_is_not_told_is_found() {
    is_found(Fault::ForgetsNewcomers);
}

#[test]
fn what_an_upgrade_drops_is_found() {
    is_found(Fault::DropsWhatAnUpgradeFinds);
}

#[test]
fn polling_that_rests_too_early_is_found() {
    is_found(Fault::RestsTooEarly);
}

#[test]
fn a_page_whose_return_goes_unnoticed_is_found() {
    is_found(Fault::MissesReturns);
}

#[test]
fn a_page_that_is_seen_again_unnoticed_is_found() {
    is_found(Fault::MissesShows);
}

#[test]
fn a_network_whose_return_goes_unnoticed_is_found() {
    is_found(Fault::MissesOnline);
}

#[test]
fn tries_that_are_made_without_a_network_are_found() {
    is_found(Fault::MissesOffline);
}
