//! A connection's Engine.IO socket, of either make.

use std::{sync::Arc, time::Duration};

use engineioxide::{DisconnectReason, TransportType};
use tokio::sync::mpsc::error::TrySendError;

use super::{Frame, Link, handshake::token_of_request, websocket::WebSocket};
use crate::connection::SendError;

/// engineioxide's socket: a connection that began by long polling.
pub(super) type EngineIo = engineioxide::Socket<Link>;

/// How often it is looked whether a full buffer of engineioxide has space again; it has no way to
/// wait for it.
const FULL_BUFFER_POLL: Duration = Duration::from_millis(5);

/// An Engine.IO socket.
#[derive(Debug, Clone)]
pub(crate) enum Socket {
    /// Began by long polling; may be a websocket by now.
    EngineIo(Arc<EngineIo>),
    /// A websocket from the start.
    WebSocket(Arc<WebSocket>),
}

impl Socket {
    /// What has come over it and isn't handled yet.
    pub(crate) fn link(&self) -> &Link {
        match self {
            Self::EngineIo(socket) => &socket.data,
            Self::WebSocket(socket) => &socket.link,
        }
    }

    /// The token in the request that opened it.
    pub(crate) fn request_token(&self) -> Option<String> {
        match self {
            Self::EngineIo(socket) => {
                let request = &socket.req_parts;
                token_of_request(&request.headers, &request.uri)
            }
            Self::WebSocket(socket) => socket.token.clone(),
        }
    }

    /// Sends a packet if there is space for it.
    pub(crate) fn emit(&self, frame: Frame) -> Result<(), SendError> {
        match self {
            Self::EngineIo(socket) => {
                let permit = socket.reserve().map_err(|error| match error {
                    TrySendError::Full(()) => SendError::Full,
                    TrySendError::Closed(()) => SendError::Closed,
                })?;
                let attachments = frame.attachments().as_slice().iter().cloned();
                permit.emit_many(frame.text().clone(), attachments.collect());
                Ok(())
            }
            Self::WebSocket(socket) => socket.emit(frame),
        }
    }

    /// Waits until there may be space again; for the session's task alone.
    pub(crate) async fn wait_for_space(&self) {
        match self {
            Self::EngineIo(_) => tokio::time::sleep(FULL_BUFFER_POLL).await,
            Self::WebSocket(socket) => socket.wait_for_space().await,
        }
    }

    /// Ends the transport.
    pub(crate) fn close(&self) {
        match self {
            Self::EngineIo(socket) => socket.close(DisconnectReason::TransportClose),
            Self::WebSocket(socket) => socket.close(),
        }
    }

    /// Waits until the transport has ended.
    pub(crate) async fn wait_for_end(&self) {
        match self {
            Self::EngineIo(socket) => socket.closed().await,
            Self::WebSocket(socket) => socket.wait_for_end().await,
        }
    }

    /// Whether closing it now would cut off what is still buffered.
    pub(crate) fn is_polling(&self) -> bool {
        match self {
            Self::EngineIo(socket) => socket.transport_type() == TransportType::Polling,
            Self::WebSocket(_) => false,
        }
    }
}
