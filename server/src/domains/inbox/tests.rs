//! The inbox against a model, with everything at once, on a real database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clap::Parser;
use futures::future::join_all;
use proptest::prelude::*;
use samewire_protocol::{
    Event, RoomAddress, Timestamp,
    id::{ConversationId, MessageId, UserId},
    inbox::{
        ConversationUpdate, MessageStatus, MessageStatusUpdate, NewMessage, Sender,
        UnreadCountUpdate,
    },
    rooms::LoggedEvent,
};
use serde::de::DeserializeOwned;

use super::{Inbox, IncomingMessage, queries};
use crate::{Config, Engine, Registry, Server, Store, throwaway_database::ThrowawayDatabase};

/// What may happen. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    /// A platform brings a message under one of a few names, so that many are brought again.
    Receive { user: usize, platform: usize, conversation: usize, name: usize, sent_at: u64 },
    /// A message arrived at a device.
    Deliver { user: usize, message: usize },
    /// A message is read.
    Read { user: usize, message: usize },
    /// All messages of a conversation are read.
    ReadAll { user: usize, conversation: usize },
}

const USERS: [&str; 2] = ["anna", "ben"];
const PLATFORMS: [&str; 3] = ["sms", "email", "fax"];

fn step() -> impl Strategy<Value = Step> {
    let index = 0..1000_usize;
    prop_oneof![
        6 => (0..2_usize, 0..3_usize, 0..3_usize, 0..12_usize, 0..1000_u64).prop_map(
            |(user, platform, conversation, name, sent_at)| {
                Step::Receive { user, platform, conversation, name, sent_at }
            }
        ),
        2 => (0..2_usize, index.clone()).prop_map(|(user, message)| Step::Deliver { user, message }),
        2 => (0..2_usize, index.clone()).prop_map(|(user, message)| Step::Read { user, message }),
        1 => (0..2_usize, index).prop_map(|(user, conversation)| Step::ReadAll { user, conversation }),
    ]
}

struct Running {
    inbox: Inbox,
    engine: std::sync::Arc<Engine>,
    _database: ThrowawayDatabase,
}

impl Running {
    async fn start() -> Self {
        let database = ThrowawayDatabase::new().await;
        let store = Store::open(&database.url).await.unwrap();
        let config = Config::parse_from(["test", "--jwt-secret", &"s".repeat(32)]);
        let engine = Server::with(Registry::default(), &config).unwrap().engine;
        let inbox = Inbox::new(store, &config.inbox);
        Self { inbox, engine, _database: database }
    }

    /// Ids of what a user has, as of now.
    async fn ids(&self, user: &UserId) -> (Vec<ConversationId>, Vec<MessageId>) {
        let pool = self.inbox.store.pool();
        let all = queries::Before::all();
        let conversations = queries::conversations(pool, user, &all, 1000).await.unwrap();
        let mut messages = Vec::new();
        for conversation in &conversations {
            let of_it = queries::messages(pool, &conversation.id, &all, 1000).await.unwrap();
            messages.extend(of_it.into_iter().map(|message| message.id));
        }
        (conversations.into_iter().map(|conversation| conversation.id).collect(), messages)
    }

    async fn take(&self, step: Step, ids: &HashMap<UserId, (Vec<ConversationId>, Vec<MessageId>)>) {
        let (inbox, engine) = (&self.inbox, &self.engine);
        match step {
            Step::Receive { user, platform, conversation, name, sent_at } => {
                let incoming = IncomingMessage {
                    user_id: USERS[user].into(),
                    external_conversation_id: conversation.to_string(),
                    external_message_id: name.to_string(),
                    sender: Sender { id: "49151".into(), name: None },
                    text: sent_at.to_string(),
                    sent_at: Timestamp::from_unix_ms(sent_at),
                };
                inbox.receive(engine, PLATFORMS[platform], incoming).await.unwrap();
            }
            Step::Deliver { user, message } => {
                let user = UserId::from(USERS[user]);
                if let Some(id) = nth(&ids[&user].1, message) {
                    inbox.delivered(engine, &user, id).await.unwrap();
                }
            }
            Step::Read { user, message } => {
                let user = UserId::from(USERS[user]);
                if let Some(id) = nth(&ids[&user].1, message) {
                    inbox.read(engine, &user, id).await.unwrap();
                }
            }
            Step::ReadAll { user, conversation } => {
                let user = UserId::from(USERS[user]);
                if let Some(id) = nth(&ids[&user].0, conversation) {
                    inbox.read_all(engine, &user, id).await.unwrap();
                }
            }
        }
    }

    /// All that a user was told, in order.
    fn told(&self, user: &UserId) -> Vec<LoggedEvent> {
        let room = RoomAddress::user(user);
        let Some(state) = self.engine.rooms().state(&room) else { return Vec::new() };
        let past =
            self.engine.rooms().history(&room, &state.position.epoch, 0, usize::MAX).unwrap();
        assert!(past.complete);
        past.events
    }
}

fn nth<T>(items: &[T], index: usize) -> Option<&T> {
    items.get(index.checked_rem(items.len())?)
}

/// What a client knows that folds what it is told.
#[derive(Debug, Default)]
struct Model {
    messages: BTreeMap<MessageId, Known>,
    names: BTreeSet<(String, String)>,
    platforms: BTreeSet<String>,
}

#[derive(Debug)]
struct Known {
    conversation: ConversationId,
    platform: String,
    status: Option<MessageStatus>,
}

impl Known {
    fn is_unread(&self) -> bool {
        self.status != Some(MessageStatus::Read)
    }
}

impl Model {
    /// Takes in an event, and holds what it says against what was told before.
    fn fold(&mut self, told: &LoggedEvent) {
        match told.event.as_str() {
            NewMessage::NAME => {
                let NewMessage { message, conversation, .. } = payload(told);
                let platform = name(&message.platform);
                assert!(
                    self.names.insert((platform.clone(), message.external_message_id)),
                    "told twice"
                );
                self.platforms.insert(platform.clone());
                let known = Known {
                    conversation: message.conversation_id.clone(),
                    platform,
                    status: message.status,
                };
                self.messages.insert(message.id, known);
                let unread = self.unread_in(&message.conversation_id);
                assert_eq!(conversation.unwrap().unread_count, unread);
            }
            MessageStatusUpdate::NAME => {
                let update: MessageStatusUpdate = payload(told);
                let known = self.messages.get_mut(&update.message_id).unwrap();
                assert_eq!(known.conversation, update.conversation_id);
                assert!(known.status < Some(update.status), "a status only moves forward");
                known.status = Some(update.status);
            }
            ConversationUpdate::NAME => {
                let ConversationUpdate { conversation, .. } = payload(told);
                assert_eq!(conversation.unread_count, self.unread_in(&conversation.id));
            }
            UnreadCountUpdate::NAME => {
                let update: UnreadCountUpdate = payload(told);
                assert_eq!(update.unread_counts, self.unread());
                assert_eq!(update.total_unread, update.unread_counts.values().sum::<u32>());
            }
            other => panic!("{other} is none of the inbox's"),
        }
    }

    fn unread_in(&self, conversation: &ConversationId) -> u32 {
        let of_it = self.messages.values().filter(|known| known.conversation == *conversation);
        u32::try_from(of_it.filter(|known| known.is_unread()).count()).unwrap()
    }

    fn unread(&self) -> BTreeMap<String, u32> {
        let of = |platform: &str| {
            let of_it = self.messages.values().filter(|known| known.platform == platform);
            u32::try_from(of_it.filter(|known| known.is_unread()).count()).unwrap()
        };
        self.platforms.iter().map(|platform| (platform.clone(), of(platform))).collect()
    }
}

fn payload<T: DeserializeOwned>(told: &LoggedEvent) -> T {
    serde_json::from_value(told.payload.clone()).unwrap()
}

fn name(platform: &samewire_protocol::inbox::Platform) -> String {
    serde_json::to_value(platform).unwrap().as_str().unwrap().to_owned()
}

/// Takes all steps of each round at once, then holds what was told, and what is stored, against
/// the model.
async fn check(rounds: Vec<Vec<Step>>) {
    let running = std::sync::Arc::new(Running::start().await);
    for round in rounds {
        let mut ids = HashMap::new();
        for user in USERS {
            ids.insert(UserId::from(user), running.ids(&user.into()).await);
        }
        let ids = std::sync::Arc::new(ids);
        let all_at_once = round.into_iter().map(|step| {
            let (running, ids) = (running.clone(), ids.clone());
            tokio::spawn(async move { running.take(step, &ids).await })
        });
        for ended in join_all(all_at_once).await {
            ended.unwrap();
        }
    }
    let pool = running.inbox.store.pool();
    for user in USERS.map(UserId::from) {
        let mut model = Model::default();
        for told in running.told(&user) {
            model.fold(&told);
        }
        assert_eq!(running.inbox.unread(&user).await.unwrap().0, model.unread());
        let all = queries::Before::all();
        let mut stored = 0;
        for conversation in queries::conversations(pool, &user, &all, 1000).await.unwrap() {
            assert_eq!(conversation.unread_count, model.unread_in(&conversation.id));
            let messages = queries::messages(pool, &conversation.id, &all, 1000).await.unwrap();
            let last = messages.iter().map(|message| message.sent_at).max();
            assert_eq!(conversation.last_message_at, last);
            for message in messages {
                assert_eq!(model.messages[&message.id].status, message.status);
                stored += 1;
            }
        }
        assert_eq!(stored, model.messages.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// Whatever happens at once: the counts are those of the messages, each message is told once, a
    /// status only moves forward, and each event tells how things stood when it was its turn.
    #[test]
    fn unread_counts_are_always_right(
        rounds in prop::collection::vec(prop::collection::vec(step(), 1..16), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
        runtime.unwrap().block_on(check(rounds));
    }
}
