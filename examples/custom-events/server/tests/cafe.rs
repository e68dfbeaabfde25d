//! The café as its guests meet it: the program itself, over HTTP and websockets.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// The program, until it is dropped.
struct Cafe {
    process: Child,
    address: String,
}

/// Somebody who is signed in.
struct Guest(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Cafe {
    fn open() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cafe-server"))
            .env("JWT_SECRET", "a secret that is long enough to be one")
            .env("PORT", "0")
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").unwrap().1.to_owned();
        Self { process, address }
    }

    async fn enter(&self, user: &str) -> Guest {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/token?user={user}", self.address);
        let token = client.get(url).send().await.unwrap().text().await.unwrap();
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        let mut guest = Guest(tokio_tungstenite::connect_async(url).await.unwrap().0);
        guest.send(&format!("40{}", json!({ "token": token }))).await;
        guest.next("42[\"authenticated\"").await;
        guest
    }
}

impl Drop for Cafe {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Guest {
    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message that begins so.
    async fn next(&mut self, beginning: &str) -> String {
        let wait = async {
            loop {
                let message = self.0.next().await.unwrap().unwrap();
                match message.to_text().unwrap() {
                    "2" => self.send("3").await,
                    text if text.starts_with(beginning) => return text.to_owned(),
                    _ => {}
                }
            }
        };
        timeout(Duration::from_secs(30), wait).await.unwrap()
    }

    /// Emits an event, and gives its acknowledgement.
    async fn ask(&mut self, event: &str, payload: Value) -> Value {
        self.send(&format!("427{}", json!([event, payload]))).await;
        let answer = self.next("437").await;
        serde_json::from_str::<Value>(&answer[3..]).unwrap()[0].take()
    }
}

#[tokio::test]
async fn what_is_ordered_is_told_to_everybody_in_that_cafe() {
    let cafe = Cafe::open();
    let (mut ada, mut grace) = (cafe.enter("ada").await, cafe.enter("grace").await);
    for guest in [&mut ada, &mut grace] {
        assert_eq!(guest.ask("room:join", json!("cafe:corner")).await["ok"], true);
    }

    let order = json!({ "cafe": "corner", "drink": "tea", "cups": 2 });
    let ordered = json!({ "guest": "ada", "drink": "tea", "cups": 2 });
    assert_eq!(ada.ask("order", order).await["data"], ordered);
    let told = grace.next("42[\"ordered\"").await;
    let told: Value = serde_json::from_str(&told[2..]).unwrap();
    assert_eq!((&told[1], &told[2]["room"]), (&ordered, &json!("cafe:corner")));
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_named() {
    let cafe = Cafe::open();
    let mut ada = cafe.enter("ada").await;
    let order = json!({ "cafe": "corner", "drink": "tea", "cups": 2 });
    assert_eq!(ada.ask("order", order.clone()).await["error"]["code"], "NOT_FOUND");
    ada.ask("room:join", json!("cafe:corner")).await;

    for (field, value, problem) in [
        ("drink", json!("soup"), "drink: expected coffee or tea"),
        ("cups", json!(300), "cups: expected an integer"),
        ("cups", json!("two"), "cups: expected an integer"),
    ] {
        let mut wrong = order.clone();
        wrong[field] = value;
        let error = ada.ask("order", wrong).await["error"].take();
        assert_eq!(
            (&error["code"], &error["message"]),
            (&json!("INVALID_PAYLOAD"), &json!(problem))
        );
    }
}
