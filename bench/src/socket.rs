//! A Socket.IO connection over a websocket that counts what comes and copies nothing.

use std::{
    cell::RefCell,
    io::{Cursor, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use tokio::net::TcpStream;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

thread_local! {
    /// All connections are read into the same place, one after the other.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// The beginning of a frame whose end hasn't come.
    partial: RefCell<Vec<u8>>,
}

impl Socket {
    /// Connects, and is let in with this token.
    pub(crate) async fn connect(server: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        // Closed by a reset: tens of thousands of connections would else keep their ports for a minute.
        stream.set_zero_linger()?;
        let socket = Self { stream, partial: RefCell::default() };
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write(request.as_bytes()).await?;
        socket.read_response().await?;
        socket.send(&format!("40{{\"token\":\"{token}\"}}")).await?;
        let mut let_in = false;
        while !let_in {
            socket.read(|text| let_in |= text.starts_with(b"40")).await?;
        }
        Ok(socket)
    }

    /// Joins a room and waits until it is in.
    pub(crate) async fn join(&self, room: &str) -> Result<()> {
        let join = format!("420[\"room:join\",{{\"room\":\"{room}\",\"events\":[\"said\"]}}]");
        self.send(&join).await?;
        let mut joined = false;
        while !joined {
            self.read(|text| joined |= text.starts_with(b"430[{\"ok\":true")).await?;
        }
        Ok(())
    }

    /// Sends a text message.
    pub(crate) async fn send(&self, text: &str) -> Result<()> {
        let mut frame = Vec::with_capacity(text.len() + 14);
        let head = FrameHeader {
            opcode: OpCode::Data(Data::Text),
            // A client's frames are masked; by zeros, so that nothing has to be done for it.
            mask: Some([0; 4]),
            ..FrameHeader::default()
        };
        head.format(text.len() as u64, &mut frame)?;
        frame.extend_from_slice(text.as_bytes());
        self.write(&frame).await
    }

    /// Waits until something has come, and gives each whole text message of it. Pings are answered.
    pub(crate) async fn read(&self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut pinged = false;
        loop {
            self.stream.readable().await?;
            let read = BUFFER.with_borrow_mut(|buffer| match self.stream.try_read(buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(length) => {
                    let mut each =
                        |text: &[u8]| if text == b"2" { pinged = true } else { each(text) };
                    self.take(&buffer[..length], &mut each)?;
                    Ok(true)
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
                Err(error) => Err(error.into()),
            })?;
            if read {
                break;
            }
        }
        if pinged {
            self.send("3").await?;
        }
        Ok(())
    }

    /// Cuts what was read into frames.
    fn take(&self, read: &[u8], each: &mut impl FnMut(&[u8])) -> Result<()> {
        let mut partial = self.partial.borrow_mut();
        if partial.is_empty() {
            let taken = whole_frames(read, each)?;
            partial.extend_from_slice(&read[taken..]);
        } else {
            partial.extend_from_slice(read);
            let taken = whole_frames(&partial, each)?;
            partial.drain(..taken);
        }
        Ok(())
    }

    async fn read_response(&self) -> Result<()> {
        let mut head = Vec::new();
        let end = loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut head) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        // The opening packet may have come along.
        self.partial.borrow_mut().extend_from_slice(&head[end..]);
        Ok(())
    }

    async fn write(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.stream.writable().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Gives each whole text frame; how many bytes they took.
fn whole_frames(bytes: &[u8], each: &mut impl FnMut(&[u8])) -> Result<usize> {
    let mut taken = 0;
    loop {
        let mut cursor = Cursor::new(&bytes[taken..]);
        let Some((head, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(taken) };
        let start = taken + usize::try_from(cursor.position())?;
        let end = start + usize::try_from(length)?;
        if end > bytes.len() {
            return Ok(taken);
        }
        match head.opcode {
            OpCode::Data(_) => each(&bytes[start..end]),
            _ => bail!("the server sent {head:?}"),
        }
        taken = end;
    }
}

/// So many connections, opened `at_once` at a time.
pub(crate) async fn connect_many(
    server: SocketAddr,
    tokens: &[String],
    count: usize,
    at_once: usize,
) -> Result<Vec<Socket>> {
    use std::rc::Rc;
    let next = Rc::new(std::cell::Cell::new(0));
    let mut openers = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let next = next.clone();
        let tokens: Vec<String> = tokens.to_vec();
        openers.spawn_local(async move {
            let mut sockets = Vec::new();
            while next.get() < count {
                let at = next.replace(next.get() + 1);
                sockets.push(Socket::connect(server, &tokens[at % tokens.len()]).await?);
            }
            Ok::<_, anyhow::Error>(sockets)
        });
    }
    let mut all = Vec::with_capacity(count);
    let patience = Duration::from_secs(120);
    while let Some(opened) = tokio::time::timeout(patience, openers.join_next()).await? {
        all.extend(opened??);
    }
    Ok(all)
}
