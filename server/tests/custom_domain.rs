//! What the engine promises to any domain, shown with one of the test's own that is registered from
//! outside: events of a connection in order, a named emit acted on once, and binary values.

#![expect(clippy::unwrap_used, reason = "a test")]

mod throwaway_database;

use clap::Parser;
use futures::{SinkExt, StreamExt};
use samewire_server::{
    Attached, Attachments, Config, Context, Domain, Error, Identity, Registry, Result, Server,
    Store, auth::Issuer,
};
use serde_json::Value;
use sqlx::Row;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Duration, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use self::throwaway_database::ThrowawayDatabase;

samewire_protocol::events! {
    /// Notes, kept in the order they were sent.
    domain NOTES = "notes";

    /// Keeps a note.
    client "note" -> Noted;
    pub struct Note {
        /// What it says.
        pub text: u32,
    }

    /// Kept.
    pub struct Noted {
        /// What was kept.
        pub text: u32,
    }

    /// Turns a sketch's colors round.
    client "invert" -> Inverted;
    pub struct Invert {
        /// A binary value.
        pub pixels: Value,
    }

    /// Turned round.
    pub struct Inverted {
        /// A binary value.
        pub pixels: Value,
    }
}

/// Answers binary values with others.
fn invert(context: &Context, sketch: &Invert) -> Result<Attached<Inverted>> {
    let pixels = context.attachments.get(&sketch.pixels);
    let pixels = pixels.ok_or_else(|| Error::field("pixels", "expected a binary value"))?;
    let inverted: Vec<u8> = pixels.iter().map(|pixel| !pixel).collect();
    Ok(Attached {
        answer: Inverted { pixels: Attachments::placeholder(0) },
        attachments: [inverted].into_iter().collect(),
    })
}

/// Stores notes; one divisible by 100 takes its time, so that a later one could overtake it.
struct Notes(Store);

impl Domain for Notes {
    fn register(self, registry: &mut Registry) {
        registry.on_binary(async |context: Context, sketch: Invert| invert(&context, &sketch));
        let store = self.0;
        registry.on(move |_: Context, note: Note| {
            let store = store.clone();
            async move {
                assert_ne!(note.text, UNSPEAKABLE, "a handler that fails");
                if note.text.is_multiple_of(100) {
                    tokio::task::yield_now().await;
                }
                sqlx::query(
                    "INSERT INTO notes (seq, text)
                     SELECT COALESCE(MAX(seq), 0) + 1, $1 FROM notes",
                )
                .bind(i64::from(note.text))
                .execute(store.pool())
                .await?;
                Ok(Noted { text: note.text })
            }
        });
    }
}

/// A note that the handler panics at.
const UNSPEAKABLE: u32 = u32::MAX;

const SECRET: &str = "a secret that is long enough to be one";

/// A server with the notes domain, on a port of its own, until it is dropped.
struct Running {
    address: std::net::SocketAddr,
    store: Store,
    /// There as long as it runs; one of PostgreSQL goes with its server.
    _database: ThrowawayDatabase,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Running {
    async fn start() -> Self {
        let database = ThrowawayDatabase::new().await;
        let store = Store::open(&database.url).await.unwrap();
        sqlx::query("CREATE TABLE notes (seq BIGINT PRIMARY KEY, text BIGINT)")
            .execute(store.pool())
            .await
            .unwrap();
        let arguments = ["samewire-server", "--jwt-secret", SECRET, "--rate-limit-max", "1000000"];
        let config = Config::parse_from(arguments);
        let registry = Registry::default().with(Notes(store.clone()));
        let verifier = config.verifier().unwrap();
        let server = Server::new(verifier, registry, &config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, server.router).await });
        Self { address, store, _database: database, serving }
    }

    /// A connection on which ada is signed in.
    async fn connect(&self) -> Socket {
        let identity = Identity {
            user_id: "ada".into(),
            email: None,
            name: None,
            expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
        };
        let token = Issuer::from_secret(SECRET.as_bytes()).issue(identity).unwrap();
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let handshake = format!("40{{\"token\":\"{token}\"}}");
        socket.send(Message::text(handshake)).await.unwrap();
        socket
    }

    async fn notes(&self) -> Vec<i64> {
        let query = sqlx::query("SELECT text FROM notes ORDER BY seq");
        let rows = query.fetch_all(self.store.pool()).await.unwrap();
        rows.iter().map(|row| row.get("text")).collect()
    }
}

/// Waits for the acknowledgement of this id; an `error` before it is a failure.
async fn acknowledged(socket: &mut Socket, id: u32) -> String {
    let wanted = format!("43{id}");
    let wait = async {
        while let Some(Ok(message)) = socket.next().await {
            let text = message.to_text().unwrap();
            // Who answers no ping is gone in time, however much is still to be done for them.
            if text == "2" {
                socket.send(Message::text("3")).await.unwrap();
                continue;
            }
            assert!(!text.starts_with("42[\"error\""), "{text}");
            if let Some(answer) = text.strip_prefix(&wanted) {
                return answer.to_owned();
            }
        }
        panic!("the connection ended");
    };
    timeout(Duration::from_secs(300), wait).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_events_are_stored_in_the_order_they_were_sent() {
    const EVENTS: u32 = 20_000;
    let server = Running::start().await;
    let mut socket = server.connect().await;
    for text in 1..EVENTS {
        let event = format!("42[\"note\",{{\"text\":{text}}}]");
        socket.feed(Message::text(event)).await.unwrap();
    }
    let last = format!("427[\"note\",{{\"text\":{EVENTS}}}]");
    socket.send(Message::text(last)).await.unwrap();
    acknowledged(&mut socket, 7).await;
    let stored = server.notes().await;
    assert!(stored.iter().copied().eq(1..=i64::from(EVENTS)), "{} stored", stored.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_takes_its_own_connection_with_it() {
    let server = Running::start().await;
    let (mut hers, mut his) = (server.connect().await, server.connect().await);
    hers.send(Message::text(format!("42[\"note\",{{\"text\":{UNSPEAKABLE}}}]"))).await.unwrap();
    let ended = async { while let Some(Ok(_)) = hers.next().await {} };
    timeout(Duration::from_secs(60), ended).await.unwrap();
    his.send(Message::text("423[\"note\",{\"text\":5}]")).await.unwrap();
    acknowledged(&mut his, 3).await;
    assert_eq!(server.notes().await, [5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_emit_is_acted_on_once_over_several_connections() {
    let server = Running::start().await;
    let id = "0b5f9a53-2c35-4a2b-9f7e-3f0f6e5a1c11";
    let emit = format!("[\"note\",{{\"text\":5}},{{\"id\":\"{id}\"}}]");
    let mut answers = Vec::new();
    for ack in 1..=3 {
        let mut socket = server.connect().await;
        socket.send(Message::text(format!("42{ack}{emit}"))).await.unwrap();
        answers.push(acknowledged(&mut socket, ack).await);
    }
    assert_eq!(answers, ["[{\"ok\":true,\"data\":{\"text\":5}}]"; 3]);
    assert_eq!(server.notes().await, [5]);

    let mut socket = server.connect().await;
    let unnamed = "424[\"note\",{\"text\":6},{\"id\":\"not a UUID\"}]";
    socket.send(Message::text(unnamed)).await.unwrap();
    let refusal = acknowledged(&mut socket, 4).await;
    assert!(refusal.contains("id: expected a UUID"), "{refusal}");
    assert_eq!(server.notes().await, [5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_ones_own_brings_binary_values_and_is_answered_with_some() {
    let server = Running::start().await;
    let mut socket = server.connect().await;
    let event = "451-9[\"invert\",{\"pixels\":{\"_placeholder\":true,\"num\":0}}]";
    socket.send(Message::text(event)).await.unwrap();
    socket.send(Message::binary(vec![1, 255])).await.unwrap();
    let answer = loop {
        let message = socket.next().await.unwrap().unwrap();
        if message.to_text().is_ok_and(|text| text.starts_with("46")) {
            break message;
        }
    };
    let expected = "461-9[{\"ok\":true,\"data\":{\"pixels\":{\"_placeholder\":true,\"num\":0}}}]";
    assert_eq!(answer.to_text().unwrap(), expected);
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![254, 0]));

    let text = "428[\"invert\",{\"pixels\":{\"_placeholder\":true,\"num\":0}}]";
    socket.send(Message::text(text)).await.unwrap();
    let refusal = acknowledged(&mut socket, 8).await;
    assert!(refusal.contains("pixels: expected a binary value"), "{refusal}");

    socket.send(Message::text("451-7[\"note\",{\"text\":1}]")).await.unwrap();
    socket.send(Message::binary(vec![1])).await.unwrap();
    let refusal = acknowledged(&mut socket, 7).await;
    assert!(refusal.contains("payload: expected no binary values"), "{refusal}");
}
