//! What crosses the client's border: frames in, transmits and events out, and the faults that stand
//! there.

use samewire_client_core::{
    Event, Payload as _, SocketId, Transmit,
    framing::{Frame, Packet, decode},
};
use serde_json::{Value, json};

use crate::{
    application::Cursor,
    fault::Fault,
    network::Down,
    world::{ENDLESS, World},
};

impl World {
    pub(crate) fn deliver(&mut self, socket: SocketId, down: Down) -> Result<(), String> {
        let clock = self.clock();
        match down {
            Down::Frame(text) => {
                self.note(|| format!("<- {text}"));
                let character = |at| text.as_bytes().get(at).copied();
                let frame = decode(character, |at| serde_json::from_str(text.get(at..)?).ok());
                let short = frame.as_ref().ok().filter(|_| self.random.chance(50));
                let told = short.and_then(|frame| {
                    self.passing(socket, frame).or_else(|| self.settling(socket, frame))
                });
                if let Some(told) = told {
                    return self.tell(&[told]);
                }
                self.client.handle_frame(clock, socket, frame);
                if self.fault == Some(Fault::KeepsDuplicates) {
                    self.keep_duplicate(&text)?;
                }
            }
            Down::Lost => {
                self.note(|| format!("<- {socket:?} is gone"));
                self.sockets.lose(socket);
                self.client.handle_lost(clock, socket, "gone");
            }
            Down::Ready => {
                self.note(|| format!("<- {socket:?} is ready"));
                self.sockets.rest(socket);
                self.client.handle_ready(clock, socket);
            }
        }
        self.drain()
    }

    /// The event in a frame, where nothing is left to do but to hand it on: a browser asks so of every
    /// frame's, unless the page isn't ready to be told.
    fn passing(&mut self, socket: SocketId, frame: &Frame<Value>) -> Option<Event<Value>> {
        let Frame::Packet(Packet::Event { ack: None, attachments: 0, args }) = frame else {
            return None;
        };
        let event = args.event(None)?;
        let (clock, place) = (self.clock(), event.place.as_ref()?);
        let passes = self.client.passes(clock, socket, &event.name, place);
        let passes = passes || self.fault == Some(Fault::PassesOutOfTurn);
        passes.then_some(Event::Arrived { event })
    }

    /// The same of an answer.
    fn settling(&mut self, socket: SocketId, frame: &Frame<Value>) -> Option<Event<Value>> {
        let Frame::Packet(Packet::Ack { id, attachments: 0, args }) = frame else {
            return None;
        };
        let answer = args.item(0)?;
        let ok = answer.field("ok").and_then(|ok| ok.flag());
        if ok != Some(true) && self.fault != Some(Fault::TakesRefusalsForAnswers) {
            return None;
        }
        let data = answer.field("data");
        let call = self.client.settles(self.clock(), socket, *id, data.as_ref())?;
        Some(Event::Settled { call, outcome: Ok(data) })
    }

    /// Takes out what the client wants done and told.
    pub(crate) fn drain(&mut self) -> Result<(), String> {
        let mut told = Vec::new();
        for count in 0.. {
            if count == ENDLESS {
                return Err("the client never ends".to_owned());
            }
            if let Some(transmit) = self.client.poll_transmit() {
                self.transmit(transmit)?;
            } else if let Some(event) = self.client.poll_event() {
                told.push(event);
            } else {
                break;
            }
        }
        self.tell(&told)
    }

    fn tell(&mut self, told: &[Event<Value>]) -> Result<(), String> {
        let client = &self.client;
        self.application.take(told, &self.server.truth, |room| {
            let position = client.position(&room.into())?;
            Some(Cursor { epoch: position.epoch.to_string(), offset: position.offset })
        })?;
        if std::mem::take(&mut self.application.tokens_asked) > 0 {
            self.answers_at = Some(self.now + self.random.pick(&[0, 3, 300]));
        }
        Ok(())
    }

    fn transmit(&mut self, transmit: Transmit<Value>) -> Result<(), String> {
        match transmit {
            Transmit::Open { socket, transport, session } => {
                self.note(|| format!("-> open {socket:?} by {transport:?} for {session:?}"));
                let session = self.sockets.open(socket, transport, session.as_deref())?;
                let is_up = self.server.is_up();
                self.network.open(self.now, socket.get(), transport, session, is_up);
            }
            Transmit::Pause { socket } => {
                self.note(|| format!("-> pause {socket:?}"));
                self.sockets.pause(socket)?;
                if self.fault == Some(Fault::RestsTooEarly) {
                    self.sockets.rest(socket);
                    self.client.handle_ready(self.clock(), socket);
                } else {
                    self.network.pause(self.now, socket.get());
                }
            }
            Transmit::Close { socket } => {
                self.note(|| format!("-> close {socket:?}"));
                if self.sockets.close(socket) {
                    self.network.abandon(self.now, socket.get());
                }
            }
            Transmit::Send { socket, message } => {
                let text = self.spoil(message.text);
                self.note(|| format!("-> {socket:?} {text}"));
                self.sockets.send(socket, &text)?;
                self.network.send_up(self.now, socket.get(), text);
            }
        }
        Ok(())
    }

    /// What the faults make of what the client sends.
    fn spoil(&mut self, text: String) -> String {
        match self.fault {
            Some(Fault::RepeatsUnderNewIds) => {
                self.repeats += 1;
                text.replace("00000000-0000-4000", &format!("{:08}-0000-4000", self.repeats))
            }
            Some(Fault::ForgetsItsPlace) if text.starts_with("40{") => {
                let mut auth: Value = serde_json::from_str(&text[2..]).expect("JSON");
                let rooms = auth["resume"].as_array_mut();
                for room in rooms.into_iter().flatten() {
                    let known = self.server.room(room["room"].as_str().expect("a room"));
                    room["epoch"] = json!(known.epoch);
                    room["offset"] = json!(known.offset);
                }
                format!("40{auth}")
            }
            Some(Fault::KeepsDuplicates) if text.starts_with("40{") => {
                let mut auth: Value = serde_json::from_str(&text[2..]).expect("JSON");
                let rooms = auth["resume"].as_array_mut();
                for room in rooms.into_iter().flatten() {
                    let seen = room["offset"].as_u64().expect("an offset");
                    room["offset"] = json!(seen.saturating_sub(3));
                }
                format!("40{auth}")
            }
            _ => text,
        }
    }

    /// Hands a room's event to the application though it was seen.
    fn keep_duplicate(&mut self, text: &str) -> Result<(), String> {
        let Some(Ok(args)) = text.strip_prefix("42").map(serde_json::from_str::<Value>) else {
            return Ok(());
        };
        let seen = samewire_client_core::Payload::event(&args, None);
        let seen = seen.filter(|event| {
            event.place.as_ref().is_some_and(|place| {
                let at = self.client.position(&place.room);
                at.is_some_and(|at| {
                    at.epoch == place.position.epoch && at.offset > place.position.offset
                })
            })
        });
        let told: Vec<_> = seen.map(|event| Event::Arrived { event }).into_iter().collect();
        self.drain()?;
        self.tell(&told)
    }
}
