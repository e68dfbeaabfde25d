//! Connections accepted, for as long as the server runs, and let go when it stops (operations.md, "Stopping").

use std::{pin::pin, time::Duration};

use axum::{
    body::Body,
    extract::ConnectInfo,
    serve::{Listener, ListenerExt},
};
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::Server;
use crate::socketio::STALL_TIMEOUT;

/// A client whose system takes nothing off the wire for so long is gone, also where engineioxide
/// waits for it.
const TCP_USER_TIMEOUT: Duration = STALL_TIMEOUT;

/// How long clients and requests may take to go when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT, then lets clients and requests go.
///
/// By hyper itself and not by `axum::serve`, which gives a client all the time in the world to say
/// what it wants.
pub(super) async fn until_stopped(
    server: Server,
    listener: TcpListener,
    request_timeout: Duration,
) {
    let mut listener = listener.tap_io(|tcp| {
        let socket = socket2::SockRef::from(&*tcp);
        // Neither is needed for serving, only for serving well.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
    });
    let engine = server.engine.clone();
    let stopping = engine.clone();
    let stop = async move {
        stop_signal().await;
        tracing::info!("stopping");
        stopping.stop();
        // Long polling needs further requests until its clients have gone.
        let gone = async {
            while stopping.connection_count() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let deadline = Instant::now() + STOP_TIMEOUT;
        if timeout_at(deadline, gone).await.is_err() {
            tracing::warn!(left = stopping.connection_count(), "clients did not go in time");
        }
        deadline
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(request_timeout);
    let (connections, ending) = (TaskTracker::new(), CancellationToken::new());
    let mut stop = pin!(stop);
    let deadline = loop {
        let (tcp, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            deadline = &mut stop => break deadline,
        };
        let service = server.router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(Body::new)
        });
        let service = TowerToHyperService::new(service);
        let connection = http.serve_connection(TokioIo::new(tcp), service).with_upgrades();
        let ending = ending.clone();
        connections.spawn(async move {
            // That one fails concerns its client alone.
            let mut connection = pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = ending.cancelled_owned() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    };
    drop(listener);
    ending.cancel();
    connections.close();
    if timeout_at(deadline, connections.wait()).await.is_err() {
        tracing::warn!("requests did not end in time");
    }
    if timeout_at(deadline, server.tasks.wait()).await.is_err() {
        tracing::warn!("tasks did not end in time");
    }
}

/// SIGTERM or SIGINT.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = async {
        // Without a handler the signal ends the process, which is what it asks for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            () = interrupt => {}
            _ = terminate.recv() => {}
        },
        Err(_) => interrupt.await,
    }
}
