//! A bare socketioxide server: no sign-in, no log, no metrics. With the allocator that ours has.

use anyhow::Result;
use axum::{Router, serve::ListenerExt};
use mimalloc::MiMalloc;
use serde::{Deserialize, Serialize};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Deserialize)]
struct Join {
    room: String,
}

#[derive(Deserialize)]
struct Say {
    room: String,
    data: String,
}

#[derive(Serialize, Deserialize)]
struct Said {
    data: String,
}

#[derive(Serialize)]
struct Done<T> {
    ok: bool,
    data: T,
}

#[tokio::main]
async fn main() -> Result<()> {
    // As much as ours may wait in a connection's buffer: nothing is to be dropped.
    let (layer, io) = SocketIo::builder().max_buffer_size(512).build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on(
            "room:join",
            async |socket: SocketRef, Data(join): Data<Join>, ack: AckSender| {
                socket.join(join.room);
                let _ = ack.send(&Done { ok: true, data: () });
            },
        );
        socket.on("say", async |io: SocketIo, Data(say): Data<Say>| {
            let _ = io.to(say.room).emit("said", &Said { data: say.data }).await;
        });
        socket.on("echo", async |Data(echo): Data<Said>, ack: AckSender| {
            let _ = ack.send(&Done { ok: true, data: echo });
        });
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|tcp| {
        let _ = tcp.set_nodelay(true);
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}
