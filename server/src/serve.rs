//! A server put together from its settings, and its orderly end (operations.md, "Stopping").

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use aide::openapi::OpenApi;
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    serve::{Listener, ListenerExt},
};
use engineioxide::{config::EngineIoConfig, layer::EngineIoLayer};
use hyper::{Request as HyperRequest, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use samewire_protocol::{ErrorCode, limits::MAX_MESSAGE_BYTES};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{Predicate, SizeAbove},
    },
    cors::{AllowOrigin, CorsLayer},
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
        client_address::{TrustedProxies, is_for_sockets, is_of_session, throttle},
        method_not_allowed, openapi, operation, panicked, to_its_end,
    },
    metrics,
    registry::{Domain, Registry},
    socketio::{
        LinkHandler, PollingSessions, STALL_TIMEOUT, Settings, WebSockets, accept_websocket,
        notice_repeats,
    },
    store::{Store, StoreError},
};

/// Messages that may wait in a connection's buffer. Past it the client is caught up from the logs.
const SEND_BUFFER: usize = 512;

/// Answers of fewer bytes are not compressed.
const COMPRESSED_FROM_BYTES: u64 = 1024;

/// A message up to so many times the limit is read and refused; a larger one ends the connection.
const READ_FACTOR: usize = 4;

/// A client whose system takes nothing off the wire for so long is gone, also where engineioxide
/// waits for it.
const TCP_USER_TIMEOUT: Duration = STALL_TIMEOUT;

/// How long clients and requests may take to go when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

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
    serve(server, listener, config.request_timeout).await;
    if let Some(redis) = engine.redis() {
        redis.servers.leave().await;
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Serves until SIGTERM or SIGINT, then lets clients and requests go.
///
/// By hyper itself and not by `axum::serve`, which gives a client all the time in the world to say
/// what it wants.
async fn serve(server: Server, listener: TcpListener, request_timeout: Duration) {
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
        let service =
            server.router.clone().map_request(move |mut request: HyperRequest<Incoming>| {
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

fn cors(origins: &[String]) -> CorsLayer {
    let any = origins.iter().any(|origin| origin == "*");
    let listed: Vec<_> =
        origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(if any { AllowOrigin::mirror_request() } else { AllowOrigin::list(listed) })
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::HeaderName::from_static("x-ingest-key"),
            header::HeaderName::from_static("x-api-key"),
        ])
}

/// Browsers send no CORS preflight before a websocket: its origin is checked here.
async fn check_origin(
    State(origins): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    if is_for_sockets(&request) && !may_connect(request.headers(), &origins) {
        let message = "this origin may not connect; see CORS_ORIGIN";
        return Error::refused(ErrorCode::AccessDenied, message).into_response();
    }
    next.run(request).await
}

/// Whether a handshake comes from a listed origin, from our own, or from no browser.
fn may_connect(headers: &HeaderMap, origins: &[String]) -> bool {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = header(header::ORIGIN) else { return true };
    let own = origin.split_once("://").map(|(_, authority)| authority);
    own == header(header::HOST) || origins.iter().any(|listed| listed == "*" || listed == origin)
}
