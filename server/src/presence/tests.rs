//! What members are told of who comes and goes, on a clock of its own.

use proptest::prelude::*;

use super::*;

fn identity(user: &str) -> Identity {
    Identity {
        user_id: user.into(),
        email: None,
        name: None,
        expires_at: Timestamp::from_unix_ms(u64::MAX),
    }
}

fn told(presence: &mut Presence, now_ms: u64) -> (Vec<String>, Vec<String>, Vec<String>) {
    let ids = |users: Vec<User>| users.into_iter().map(|user| user.user_id.0).collect();
    presence.changes("room:x", now_ms).map_or_else(Default::default, |told| {
        let left = told.left.into_iter().map(|id| id.0).collect();
        (ids(told.joined), ids(told.updated), left)
    })
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn changes_of_fifty_milliseconds_are_told_at_once() {
    let mut presence = Presence::default();
    presence.join(&"1".into(), &identity("ada"), 0);
    presence.join(&"2".into(), &identity("grace"), 40);
    assert_eq!(presence.due_at_ms(), Some(50));
    assert_eq!(told(&mut presence, 49), Default::default());
    assert_eq!(told(&mut presence, 50), (names(&["ada", "grace"]), vec![], vec![]));
    assert_eq!(presence.due_at_ms(), None);
}

#[test]
fn a_reload_is_never_told() {
    let mut presence = Presence::default();
    presence.join(&"1".into(), &identity("ada"), 0);
    told(&mut presence, 50);
    presence.lose(&"1".into(), &"ada".into(), 1000);
    assert_eq!(told(&mut presence, 2999), Default::default());
    presence.join(&"2".into(), &identity("ada"), 2999);
    assert_eq!(told(&mut presence, 10_000), Default::default());
    assert_eq!(presence.users().len(), 1);
    assert_eq!(presence.users()[0].connections, 1);
}

#[test]
fn whoever_does_not_come_back_is_missed_after_the_grace() {
    let mut presence = Presence::default();
    presence.join(&"1".into(), &identity("ada"), 0);
    told(&mut presence, 50);
    presence.lose(&"1".into(), &"ada".into(), 1000);
    assert_eq!(presence.due_at_ms(), Some(3000));
    assert_eq!(told(&mut presence, 3000), (vec![], vec![], names(&["ada"])));
    assert!(presence.is_settled_and_empty());
}

#[test]
fn the_most_present_of_a_users_tabs_counts() {
    let mut presence = Presence::default();
    let ada = UserId::from("ada");
    presence.join(&"1".into(), &identity("ada"), 0);
    presence.join(&"2".into(), &identity("ada"), 0);
    presence.update(&"1".into(), &ada, Some(Status::Away), None, 0);
    assert_eq!(presence.users()[0].status, Status::Online);
    presence.update(&"2".into(), &ada, Some(Status::Busy), Some(Value::from(7)), 0);
    assert_eq!(presence.users()[0].status, Status::Busy);
    presence.leave(&"2".into(), &ada, 0);
    assert_eq!(presence.users()[0].status, Status::Away);
    assert_eq!(presence.users()[0].state, Some(Value::from(7)));
}

#[derive(Debug, Clone)]
enum Step {
    Join(u8, u8),
    Leave(u8, u8),
    Lose(u8, u8),
    Update(u8, u8, Status),
    Wait(u64),
    /// Somebody new is shown who is there, and listens from then on.
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tab = || (0_u8..3, 0_u8..3);
    let status = prop_oneof![Just(Status::Online), Just(Status::Busy), Just(Status::Away)];
    prop::collection::vec(
        prop_oneof![
            tab().prop_map(|(user, tab)| Step::Join(user, tab)),
            tab().prop_map(|(user, tab)| Step::Leave(user, tab)),
            tab().prop_map(|(user, tab)| Step::Lose(user, tab)),
            (tab(), status).prop_map(|((user, tab), status)| Step::Update(user, tab, status)),
            (1_u64..3000).prop_map(Step::Wait),
            (1_u64..40).prop_map(Step::Wait),
            Just(Step::Look),
        ],
        0..80,
    )
}

proptest! {
    /// Whatever happens, folding what is told onto what was shown gives what is true once it
    /// is quiet, whenever somebody began to listen.
    #[test]
    fn the_fold_of_what_is_told_is_the_truth(steps in steps()) {
        let mut presence = Presence::default();
        let mut folds: Vec<BTreeMap<UserId, User>> = vec![BTreeMap::new()];
        let mut now_ms = 0;
        let told_to = |folds: &mut Vec<BTreeMap<UserId, User>>, presence: &mut Presence, now_ms: u64| {
            let Some(told) = presence.changes("room:x", now_ms) else { return };
            for fold in folds {
                for user in told.joined.iter().chain(&told.updated) {
                    fold.insert(user.user_id.clone(), user.clone());
                }
                fold.retain(|id, _| !told.left.contains(id));
            }
        };
        let ids = |user: u8, tab: u8| {
            (UserId(format!("u{user}")), ConnectionId(format!("c{user}{tab}")))
        };
        for step in steps {
            match step {
                Step::Join(user, tab) => {
                    let (user, id) = ids(user, tab);
                    presence.join(&id, &identity(user.as_str()), now_ms);
                }
                Step::Leave(user, tab) => {
                    let (user, id) = ids(user, tab);
                    presence.leave(&id, &user, now_ms);
                }
                Step::Lose(user, tab) => {
                    let (user, id) = ids(user, tab);
                    presence.lose(&id, &user, now_ms);
                }
                Step::Update(user, tab, status) => {
                    let (user, id) = ids(user, tab);
                    presence.update(&id, &user, Some(status), None, now_ms);
                }
                Step::Wait(wait_ms) => {
                    let until_ms = now_ms + wait_ms;
                    while let Some(due_ms) = presence.due_at_ms().filter(|due| *due <= until_ms) {
                        now_ms = now_ms.max(due_ms);
                        told_to(&mut folds, &mut presence, now_ms);
                    }
                    now_ms = until_ms;
                }
                Step::Look => {
                    let shown = presence.shown();
                    folds.push(shown.into_iter().map(|user| (user.user_id.clone(), user)).collect());
                }
            }
        }
        while let Some(due_ms) = presence.due_at_ms() {
            now_ms = now_ms.max(due_ms);
            told_to(&mut folds, &mut presence, now_ms);
        }
        let truth: Vec<User> = presence.users();
        for fold in folds {
            let heard: Vec<User> = fold.into_values().collect();
            prop_assert_eq!(truth.len(), heard.len());
            prop_assert!(truth.iter().zip(&heard).all(|(truth, heard)| same(truth, heard)));
        }
    }
}
