//! An axum application with routes of its own that mounts Samewire's server beside them: with a
//! kind of rooms and an event of its own, and an access check of its own for the rooms that anybody
//! could join otherwise.

pub mod auction;

use std::sync::Arc;

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use samewire_protocol::{ErrorCode, id::UserId, room::ROOM};
use samewire_server::{
    Config, Engine, Error, Registry, Server,
    http::back_end::{self, ApiKey},
};

use auction::{Auctions, Lot, LotSold, room};

/// What the application's own routes need.
#[derive(Debug, Clone)]
struct App {
    auctions: Auctions,
    engine: Arc<Engine>,
}

/// The whole application.
///
/// # Errors
/// When there is no usable key to verify tokens with.
pub fn app(config: &Config) -> Result<Router> {
    let auctions = Auctions::default();
    let mut registry = Registry::default().with(auctions.clone());
    // Whatever one likes of what the server brings: here the calls of back ends.
    registry.routes(back_end::routes(ApiKey::new(config.publish_key.as_deref())));
    registry.room(ROOM, async |_, name| match name.as_str() {
        "hall" => Ok(()),
        _ => Err(Error::refused(ErrorCode::AccessDenied, "there is but the hall")),
    });
    let server = Server::with(registry, config)?;

    let app = App { auctions, engine: server.engine.clone() };
    Ok(Router::new()
        .route("/", get(async || "The auction house"))
        .route("/lots/{lot}", post(open))
        .route("/lots/{lot}/hammer", post(hammer))
        .with_state(app)
        .fallback_service(server.router))
}

/// Puts a lot under the hammer, for those who are invited.
async fn open(State(app): State<App>, Path(lot): Path<String>, Json(invited): Json<Vec<UserId>>) {
    app.auctions.0.lock().await.insert(lot, Lot { invited, highest: None });
}

/// Sells a lot, and tells everybody who bid for it: any code of the process can publish.
async fn hammer(
    State(app): State<App>,
    Path(lot): Path<String>,
) -> Result<Json<LotSold>, StatusCode> {
    let sold = app.auctions.0.lock().await.remove(&lot).ok_or(StatusCode::NOT_FOUND)?;
    let sold = match sold.highest {
        Some(highest) => LotSold { bidder: Some(highest.bidder), cents: highest.cents },
        None => LotSold { bidder: None, cents: 0 },
    };
    let told = app.engine.publish(&room(&lot), &sold).await;
    told.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(sold))
}
