//! From a message to its handler, and the answer (wire.md, sections 1 and 5).

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use samewire_protocol::{
    Ack, Direction, ErrorBody, ErrorCode, Event,
    connection::{AuthRequest, Authenticate, EmitMeta, ErrorEvent, Ping, Pong},
    event,
    limits::{MAX_ATTACHMENTS, MAX_MESSAGE_BYTES},
    payload,
};
use serde::Serialize;
use serde_json::{Value, value::to_raw_value};

use super::{Incomplete, Next, Session};
use crate::{
    answer::Answer,
    attachments::{Attached, Attachments},
    backplane::once,
    clock,
    error::{self, Error, Result},
    metrics,
    registry::Context,
    socketio::{self, Incoming, Packet, PacketKind},
};

impl Session {
    /// Takes the next message of the client.
    pub(super) async fn receive(&mut self, incoming: Incoming) -> Result<Next> {
        let text = match &incoming {
            Incoming::Text(text) | Incoming::Refused(text) => text,
            Incoming::Binary(data) => return self.receive_binary(data).await,
        };
        // What an event announced and didn't bring is not to be taken for another's.
        self.incomplete = None;
        let Ok(packet) = Packet::decode(text) else { return Ok(Next::Disconnect) };
        if packet.namespace != "/" {
            if let PacketKind::Connect(_) = packet.kind {
                let refusal = ErrorBody::new(ErrorCode::NotFound, "Invalid namespace");
                let frame = socketio::connect_error(packet.namespace, &refusal)?;
                self.connection.send_frame(&frame).await;
            }
            return Ok(Next::Continue);
        }
        match packet.kind {
            // A second CONNECT changes nothing.
            PacketKind::Connect(_) => Ok(Next::Continue),
            PacketKind::Ack(_) if matches!(incoming, Incoming::Refused(_)) => Ok(Next::Continue),
            PacketKind::Ack(number) => {
                self.acknowledged(number).await;
                Ok(Next::Continue)
            }
            PacketKind::Disconnect => Ok(Next::Disconnect),
            PacketKind::Event { ack, .. } if matches!(incoming, Incoming::Refused(_)) => {
                let error = Error::RateLimited { retry_after: Duration::from_secs(1) };
                self.refuse(None, ack, error).await
            }
            // One with binary parts is refused once they have come: they belong to it.
            PacketKind::Event { ack, attachments: 0, .. } if text.len() > MAX_MESSAGE_BYTES => {
                self.refuse(None, ack, too_large()).await
            }
            PacketKind::Event { attachments, .. } if attachments > MAX_ATTACHMENTS => {
                Ok(Next::Disconnect)
            }
            PacketKind::Event { arguments, ack, attachments: 0 } => {
                self.dispatch(arguments, ack, Attachments::default()).await
            }
            PacketKind::Event { arguments, ack, attachments } => {
                self.incomplete = Some(Incomplete {
                    arguments: arguments.to_owned(),
                    ack,
                    missing: attachments,
                    attachments: Vec::new(),
                    bytes: text.len(),
                });
                Ok(Next::Continue)
            }
        }
    }

    async fn receive_binary(&mut self, data: &Bytes) -> Result<Next> {
        let Some(mut incomplete) = self.incomplete.take() else { return Ok(Next::Disconnect) };
        incomplete.missing -= 1;
        incomplete.bytes += data.len();
        let fits = incomplete.bytes <= MAX_MESSAGE_BYTES;
        if fits {
            incomplete.attachments.push(data.clone());
        } else {
            incomplete.attachments = Vec::new();
        }
        if incomplete.missing > 0 {
            self.incomplete = Some(incomplete);
            return Ok(Next::Continue);
        }
        let Incomplete { arguments, ack, attachments, .. } = incomplete;
        if fits {
            self.dispatch(&arguments, ack, attachments.into_iter().collect()).await
        } else {
            self.refuse(None, ack, too_large()).await
        }
    }

    /// Handles an event and answers it.
    async fn dispatch(
        &mut self,
        arguments: &str,
        ack: Option<u64>,
        attachments: Attachments,
    ) -> Result<Next> {
        self.connection.active();
        let mut arguments = match serde_json::from_str::<Vec<Value>>(arguments) {
            Ok(arguments) => arguments.into_iter(),
            Err(_) => {
                return self.refuse(None, ack, Error::field("payload", "expected JSON")).await;
            }
        };
        let Some(Value::String(name)) = arguments.next() else {
            let error = Error::field("event", "expected a string");
            return self.refuse(None, ack, error).await;
        };
        let payload = match arguments.next() {
            None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
            Some(payload) => payload,
        };
        metrics::received(known_name(&name));
        match name.as_str() {
            Ping::NAME => self.ping(ack).await,
            // On the heap for its moment, as in `session`.
            Authenticate::NAME => Box::pin(self.on_sign_in::<Authenticate>(payload, ack)).await,
            AuthRequest::NAME => Box::pin(self.on_sign_in::<AuthRequest>(payload, ack)).await,
            _ => match self.serve(&name, payload, attachments, arguments.next()).await {
                Ok(answer) => self.answer(ack, &answer).await,
                Err(error) => self.refuse(Some(name), ack, error).await,
            },
        }
    }

    /// Runs an event's handler; once, however often an emit of one id is repeated.
    async fn serve(
        &self,
        name: &str,
        payload: Value,
        attachments: Attachments,
        meta: Option<Value>,
    ) -> Result<Arc<Answer>> {
        let context = Context { attachments, ..self.context()? };
        let user = context.identity.user_id.clone();
        // A client that comes back to its rooms is not punished for it.
        let counted = payload.get("since").is_none_or(Value::is_null);
        let Some(meta) = meta.filter(|meta| !meta.is_null()) else {
            if counted {
                self.engine.count(&user).await?;
            }
            return self.handle(name, payload, context).await;
        };
        let EmitMeta { id } = payload::read(meta)?;
        if uuid::Uuid::try_parse(&id).is_err() {
            return Err(Error::field("id", "expected a UUID"));
        }
        let handled = self.handle(name, payload, context);
        let act = async { once::of_emit(&user, &id, handled).await.map_err(Arc::new) };
        let answer = Box::pin(self.engine.once(&user, &id, counted, act)).await;
        answer.map_err(Error::Again)
    }

    async fn handle(&self, name: &str, payload: Value, context: Context) -> Result<Arc<Answer>> {
        let Some(registered) = self.engine.registry().handler(name) else {
            return Err(Error::refused(ErrorCode::UnknownEvent, "no such event"));
        };
        let payload = match (registered.bare, payload) {
            (Some(field), bare @ Value::String(_)) => {
                Value::Object([(field.to_owned(), bare)].into_iter().collect())
            }
            (_, payload) => payload,
        };
        (registered.handler)(context, payload).await.map(Arc::new)
    }

    /// The client acknowledges an event of its user. Nobody waits for an answer.
    async fn acknowledged(&self, number: Option<u64>) {
        let (Some(number), Ok(context)) = (number, self.context()) else { return };
        self.connection.active();
        if let Err(error) = Box::pin(self.engine.acknowledged(context, number)).await {
            error.answer();
        }
    }

    async fn ping(&self, ack: Option<u64>) -> Result<Next> {
        let pong = Pong { timestamp: clock::timestamp() };
        self.connection.send(&pong).await?;
        self.answer(ack, &to_raw_value(&pong)?.into()).await
    }

    pub(super) async fn answer(&self, ack: Option<u64>, answer: &Answer) -> Result<Next> {
        if let Some(id) = ack {
            let Attached { answer, attachments } = answer;
            let frame = socketio::ack(id, &Ack::Done(answer), attachments.clone())?;
            self.connection.send_frame(&frame).await;
        }
        Ok(Next::Continue)
    }

    pub(super) async fn acknowledge<T: Serialize>(&self, id: u64, answer: &Ack<T>) -> Result<()> {
        let frame = socketio::ack(id, answer, Attachments::default())?;
        self.connection.send_frame(&frame).await;
        Ok(())
    }

    /// Refuses an event: in its acknowledgement, or by `error`.
    pub(super) async fn refuse(
        &self,
        event: Option<String>,
        ack: Option<u64>,
        error: Error,
    ) -> Result<Next> {
        let refusal = error.answer();
        let name = event.as_deref().map_or("unknown", known_name);
        let connection = &self.connection.id;
        if error::is_of_a_flood(refusal.code) {
            tracing::debug!(%connection, event = name, code = %refusal.code, "refused");
        } else {
            tracing::warn!(%connection, event = name, code = %refusal.code, "refused");
        }
        if let Some(id) = ack {
            self.acknowledge(id, &Ack::<()>::Refused(refusal)).await?;
        } else {
            let told = ErrorEvent::new(refusal, event, None, clock::timestamp());
            self.connection.send(&told).await?;
        }
        Ok(Next::Continue)
    }
}

/// A message is larger than it may be.
pub(super) fn too_large() -> Error {
    let message = format!("a message may have {MAX_MESSAGE_BYTES} bytes");
    Error::refused(ErrorCode::PayloadTooLarge, message)
}

/// The declared name of an event, or `unknown`: what a client makes up is neither logged nor counted
/// under its name.
fn known_name(name: &str) -> &'static str {
    event::find(Direction::Client, name).map_or("unknown", |event| event.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_event_has_no_name() {
        assert_eq!(known_name("join-project"), "join-project");
        assert_eq!(known_name("session-started"), "unknown", "not a client's event");
        assert_eq!(known_name("<script>"), "unknown");
    }
}
