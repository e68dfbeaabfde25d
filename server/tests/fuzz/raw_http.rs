//! HTTP by hand: what no client would send can be sent, too.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::target::PATIENCE;

/// Most of an answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// A request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), ..Self::default() }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn post(target: &str, body: &Value) -> Self {
        let mut call = Self::new("POST", target).header("Content-Type", "application/json");
        call.body = Some(body.to_string().into_bytes());
        call
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// The bytes of the request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let named =
            |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !named("Host") {
            head.push_str("Host: localhost\r\n");
        }
        if !named("Connection") {
            head.push_str("Connection: close\r\n");
        }
        if let Some(body) = &self.body
            && !named("Content-Length")
            && !named("Transfer-Encoding")
        {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    /// Sends it; gives nothing where no answer came.
    pub(crate) fn send(&self, to: SocketAddr) -> Option<Answer> {
        exchange(connect(to), &self.bytes())
    }
}

/// A connection on which nobody waits for ever.
pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends bytes and reads until the server closes, or nothing more comes in time.
pub(crate) fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Option<Answer> {
    // A server that has heard enough closes while we still write, and may have answered.
    let _ = stream.write_all(bytes);
    let mut read = Vec::new();
    let _ = stream.take(MAX_ANSWER_BYTES).read_to_end(&mut read);
    let text = String::from_utf8_lossy(&read);
    let status = text.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}
