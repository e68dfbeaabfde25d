//! What users do in a room for a while, such as typing (wire.md, section 11). Like presence it is no
//! part of the room's log: what counts is how it is now. Pure: `now` comes in.
//!
//! What goes on is kept apart from what each member was told of it; the difference is what a member
//! is told next, be it that it was there all along, has just joined, or was cut off for a while.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use samewire_protocol::id::{ConnectionId, UserId};
use serde::{Deserialize, Serialize};

use crate::socketio::Frame;

/// An activity of a user: the name of the event that tells of its beginning, and the user.
pub(crate) type Key = (Name, UserId);

/// An event's name.
type Name = Cow<'static, str>;

/// How the members are told of an activity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Announcement {
    /// That it begins: the event's name and frame.
    pub(crate) begun: (Name, Frame),
    /// That it ends.
    pub(crate) ended: (Name, Frame),
}

/// What goes on in a room.
#[derive(Debug, Default)]
pub(crate) struct Activities(BTreeMap<Key, Activity>);

#[derive(Debug)]
struct Activity {
    announcement: Announcement,
    /// The connection on which it began: whoever is at it knows of it.
    began_on: ConnectionId,
    /// Until when it goes on by itself, for each connection of the user that is at it.
    until_ms: HashMap<ConnectionId, u64>,
}

/// What one member was told that goes on, and how it is told of the end.
#[derive(Debug, Default)]
pub(crate) struct Shown(BTreeMap<Key, (Name, Frame)>);

/// What a member is to be told next.
#[derive(Debug)]
pub(crate) struct Change {
    key: Key,
    /// The event's name.
    pub(crate) event: Name,
    pub(crate) frame: Frame,
    /// How it is told of the end, where this is the beginning.
    ended: Option<(Name, Frame)>,
}

impl Activities {
    /// A connection is at something, until a moment at which it has to have said so again. Says
    /// whether its user wasn't yet.
    pub(crate) fn begin(
        &mut self,
        user: UserId,
        id: &ConnectionId,
        announcement: Announcement,
        until_ms: u64,
    ) -> bool {
        let key = (announcement.begun.0.clone(), user);
        let is_new = !self.0.contains_key(&key);
        let activity = self.0.entry(key).or_insert_with(|| Activity {
            announcement,
            began_on: id.clone(),
            until_ms: HashMap::new(),
        });
        activity.until_ms.insert(id.clone(), until_ms);
        is_new
    }

    /// A connection isn't at it any more. Says whether its user isn't, either.
    pub(crate) fn end(&mut self, event: &str, user: &UserId, id: &ConnectionId) -> bool {
        let key = (Cow::Owned(event.to_owned()), user.clone());
        self.0.get_mut(&key).is_some_and(|activity| activity.until_ms.remove(id).is_some())
            && self.sweep()
    }

    /// A connection is gone, and is at nothing any more. Says whether something ended.
    pub(crate) fn leave(&mut self, id: &ConnectionId) -> bool {
        for activity in self.0.values_mut() {
            activity.until_ms.remove(id);
        }
        self.sweep()
    }

    /// Ends what wasn't said again in time. Says whether something ended.
    pub(crate) fn expire(&mut self, now_ms: u64) -> bool {
        for activity in self.0.values_mut() {
            activity.until_ms.retain(|_, until_ms| *until_ms > now_ms);
        }
        self.sweep()
    }

    /// When the next of them ends by itself.
    pub(crate) fn due_at_ms(&self) -> Option<u64> {
        self.0.values().flat_map(|activity| activity.until_ms.values()).min().copied()
    }

    /// What a member is to be told next, given what it was told: an end ahead of a beginning.
    pub(crate) fn next_for(&self, id: &ConnectionId, shown: &Shown) -> Option<Change> {
        let over = shown.0.iter().find(|(key, _)| !self.0.contains_key(key));
        if let Some((key, (event, frame))) = over {
            let (event, frame) = (event.clone(), frame.clone());
            return Some(Change { key: key.clone(), event, frame, ended: None });
        }
        let unknown = |(key, activity): &(&Key, &Activity)| {
            activity.began_on != *id && !shown.0.contains_key(*key)
        };
        let (key, Activity { announcement: Announcement { begun, ended }, .. }) =
            self.0.iter().find(unknown)?;
        let (event, frame) = begun.clone();
        Some(Change { key: key.clone(), event, frame, ended: Some(ended.clone()) })
    }

    /// Drops what nobody is at any more. Says whether there was something.
    fn sweep(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|_, activity| !activity.until_ms.is_empty());
        self.0.len() != before
    }
}

impl Shown {
    /// A member was told.
    pub(crate) fn apply(&mut self, Change { key, ended, .. }: Change) {
        match ended {
            Some(ended) => drop(self.0.insert(key, ended)),
            None => drop(self.0.remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn announcement(user: &str) -> Announcement {
        Announcement {
            begun: ("start".into(), format!("start {user}").into()),
            ended: ("stop".into(), format!("stop {user}").into()),
        }
    }

    fn begin(activities: &mut Activities, user: &str, id: &str, until_ms: u64) -> bool {
        activities.begin(user.into(), &id.into(), announcement(user), until_ms)
    }

    /// All that a member is told now.
    fn told(activities: &Activities, id: &str, shown: &mut Shown) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(change) = activities.next_for(&id.into(), shown) {
            told.push(change.frame.text().to_string());
            shown.apply(change);
        }
        told
    }

    #[test]
    fn it_ends_by_itself_unless_it_is_said_again() {
        let mut activities = Activities::default();
        assert!(begin(&mut activities, "ada", "1", 5000));
        assert_eq!(activities.due_at_ms(), Some(5000));
        assert!(!begin(&mut activities, "ada", "1", 8000), "said again");
        assert!(!activities.expire(5000));
        let mut shown = Shown::default();
        assert_eq!(told(&activities, "2", &mut shown), ["start ada"]);
        assert_eq!(told(&activities, "2", &mut shown), [] as [&str; 0]);
        assert!(activities.expire(8000));
        assert_eq!(activities.due_at_ms(), None);
        assert_eq!(told(&activities, "2", &mut shown), ["stop ada"]);
    }

    #[test]
    fn whoever_is_at_it_is_not_told() {
        let mut activities = Activities::default();
        begin(&mut activities, "ada", "1", 5000);
        assert_eq!(told(&activities, "1", &mut Shown::default()), [] as [&str; 0]);
    }

    #[test]
    fn it_goes_on_while_one_tab_is_at_it() {
        let (mut activities, ada) = (Activities::default(), UserId::from("ada"));
        begin(&mut activities, "ada", "1", 5000);
        assert!(!begin(&mut activities, "ada", "2", 6000));
        assert!(!activities.end("start", &ada, &"1".into()));
        assert!(!activities.end("start", &ada, &"1".into()), "a second time changes nothing");
        assert!(activities.leave(&"2".into()));
        assert!(!activities.end("start", &ada, &"2".into()));
    }

    #[test]
    fn what_came_and_went_unseen_is_not_told() {
        let mut activities = Activities::default();
        begin(&mut activities, "ada", "1", 5000);
        activities.leave(&"1".into());
        begin(&mut activities, "grace", "2", 5000);
        assert_eq!(told(&activities, "3", &mut Shown::default()), ["start grace"]);
    }

    proptest! {
        /// Whatever happens, and whenever a member is told: what it was told adds up to what goes on,
        /// but for what it began itself, and each beginning has its end.
        #[test]
        fn what_is_told_adds_up_to_what_goes_on(
            steps in prop::collection::vec((0_u8..5, 0_u8..4, 0_u64..3000, any::<bool>()), 1..80),
        ) {
            let mut activities = Activities::default();
            let (mut shown, mut known, mut now_ms) = (Shown::default(), BTreeSet::new(), 0);
            for (step, connection, wait_ms, tell) in steps {
                // Two tabs of two users each; the member is the first of them.
                let (id, user) = (connection.to_string(), if connection < 2 { "ada" } else { "grace" });
                match step {
                    0 | 1 => drop(begin(&mut activities, user, &id, now_ms + 5000)),
                    2 => drop(activities.end("start", &user.into(), &id.as_str().into())),
                    3 => drop(activities.leave(&id.as_str().into())),
                    _ => {
                        now_ms += wait_ms;
                        activities.expire(now_ms);
                    }
                }
                prop_assert!(activities.due_at_ms().is_none_or(|due_ms| due_ms > now_ms));
                if !tell {
                    continue;
                }
                for frame in told(&activities, "0", &mut shown) {
                    let (what, user) = frame.split_once(' ').unwrap();
                    let news = if what == "start" { known.insert(user.to_owned()) } else { known.remove(user) };
                    prop_assert!(news, "{} was told twice", frame);
                }
                let going_on = activities.0.iter().filter(|(key, activity)| {
                    // What goes on since before the member took it up is shown still.
                    activity.began_on != "0".into() || shown.0.contains_key(*key)
                });
                let going_on: BTreeSet<_> = going_on.map(|((_, user), _)| user.0.clone()).collect();
                prop_assert_eq!(&known, &going_on);
            }
        }
    }
}
