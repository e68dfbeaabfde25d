//! The application as its users meet it: over HTTP and over websockets, on one port.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::net::SocketAddr;

use clap::Parser;
use futures::{SinkExt, StreamExt};
use samewire_server::{Config, Identity, auth::Issuer};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Duration, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

const SECRET: &str = "a secret that is long enough to be one";
const KEY: &str = "the key of a back end";

struct House(SocketAddr);

/// Somebody who is signed in.
struct Bidder(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl House {
    async fn open() -> Self {
        let arguments = ["mounted", "--jwt-secret", SECRET, "--publish-key", KEY];
        let app = mounted::app(&Config::parse_from(arguments)).unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self(address)
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}{path}", self.0);
        let call = client.request(method.parse().unwrap(), url).header("x-api-key", KEY);
        let call = call.header("content-type", "application/json").body(body.to_string());
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn enter(&self, user: &str) -> Bidder {
        let identity = Identity {
            user_id: user.into(),
            email: None,
            name: None,
            expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
        };
        let token = Issuer::from_secret(SECRET.as_bytes()).issue(identity).unwrap();
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.0);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut bidder = Bidder(socket);
        bidder.send(&format!("40{}", json!({ "token": token }))).await;
        bidder.next("42[\"authenticated\"").await;
        bidder
    }
}

impl Bidder {
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

#[tokio::test(flavor = "multi_thread")]
async fn bids_are_taken_from_those_invited_and_told_to_them_all() {
    let house = House::open().await;
    assert_eq!(house.call("GET", "/", Value::Null).await, (200, "The auction house".into()));
    house.call("POST", "/lots/vase", json!(["ada", "grace"])).await;

    let (mut ada, mut grace) = (house.enter("ada").await, house.enter("grace").await);
    let mut alan = house.enter("alan").await;
    let refused = alan.ask("room:join", json!("auction:vase")).await;
    assert_eq!(refused["error"]["message"], "by invitation only");
    assert_eq!(
        alan.ask("bid", json!({ "lot": "vase", "cents": 1 })).await["error"]["code"],
        "NOT_FOUND"
    );

    for bidder in [&mut ada, &mut grace] {
        assert_eq!(bidder.ask("room:join", json!("auction:vase")).await["ok"], true);
    }
    let accepted = ada.ask("bid", json!({ "lot": "vase", "cents": 500 })).await;
    assert_eq!(accepted["data"], json!({ "bidder": "ada", "cents": 500 }));
    let told = grace.next("42[\"bid-accepted\"").await;
    assert!(
        told.starts_with(
            "42[\"bid-accepted\",{\"bidder\":\"ada\",\"cents\":500},{\"room\":\"auction:vase\""
        ),
        "{told}"
    );
    let low = grace.ask("bid", json!({ "lot": "vase", "cents": 500 })).await;
    assert_eq!(low["error"]["code"], "CONFLICT");
    let spoilt = grace.ask("bid", json!({ "lot": "vase", "cents": "all" })).await;
    assert_eq!(spoilt["error"]["message"], "cents: expected an integer");

    let (status, sold) = house.call("POST", "/lots/vase/hammer", Value::Null).await;
    assert_eq!((status, sold.as_str()), (200, "{\"bidder\":\"ada\",\"cents\":500}"));
    for bidder in [&mut ada, &mut grace] {
        bidder.next("42[\"lot-sold\",{\"bidder\":\"ada\",\"cents\":500}").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_says_who_joins_rooms_of_any_name_and_back_ends_publish_there() {
    let house = House::open().await;
    let mut ada = house.enter("ada").await;
    assert_eq!(ada.ask("room:join", json!("cellar")).await["error"]["code"], "ACCESS_DENIED");
    assert_eq!(ada.ask("room:join", json!("hall")).await["ok"], true);
    // The check is for those rooms alone.
    assert_eq!(ada.ask("room:join", json!("user:grace")).await["error"]["code"], "ACCESS_DENIED");
    let headline = json!({ "room": "hall", "event": "headline", "data": "Sold out" });
    assert_eq!(house.call("POST", "/api/publish", headline).await.0, 200);
    ada.next("42[\"headline\",\"Sold out\",{\"room\":\"room:hall\"").await;
    let (status, problem) = house.call("GET", "/nowhere", Value::Null).await;
    assert_eq!(status, 404);
    assert!(problem.contains("\"code\":\"NOT_FOUND\""), "{problem}");
}
