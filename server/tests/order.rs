//! Events of one connection are handled, and what they say is stored, in the order they came:
//! shown with a domain of the test's own, registered from outside the server.

use std::time::Duration;

use clap::Parser;
use futures::{SinkExt, StreamExt};
use samewire_server::{
    Config, Context, Domain, Engine, Registry, Server, Store, auth::Identity, auth::Issuer,
};
use sqlx::Row;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

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
}

const SECRET: &str = "a secret that is long enough to be one";

/// Stores notes; a note divisible by 100 takes its time, so that a later one could overtake it.
struct Notes(Store);

impl Domain for Notes {
    fn register(self, registry: &mut Registry) {
        let store = self.0;
        registry.on(move |_: Context, note: Note| {
            let store = store.clone();
            async move {
                if note.text.is_multiple_of(100) {
                    tokio::task::yield_now().await;
                }
                sqlx::query("INSERT INTO notes (text) VALUES ($1)")
                    .bind(i64::from(note.text))
                    .execute(store.pool())
                    .await?;
                Ok(Noted { text: note.text })
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_events_are_stored_in_the_order_they_were_sent() {
    const EVENTS: u32 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let store =
        Store::open(&format!("sqlite://{}/notes.db", folder.path().display())).await.unwrap();
    sqlx::query("CREATE TABLE notes (seq INTEGER PRIMARY KEY AUTOINCREMENT, text BIGINT)")
        .execute(store.pool())
        .await
        .unwrap();
    // What is kept after each of 20,000 commits is another test's matter.
    sqlx::query("PRAGMA synchronous = OFF").execute(store.pool()).await.unwrap();
    let config = Config::parse_from([
        "samewire-server",
        "--jwt-secret",
        SECRET,
        "--rate-limit-max",
        "1000000",
    ]);
    let mut registry = Registry::default().with(Notes(store.clone()));
    let routes = registry.take_routes();
    let engine =
        Engine::new(config.verifier().unwrap(), config.auth_mode, config.limits(), registry);
    let server = Server::new(engine, routes, &config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, server.router).await });

    let identity = Identity {
        user_id: "ada".into(),
        email: None,
        name: None,
        expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
    };
    let token = Issuer::from_secret(SECRET.as_bytes()).issue(identity).unwrap();
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let (mut sending, mut receiving) = socket.split();
    let handshake = format!("40{{\"token\":\"{token}\"}}");
    sending.send(Message::text(handshake)).await.unwrap();
    for text in 1..EVENTS {
        sending.feed(Message::text(format!("42[\"note\",{{\"text\":{text}}}]"))).await.unwrap();
    }
    sending.feed(Message::text(format!("427[\"note\",{{\"text\":{EVENTS}}}]"))).await.unwrap();
    sending.flush().await.unwrap();
    let acknowledged = async {
        while let Some(Ok(message)) = receiving.next().await {
            let text = message.to_text().unwrap();
            assert!(!text.starts_with("42[\"error\""), "{text}");
            if text.starts_with("437") {
                return;
            }
        }
        panic!("the connection ended");
    };
    tokio::time::timeout(Duration::from_secs(300), acknowledged).await.unwrap();

    let rows =
        sqlx::query("SELECT text FROM notes ORDER BY seq").fetch_all(store.pool()).await.unwrap();
    let stored: Vec<i64> = rows.iter().map(|row| row.get("text")).collect();
    assert!(stored.iter().copied().eq(1..=i64::from(EVENTS)), "{} stored", stored.len());
    serving.abort();
}
