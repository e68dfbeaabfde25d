//! The server under fuzz: the program, what it says, what it costs, and whether it still serves.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use samewire_server::{Identity, auth::Issuer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::raw_http::{self, Call};

/// More than this the server never needs, whatever is sent, in bytes.
pub(crate) const MAX_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// How long the server may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Opens the calls of back ends.
pub(crate) const API_KEY: &str = "the key of a back end";

/// Signs webhooks.
const WEBHOOK_SECRET: &str = "a secret of the platforms";

const SECRET: &str = "a secret that is long enough to be one";

/// A running server.
pub(crate) struct Target {
    program: Child,
    pub(crate) address: SocketAddr,
    /// What it wrote to its log: errors alone.
    log: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
    /// A project of ada's, with what opens it.
    pub(crate) project: Value,
    /// A session of that project.
    pub(crate) session: String,
    /// A message in ada's inbox, and its conversation.
    pub(crate) message: Value,
    /// How often it answered how.
    pub(crate) answers: BTreeMap<String, u64>,
    failure: Option<String>,
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Target {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_samewire-server"))
            .current_dir(folder.path())
            .env_clear()
            .envs([
                ("RUST_LOG", "error"),
                ("JWT_SECRET", SECRET),
                ("PUBLISH_KEY", API_KEY),
                ("WEBHOOK_SECRET", WEBHOOK_SECRET),
                ("PORT", "0"),
                ("CONNECTIONS_PER_SECOND", "1000000"),
                ("RATE_LIMIT_MAX", "1000000000"),
                // What is left behind goes soon, and nobody who is only slow for a while.
                ("CONNECT_TIMEOUT", "5s"),
                ("AUTH_TIMEOUT", "5s"),
                ("PING_INTERVAL", "1s"),
                ("PING_TIMEOUT", "5s"),
                ("LOG_AGE", "1s"),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (errors, kept) = (program.stderr.take().unwrap(), log.clone());
        thread::spawn(move || {
            BufReader::new(errors)
                .lines()
                .map_while(Result::ok)
                .for_each(|line| kept.lock().unwrap().push(line));
        });
        let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
        let address = said.find_map(|line| line.unwrap().rsplit_once("http://")?.1.parse().ok());
        let mut target = Self {
            program,
            address: address.unwrap(),
            log,
            _folder: folder,
            project: Value::Null,
            session: String::new(),
            message: Value::Null,
            answers: BTreeMap::new(),
            failure: None,
        };
        thread::spawn(move || said.for_each(drop));
        let created = target
            .json(Call::post("/api/projects", &json!({ "name": "fuzzed" })).bearer(&token("ada")));
        let path = format!("/api/projects/{}/sessions", created["id"].as_str().unwrap());
        let begun = Call::post(&path, &json!({ "externalUserId": "visitor" }));
        let begun = begun.header("X-Ingest-Key", created["ingestKey"].as_str().unwrap());
        target.session = target.json(begun)["sessionId"].as_str().unwrap().to_owned();
        target.project = created;
        let brought = json!({
            "userId": "ada", "externalConversationId": "1", "externalMessageId": "1",
            "sender": { "id": "1" }, "text": "hello", "sentAt": "2026-11-21T07:38:47.123Z",
        });
        let brought = Call::post("/api/webhooks/sms", &brought);
        target.message = target.json(signed(brought));
        target
    }

    /// Notes an answer, by its status or code.
    pub(crate) fn answered(&mut self, how: impl Into<String>) {
        *self.answers.entry(how.into()).or_default() += 1;
    }

    /// Notes what must not be.
    pub(crate) fn failed(&mut self, problem: impl Into<String>) {
        self.failure.get_or_insert(problem.into());
    }

    /// What is wrong with the server, if anything is.
    pub(crate) fn problem(&mut self) -> Option<String> {
        if let Some(status) = self.program.try_wait().unwrap() {
            return Some(format!("the server ended: {status}"));
        }
        let said = self.log.lock().unwrap();
        if !said.is_empty() {
            return Some(format!("the server's log: {}", said.join("\n")));
        }
        drop(said);
        let memory = self.memory_bytes();
        if memory > MAX_MEMORY_BYTES {
            return Some(format!("the server uses {memory} bytes of memory"));
        }
        self.failure.take()
    }

    /// Bytes that the process keeps in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// A websocket that is signed in.
    pub(crate) fn sign_in(&self, user: &str) -> WebSocket<TcpStream> {
        let mut socket = self.websocket("EIO=4&transport=websocket").unwrap();
        let handshake = json!({ "token": token(user) });
        socket.send(Message::text(format!("40{handshake}"))).unwrap();
        read_until(&mut socket, "42[\"authenticated\"", |_| {}).unwrap();
        socket
    }

    /// A websocket, where the server opens one for this query.
    pub(crate) fn websocket(&self, query: &str) -> Result<WebSocket<TcpStream>, u16> {
        use tokio_tungstenite::tungstenite::{Error, HandshakeError};
        let stream = raw_http::connect(self.address);
        let url = format!("ws://{}/socket.io/?{query}", self.address);
        match client(url, stream) {
            Ok((socket, _)) => Ok(socket),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    /// Whether a fresh client is served, and everybody else has gone.
    pub(crate) fn finish(&mut self) {
        let mut socket = self.sign_in("grace");
        socket.send(Message::text("420[\"room:join\",\"afterwards\"]")).unwrap();
        read_until(&mut socket, "430[{\"ok\":true", |_| {}).unwrap();
        let published = json!({ "room": "afterwards", "event": "still-there", "data": [1] });
        self.json(Call::post("/api/publish", &published).header("X-Api-Key", API_KEY));
        read_until(&mut socket, "42[\"still-there\",[1],", |_| {}).unwrap();
        // Beside what others left open, which ends by itself.
        let deadline = Instant::now() + 3 * PATIENCE;
        loop {
            let health = self.json(Call::get("/health"));
            if health["services"]["websocket"]["connections"] == 1 {
                break;
            }
            assert!(Instant::now() < deadline, "{health}");
            let _ = socket.send(Message::text("421[\"ping\"]"));
            read_until(&mut socket, "431", |_| {}).unwrap();
        }
        let metrics = Call::get("/metrics").send(self.address).unwrap();
        for code in ["INTERNAL", "UNAVAILABLE"] {
            let label = format!("code=\"{code}\"");
            let counts = metrics.body.lines().filter(|line| line.contains(&label));
            let answered: Vec<_> = counts.filter(|line| !line.ends_with(" 0")).collect();
            assert_eq!(answered, Vec::<&str>::new());
        }
        assert_eq!(self.problem(), None);
    }

    fn json(&self, call: Call) -> Value {
        let answer = call.send(self.address).unwrap();
        assert!((200..300).contains(&answer.status), "{}: {}", answer.status, answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

/// A call with the signature of its body.
pub(crate) fn signed(call: Call) -> Call {
    let key = hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
    let tag = hmac::sign(&key, call.body.as_deref().unwrap_or_default());
    call.header("X-Signature-256", &hex::encode(tag))
}

/// A token of a user.
pub(crate) fn token(user: &str) -> String {
    let identity = Identity {
        user_id: user.into(),
        email: None,
        name: Some(user.to_owned()),
        expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
    };
    Issuer::from_secret(SECRET.as_bytes()).issue(identity).unwrap()
}

/// Why a message didn't come.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The connection ended.
    Ended,
    /// The server let too much time pass.
    Late,
}

/// Reads to the message that begins so, answering pings.
pub(crate) fn read_until(
    socket: &mut WebSocket<TcpStream>,
    wanted: &str,
    mut see: impl FnMut(&str),
) -> Result<String, Missing> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match socket.read().map_err(|_| Missing::Ended)? {
            Message::Text(text) if text.as_str() == "2" => {
                socket.send(Message::text("3")).map_err(|_| Missing::Ended)?;
            }
            Message::Text(text) if text.starts_with(wanted) => return Ok(text.to_string()),
            // DISCONNECT: it closes once we do.
            Message::Text(text) if text.as_str() == "41" => return Err(Missing::Ended),
            Message::Text(text) => see(&text),
            Message::Close(_) => return Err(Missing::Ended),
            _ => {}
        }
    }
    Err(Missing::Late)
}
