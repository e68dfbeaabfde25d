//! The handshake: a `CONNECT` that can be granted, or a refusal (wire.md, section 2).

use samewire_protocol::{
    ErrorCode, VERSION,
    connection::{Handshake, speaks},
    limits::MAX_MESSAGE_BYTES,
    payload,
};

use super::dispatch::too_large;
use crate::{
    auth::{AuthMode, Identity},
    engine::Engine,
    error::{Error, Result},
    socketio::{self, Incoming, Packet, PacketKind, Socket},
};

/// Times that a client may ask in vain on one connection; a clock that is off or a token that has
/// just expired takes two.
const MAX_TRIES: usize = 8;

/// Waits for a `CONNECT` that can be granted. Gives nothing when the client goes away.
pub(super) async fn let_in(
    engine: &Engine,
    socket: &Socket,
) -> Option<(Handshake, Option<Identity>)> {
    for _ in 0..MAX_TRIES {
        let incoming = tokio::select! {
            incoming = socket.link().receive() => incoming,
            () = socket.wait_for_end() => return None,
        };
        let Incoming::Text(text) = incoming else { return None };
        let packet = Packet::decode(&text).ok()?;
        let PacketKind::Connect(auth) = packet.kind else { return None };
        let granted = if text.len() > MAX_MESSAGE_BYTES {
            Err(too_large())
        } else if packet.namespace == "/" {
            grant(engine, socket, auth).await
        } else {
            Err(Error::refused(ErrorCode::NotFound, "Invalid namespace"))
        };
        match granted {
            Ok(granted) => return Some(granted),
            Err(error) => {
                let refusal = error.answer();
                tracing::warn!(code = %refusal.code, "refused a connection");
                let frame = socketio::connect_error(packet.namespace, &refusal).ok()?;
                socket.emit(frame).ok()?;
            }
        }
    }
    None
}

/// Reads the handshake and verifies its token.
async fn grant(
    engine: &Engine,
    socket: &Socket,
    auth: &str,
) -> Result<(Handshake, Option<Identity>)> {
    let auth = if auth.is_empty() || auth == "null" { "{}" } else { auth };
    let mut handshake: Handshake = payload::read_text(auth)?;
    if let Some(version) = handshake.protocol.as_deref()
        && !speaks(version)
    {
        let message = format!("this server speaks protocol {VERSION}; reload the page");
        return Err(Error::refused(ErrorCode::UpgradeRequired, message));
    }
    let token = handshake.token.take().or_else(|| socket.request_token());
    let identity = match token {
        Some(token) => {
            let identity = engine.verify(&token).await?;
            engine.reachable().await?;
            Some(identity)
        }
        None if engine.auth_mode() == AuthMode::Handshake => {
            return Err(Error::refused(ErrorCode::Unauthenticated, "a token is needed"));
        }
        None => None,
    };
    Ok((handshake, identity))
}
