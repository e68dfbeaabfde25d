//! Health, statistics, metrics and the descriptions of the API (http.md, "Operation").

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aide::axum::{
    ApiRouter,
    routing::{get, get_with},
};
use axum::{Json, extract::State, http::StatusCode};
use samewire_protocol::{CATALOGUE, Timestamp, asyncapi};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{clock, engine::Engine, http::Caller, metrics, store::Store};

/// How long the database may take to answer before it counts as out.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// `ok` or `unavailable`.
    status: &'static str,
    timestamp: Timestamp,
    services: Services,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Services {
    /// `connected` or `disconnected`.
    database: &'static str,
    /// `healthy`, `unhealthy`, or `disabled`: one server, in memory.
    redis: &'static str,
    websocket: SocketHealth,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SocketHealth {
    /// `active`.
    status: &'static str,
    connections: usize,
    authenticated_users: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SocketStats {
    total_connections: usize,
    authenticated_users: usize,
    average_connections_per_user: f64,
    project_count: usize,
    user_count: usize,
    project_connections: Vec<ProjectConnections>,
    rate_limit_stats: RateLimitStats,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectConnections {
    project_id: String,
    connection_count: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RateLimitStats {
    /// Users who sent something within the window; of several servers, what each of them counts, together.
    active_users: usize,
    /// Milliseconds.
    rate_limit_window: u64,
    max_events_per_window: u32,
}

async fn socket_health(engine: &Engine) -> SocketHealth {
    let stats = engine.stats_of_all().await;
    SocketHealth {
        status: "active",
        connections: stats.total_connections,
        authenticated_users: stats.authenticated_users,
    }
}

async fn health(engine: Arc<Engine>, store: Store) -> (StatusCode, Json<Health>) {
    let connected = ask(&store).await;
    let redis = engine.redis().map(|redis| redis.connection.is_up());
    let (code, status) = if connected && redis != Some(false) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    let services = Services {
        database: if connected { "connected" } else { "disconnected" },
        redis: match redis {
            None => "disabled",
            Some(true) => "healthy",
            Some(false) => "unhealthy",
        },
        websocket: socket_health(&engine).await,
    };
    (code, Json(Health { status, timestamp: clock::timestamp(), services }))
}

/// Whether the database answers in time; how long it takes is measured.
async fn ask(store: &Store) -> bool {
    let began = Instant::now();
    let answer = tokio::time::timeout(DATABASE_TIMEOUT, store.ping()).await;
    metrics::store_answered(began.elapsed());
    answer.is_ok_and(|answer| answer.is_ok())
}

async fn stats(State(engine): State<Arc<Engine>>, _: Caller) -> Json<SocketStats> {
    let stats = engine.stats_of_all().await;
    let limits = engine.limits();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let average = if stats.authenticated_users == 0 {
        0.0
    } else {
        stats.user_connections as f64 / stats.authenticated_users as f64
    };
    Json(SocketStats {
        total_connections: stats.total_connections,
        authenticated_users: stats.authenticated_users,
        average_connections_per_user: average,
        project_count: stats.projects.len(),
        user_count: stats.authenticated_users,
        project_connections: stats
            .projects
            .into_iter()
            .map(|(project_id, connection_count)| ProjectConnections {
                project_id,
                connection_count,
            })
            .collect(),
        rate_limit_stats: RateLimitStats {
            active_users: stats.active_users,
            rate_limit_window: clock::whole_ms(limits.rate_window),
            max_events_per_window: limits.rate_max.get(),
        },
    })
}

/// The routes of operation.
pub fn routes(store: Store) -> ApiRouter<Arc<Engine>> {
    let asked = store.clone();
    ApiRouter::new()
        .api_route(
            "/health",
            get_with(
                async |State(engine): State<Arc<Engine>>| health(engine, store).await,
                |route| route.response::<200, Json<Health>>().response::<503, Json<Health>>(),
            ),
        )
        .api_route(
            "/api/websocket/health",
            get(async |State(engine): State<Arc<Engine>>| Json(socket_health(&engine).await)),
        )
        .api_route("/api/websocket/stats", get(stats))
        .route(
            "/metrics",
            axum::routing::get(async move || {
                ask(&asked).await;
                metrics::render()
            }),
        )
        .route(
            "/api/asyncapi.json",
            axum::routing::get(async || Json::<Value>(asyncapi::document(CATALOGUE))),
        )
}
