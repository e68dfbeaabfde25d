//! What an emit publishes is published once, also where the emit is acted on again, by another server,
//! because the first was gone before it had answered (wire.md, section 5). So is what a job tells at its end.

use std::{collections::HashMap, fmt::Write};

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use samewire_protocol::{RoomAddress, id::UserId};

tokio::task_local! {
    static EMIT: Emit;
}

/// The emit that is being acted on, or the job.
#[derive(Debug)]
struct Emit {
    /// Of an emit; a job has none.
    user: Option<UserId>,
    id: String,
    /// How many of each event it has published to each room.
    published: Mutex<HashMap<(RoomAddress, String), u32>>,
}

/// What is published while `act` runs is of this emit of a user.
pub(crate) async fn of_emit<T>(user: &UserId, id: &str, act: impl Future<Output = T>) -> T {
    let user = Some(user.clone());
    EMIT.scope(Emit { user, id: id.to_owned(), published: Mutex::default() }, act).await
}

/// What is published while `act` runs is of this job, by whichever server, and however often. It is no
/// part of an emit by then.
pub(crate) async fn of_job<T>(name: String, act: impl Future<Output = T>) -> T {
    EMIT.scope(Emit { user: None, id: name, published: Mutex::default() }, act).await
}

/// A tag for what is published: the same for what the same emit, or job, publishes as the n-th of this
/// event in this room, and otherwise one of its own.
pub(super) fn tag(room: &RoomAddress, event: &str) -> (String, bool) {
    let of_emit = EMIT.try_with(|emit| {
        let count = {
            let mut published = emit.published.lock();
            let count = published.entry((room.clone(), event.to_owned())).or_default();
            *count += 1;
            *count
        };
        let mut text = String::new();
        let user = emit.user.as_ref().map(UserId::as_str);
        for part in user.into_iter().chain([emit.id.as_str(), event]) {
            let _ = write!(text, "{}:{part}", part.len());
        }
        let _ = write!(text, "{count}");
        hex::encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
    });
    match of_emit {
        Ok(tag) => (tag, true),
        Err(_) => (uuid::Uuid::new_v4().simple().to_string(), false),
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::room::ROOM;

    use super::*;

    async fn tags(id: &str) -> Vec<String> {
        let act = async {
            let (one, other) = (RoomAddress::new(ROOM, "a"), RoomAddress::new(ROOM, "b"));
            [(&one, "x"), (&one, "x"), (&one, "y"), (&other, "x")]
                .map(|(room, event)| tag(room, event).0)
                .to_vec()
        };
        of_emit(&UserId::from("ada"), id, act).await
    }

    #[tokio::test]
    async fn an_emit_that_is_acted_on_again_publishes_the_same() {
        assert_eq!(tags("1").await, tags("1").await);
        assert_ne!(tags("1").await, tags("2").await);
        let mut all = tags("1").await;
        all.sort();
        all.dedup();
        // The room is no part of it: its name is part of the key.
        assert_eq!(all.len(), 3);
    }

    #[tokio::test]
    async fn what_no_emit_publishes_is_of_its_own() {
        let room = RoomAddress::new(ROOM, "a");
        assert_ne!(tag(&room, "x"), tag(&room, "x"));
        assert!(!tag(&room, "x").1);
    }
}
