//! The auction house, served: `JWT_SECRET=… cargo run --package mounted`.

use std::net::SocketAddr;

use anyhow::Result;
use samewire_server::{Config, logging};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let config = Config::from_env();
    logging::init();
    let app = mounted::app(&config)?;
    let listener = TcpListener::bind((config.host, config.port)).await?;
    println!("The auction house is at http://{}", listener.local_addr()?);
    // With the addresses of those who ask: how many connections each may open is limited by them.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
