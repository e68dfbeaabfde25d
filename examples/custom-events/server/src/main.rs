//! A café's server: an axum application that mounts Samewire's, with events of its own.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use cafe_protocol::{CAFE, Order, Ordered};
use samewire_protocol::{ErrorCode, RoomAddress, Timestamp};
use samewire_server::{Config, Context, Error, Identity, Registry, Server, auth::Issuer, logging};
use serde::Deserialize;
use tokio::net::TcpListener;

/// What the café does with its events.
fn orders(registry: &mut Registry) {
    // Whoever is signed in may sit down.
    registry.room(CAFE, async |_: Identity, _: String| Ok(()));
    registry.on(async |context: Context, Order { cafe, drink, cups }: Order| {
        let room = RoomAddress::new(CAFE, cafe);
        if !context.connection.is_in(&room) {
            return Err(Error::refused(ErrorCode::NotFound, "sit down in that café first"));
        }
        let ordered = Ordered { guest: context.identity.user_id, drink, cups };
        context.engine.publish(&room, &ordered).await?;
        Ok(ordered)
    });
}

#[tokio::main]
async fn main() -> Result<()> {
    let config = Config::from_env();
    logging::init();
    let secret = config.jwt_secret.as_ref().context("JWT_SECRET must be set")?;
    let issuer = Arc::new(Issuer::from_secret(secret.as_bytes()));
    let server = Server::with(Registry::default().with(orders), &config)?;
    let app = Router::new()
        .route("/token", get(token))
        .with_state(issuer)
        .fallback_service(server.router);
    let listener = TcpListener::bind((config.host, config.port)).await?;
    println!("The café is at http://{}", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

/// Who wants a token.
#[derive(Deserialize)]
struct Guest {
    user: String,
}

/// Stands for your own sign-in: whoever asks gets a token for an hour.
async fn token(
    State(issuer): State<Arc<Issuer>>,
    Query(Guest { user }): Query<Guest>,
) -> Result<String, StatusCode> {
    let expires = SystemTime::now() + Duration::from_secs(3600);
    let since_1970 = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let unix_ms = since_1970.as_secs() * 1000;
    let expires_at = Timestamp::from_unix_ms(unix_ms);
    let guest = Identity { user_id: user.into(), email: None, name: None, expires_at };
    issuer.issue(guest).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
