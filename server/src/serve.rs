//! A server put together from its settings, and served.
//!
//! - `accepting`: its connections, and its orderly end.

mod accepting;

use std::{io, net::SocketAddr, sync::Arc};

use aide::openapi::OpenApi;
use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use engineioxide::{config::EngineIoConfig, layer::EngineIoLayer};
use samewire_protocol::{ErrorCode, limits::MAX_MESSAGE_BYTES};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{Predicate, SizeAbove},
    },
    timeout::RequestBodyTimeoutLayer,
};

use crate::{
    auth::Verifier,
    backplane::redis::{Connection, Redis},
    config::{Config, ConfigError},
    demo,
    domains::{Domains, DomainsError},
    engine::Engine,
    error::Error,
    http::{
        back_end::{self, ApiKey},
        client_address::{TrustedProxies, throttle},
        method_not_allowed, openapi, operation,
        origins::{check_origin, cors},
        panicked, to_its_end,
    },
    metrics,
    registry::{Domain, Registry},
    socketio::{
        LinkHandler, PollingSessions, Settings, WebSockets, accept_websocket, is_for_sockets,
        is_of_session, notice_repeats,
    },
    store::{Store, StoreError},
};

/// Messages that may wait in a connection's buffer. Past it the client is caught up from the logs.
const SEND_BUFFER: usize = 512;

/// Answers of fewer bytes are not compressed.
const COMPRESSED_FROM_BYTES: u64 = 1024;

/// A message up to so many times the limit is read and refused; a larger one ends the connection.
const READ_FACTOR: usize = 4;

/// A server that can't run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings don't go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What a domain needs can't be had.
    #[error(transparent)]
    Domains(#[from] DomainsError),
    /// The address can't be listened on.
    #[error("HOST and PORT must name an address that is free: {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The demo can't be set up.
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    /// Serving failed.
    #[error("serving failed: {0}")]
    Io(#[from] io::Error),
}

/// A server that is put together but not yet listening: its routes, to be served or mounted in
/// another application's router, and its engine.
#[derive(Debug)]
pub struct Server {
    /// The engine.
    pub engine: Arc<Engine>,
    /// What domains have running beside the connections.
    tasks: TaskTracker,
    /// The routes, with the socket server. To be served with the addresses that requests come from
    /// (`into_make_service_with_connect_info::<SocketAddr>()`): without these, how many connections
    /// an address may open is not limited.
    pub router: Router,
}

impl Server {
    /// Puts a server together from what an application registered and the settings, to be mounted.
    ///
    /// # Errors
    /// When there is no usable key to verify tokens with, or Redis' address can't be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn with(registry: Registry, config: &Config) -> Result<Self, ConfigError> {
        Self::new(config.verifier()?, registry, config)
    }

    /// As [`Server::with`], with what verifies tokens. Its upkeep and the domains' tasks are spawned
    /// on the runtime that this is called on.
    ///
    /// # Errors
    /// When Redis' address can't be used.
    pub fn new(
        verifier: Verifier,
        mut registry: Registry,
        config: &Config,
    ) -> Result<Self, ConfigError> {
        metrics::install();
        let (routes, domain_tasks) = (registry.take_routes(), registry.take_tasks());
        let limits = config.limits();
        let redis = config.redis_url.as_ref().map(|url| Redis::open(url, &limits)).transpose()?;
        let engine = Engine::new(verifier, config.auth_mode, limits, redis, registry);
        let engine = Arc::new(engine);
        tokio::spawn(engine.clone().upkeep());
        let tasks = TaskTracker::new();
        for task in domain_tasks {
            tasks.spawn(task(engine.clone()));
        }
        tasks.close();
        let origins: Arc<[String]> = config.cors_origin.clone().into();
        let proxies = TrustedProxies::new(config.trusted_proxies.clone(), config.forwarded_header);
        let proxies = Arc::new(proxies);
        let polling = Arc::new(PollingSessions::default());
        let mut api = openapi::document();
        let routes = routes.finish_api(&mut api);
        openapi::name_path_parts(&mut api);
        // Below the layers: a fallback that is set above them would take the sockets' path too.
        let routes = match config.app_dir.as_ref().filter(|_| config.demo) {
            Some(app) => routes.fallback_service(tower_http::services::ServeDir::new(app)),
            None => {
                routes.fallback(async || Error::refused(ErrorCode::NotFound, "no such address"))
            }
        };
        let api = routes
            .route("/api/openapi.json", axum::routing::get(describe))
            .method_not_allowed_fallback(method_not_allowed)
            .layer(Extension(Arc::new(api)))
            .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
            .layer(middleware::from_fn(to_its_end))
            .with_state(engine.clone())
            .layer(sockets(&engine, &polling, config))
            .layer(middleware::from_fn_with_state(polling, notice_repeats))
            .layer(compression())
            .layer(RequestBodyTimeoutLayer::new(config.request_timeout));
        // Around the whole and not around each route, which would be copied for each request: what
        // a websocket passes on its way in.
        let router = Router::new()
            .fallback_service(api)
            .layer(middleware::from_fn_with_state(websockets(&engine, config), accept_websocket))
            .layer(middleware::from_fn_with_state((engine.clone(), proxies), throttle))
            .layer(middleware::from_fn_with_state(origins.clone(), check_origin))
            .layer(middleware::from_fn_with_state(engine.clone(), refuse_when_stopping))
            .layer(CatchPanicLayer::custom(panicked))
            // Outermost, so that a page can read every refusal.
            .layer(cors(&origins));
        Ok(Self { engine, tasks, router })
    }
}

/// Opens the store, puts the server together, and serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the settings, the database or the address can't be used.
pub async fn run(config: Config) -> Result<(), ServeError> {
    run_with(config, |_: &mut Registry| {}).await
}

/// As [`run`], with one more domain.
///
/// # Errors
/// When the settings, the database or the address can't be used.
pub async fn run_with(mut config: Config, domain: impl Domain) -> Result<(), ServeError> {
    let demo = if config.demo { Some(demo::Demo::new(&config)?) } else { None };
    let (verifier, url) = match &demo {
        Some(demo) => (demo.verifier()?, demo.database_url().to_owned()),
        None => (config.verifier()?, config.database_url.clone()),
    };
    if let Some(media_dir) = demo.as_ref().and_then(demo::Demo::media_dir) {
        config.stories.media_dir = media_dir;
    }
    if let Some(address) = &config.redis_url {
        Connection::check(address).await.map_err(ConfigError::Redis)?;
    }
    let store = Store::open(&url).await?;
    let domains = Domains::new(&store, &config)?;
    let mut registry = Registry::default().with(domains.clone()).with(domain);
    registry.routes(operation::routes(store.clone()));
    registry.routes(back_end::routes(ApiKey::new(config.publish_key.as_deref())));
    if let Some(demo) = &demo {
        demo.fill(&domains).await?;
        registry.routes(demo.routes());
        registry.task(|engine| demo::play(engine, domains));
    }
    let server = Server::new(verifier, registry, &config)?;
    if let Some(redis) = server.engine.redis() {
        // Who is served before is served without it.
        let _ = redis.connection.reachable().await;
    }

    let address = SocketAddr::new(config.host, config.port);
    let listener =
        TcpListener::bind(address).await.map_err(|error| ServeError::Listen { address, error })?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    // Told on standard output too: whoever asked for port 0 reads it there.
    println!("samewire-server is listening on http://{address}");
    if demo.is_some() {
        println!("This is a DEMO: everybody gets a token for any user. Not for real data.");
    }

    let engine = server.engine.clone();
    accepting::until_stopped(server, listener, config.request_timeout).await;
    if let Some(redis) = engine.redis() {
        redis.servers.leave().await;
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Compresses what is large for those who take it so, of long polling and of calls; but no files, of
/// which a part may be asked for.
fn compression() -> CompressionLayer<impl Predicate> {
    let is_no_file = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
        !headers.contains_key(header::ACCEPT_RANGES)
    };
    CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_FROM_BYTES).and(is_no_file))
}

/// A server that stops takes nothing new, and still lets long polling come to its end.
async fn refuse_when_stopping(
    State(engine): State<Arc<Engine>>,
    request: Request,
    next: Next,
) -> Response {
    let polls = is_for_sockets(&request) && is_of_session(&request);
    if engine.is_stopping() && !polls {
        return Error::refused(ErrorCode::Unavailable, "the server is stopping").into_response();
    }
    next.run(request).await
}

/// Sockets that are websockets from the start.
fn websockets(engine: &Arc<Engine>, config: &Config) -> Arc<WebSockets> {
    let settings = Settings {
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        max_waiting: SEND_BUFFER,
        max_message_bytes: MAX_MESSAGE_BYTES * READ_FACTOR,
        queue_bytes: engine.limits().queue_bytes,
    };
    Arc::new(WebSockets { engine: engine.clone(), settings })
}

/// Sockets that begin by long polling.
fn sockets(
    engine: &Arc<Engine>,
    sessions: &Arc<PollingSessions>,
    config: &Config,
) -> EngineIoLayer<LinkHandler> {
    let settings = EngineIoConfig::builder()
        .req_path("/socket.io")
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .max_buffer_size(SEND_BUFFER)
        .max_payload((MAX_MESSAGE_BYTES * READ_FACTOR) as u64)
        .ws_max_message_size(MAX_MESSAGE_BYTES * READ_FACTOR)
        .ws_max_frame_size(MAX_MESSAGE_BYTES * READ_FACTOR)
        .build();
    let handler = LinkHandler::new(engine.clone(), sessions.clone());
    EngineIoLayer::from_config(Arc::new(handler), settings)
}

async fn describe(Extension(api): Extension<Arc<OpenApi>>) -> Json<OpenApi> {
    Json(OpenApi::clone(&api))
}
