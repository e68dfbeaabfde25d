//! What domains bring: handlers of events, kinds of rooms with their access checks, HTTP routes,
//! tasks.

use std::{collections::HashMap, fmt, pin::Pin, sync::Arc};

use aide::axum::ApiRouter;
use samewire_protocol::{ClientEvent, Event, RoomKind, ServerEvent, payload, room};
use serde_json::Value;

use crate::{
    answer::Answer,
    attachments::{Attached, Attachments},
    auth::Identity,
    connection::Connection,
    engine::Engine,
    error::{Error, Result},
};

/// A part of the application that the engine knows nothing of. It brings its events, its kinds of
/// rooms, its routes and its tasks; taking it out is not registering it.
pub trait Domain {
    /// Registers all that the domain brings.
    fn register(self, registry: &mut Registry);
}

impl<F: FnOnce(&mut Registry)> Domain for F {
    fn register(self, registry: &mut Registry) {
        self(registry);
    }
}

/// Who sent an event, and where.
#[derive(Debug, Clone)]
pub struct Context {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The connection that sent it.
    pub connection: Arc<Connection>,
    /// Who is signed in on it.
    pub identity: Identity,
    /// The binary values that came with the event: what the placeholders in it stand for.
    pub attachments: Attachments,
}

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Handler = Box<dyn Fn(Context, Value) -> BoxFuture<Result<Answer>> + Send + Sync>;
type AckHandler = Box<dyn Fn(Context, Value) -> BoxFuture<Result<()>> + Send + Sync>;
type Task = Box<dyn FnOnce(Arc<Engine>) -> BoxFuture<()> + Send + Sync>;
type AccessCheck = Box<dyn Fn(Identity, String) -> BoxFuture<Result<()>> + Send + Sync>;

/// An event's handler.
pub(crate) struct Registered {
    /// The field that a bare string stands for.
    pub(crate) bare: Option<&'static str>,
    /// Reads the payload, handles it, and writes the answer.
    pub(crate) handler: Handler,
}

/// All that was registered.
pub struct Registry {
    handlers: HashMap<&'static str, Registered>,
    ack_handlers: HashMap<&'static str, AckHandler>,
    kinds: HashMap<RoomKind, AccessCheck>,
    known_kinds: Vec<RoomKind>,
    routes: ApiRouter<Arc<Engine>>,
    tasks: Vec<Task>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("events", &self.handlers.keys())
            .field("kinds", &self.kinds.keys())
            .finish_non_exhaustive()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            handlers: HashMap::new(),
            ack_handlers: HashMap::new(),
            kinds: HashMap::new(),
            known_kinds: room::KINDS.to_vec(),
            routes: ApiRouter::new(),
            tasks: Vec::new(),
        }
    }
}

impl Registry {
    /// Registers what a domain brings.
    #[must_use]
    pub fn with(mut self, domain: impl Domain) -> Self {
        domain.register(&mut self);
        self
    }

    /// Handles an event of clients that are signed in. Events of one connection are handled one
    /// after the other, in the order they came.
    pub fn on<E, F, Fut>(&mut self, handler: F)
    where
        E: ClientEvent,
        F: Fn(Context, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<E::Answer>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.on_binary(move |context: Context, event| {
            let handler = handler.clone();
            async move {
                if !context.attachments.is_empty() {
                    return Err(Error::field("payload", "expected no binary values"));
                }
                handler(context, event).await.map(Attached::from)
            }
        });
    }

    /// Handles an event that may bring binary values ([`Context::attachments`]), and may be answered
    /// with some. In what the type leaves open, such as a [`Value`], placeholders stand for them.
    pub fn on_binary<E, F, Fut>(&mut self, handler: F)
    where
        E: ClientEvent,
        F: Fn(Context, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Attached<E::Answer>>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let handler: Handler = Box::new(move |context, value| {
            let handler = handler.clone();
            Box::pin(async move {
                if !context.attachments.is_empty() && !context.attachments.are_named_in(&value) {
                    let problem = "expected a binary value for each placeholder";
                    return Err(Error::field("payload", problem));
                }
                let Attached { answer, attachments } =
                    handler(context, payload::read(value)?).await?;
                let answer = serde_json::value::to_raw_value(&answer)?;
                Ok(Attached { answer, attachments })
            })
        });
        self.handlers.insert(<E as Event>::NAME, Registered { bare: E::BARE, handler });
    }

    /// Hears of it when a client acknowledges an event that was sent by [`Engine::publish_asking`]:
    /// once for each event, whichever of the user's connections is the first. Where several servers have
    /// connections of the user, each of them hears of its own first one: what the handler does for a second
    /// time must change nothing.
    pub fn on_acknowledged<E, F, Fut>(&mut self, handler: F)
    where
        E: ServerEvent,
        F: Fn(Context, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let handler: AckHandler = Box::new(move |context, value| {
            let handler = handler.clone();
            Box::pin(async move { handler(context, payload::read(value)?).await })
        });
        self.ack_handlers.insert(<E as Event>::NAME, handler);
    }

    /// Serves rooms of a kind. The check is asked at each join with who wants in and the room's
    /// id, and refuses with the error that the client is to be told.
    pub fn room<F, Fut>(&mut self, kind: RoomKind, check: F)
    where
        F: Fn(Identity, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        if !self.known_kinds.contains(&kind) {
            self.known_kinds.push(kind);
        }
        self.kinds.insert(kind, Box::new(move |identity, id| Box::pin(check(identity, id))));
    }

    /// Adds HTTP routes.
    pub fn routes(&mut self, routes: ApiRouter<Arc<Engine>>) {
        self.routes = self.take_routes().merge(routes);
    }

    /// Adds a task that runs beside the connections while the server does. It is to end soon after
    /// [`Engine::stopped`] resolves: what it was about is taken up again at the next start.
    pub fn task<F, Fut>(&mut self, task: F)
    where
        F: FnOnce(Arc<Engine>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push(Box::new(move |engine| Box::pin(task(engine))));
    }

    /// The tasks, once; the rest stays.
    pub(crate) fn take_tasks(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.tasks)
    }

    /// The routes, once; the rest stays.
    pub(crate) fn take_routes(&mut self) -> ApiRouter<Arc<Engine>> {
        std::mem::replace(&mut self.routes, ApiRouter::new())
    }

    pub(crate) fn handler(&self, event: &str) -> Option<&Registered> {
        self.handlers.get(event)
    }

    pub(crate) fn acknowledged(&self, event: &str) -> Option<&AckHandler> {
        self.ack_handlers.get(event)
    }

    pub(crate) fn access_check(&self, kind: RoomKind) -> Option<&AccessCheck> {
        self.kinds.get(&kind)
    }

    /// The kinds that an address may begin with, served or not.
    pub(crate) fn known_kinds(&self) -> &[RoomKind] {
        &self.known_kinds
    }
}
