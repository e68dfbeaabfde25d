//! What an event is, how a domain declares its events, and the catalogue of all of them.

use std::{collections::HashMap, sync::LazyLock};

use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    ErrorCode, RoomKind, assistant, connection, inbox, live_preview,
    payload::{self, PayloadError},
    presence, rooms, stories, workspace,
};

/// Every domain of this protocol, in the order of the reference.
pub static CATALOGUE: &[&Domain] = &[
    &connection::CONNECTION,
    &rooms::ROOMS,
    &presence::PRESENCE,
    &live_preview::LIVE_PREVIEW,
    &stories::STORIES,
    &inbox::INBOX,
    &assistant::ASSISTANT,
    &workspace::WORKSPACE,
];

/// A payload that travels under a name. Declared by [`events!`](crate::events), never by hand.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name on the wire.
    const NAME: &'static str;
}

/// An event that the server sends.
pub trait ServerEvent: Event {
    /// Whether it stands in a room's log.
    const IN_LOG: InLog;
}

/// Whether what is sent of an event stands in its room's log, and so comes with its
/// [`Meta`](crate::Meta) (wire.md, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InLog {
    /// It does.
    Always,
    /// It does, but for what whoever joins is sent of it, as how things stand.
    OrRetained,
    /// It does not: it goes to one socket, or tells of what passes by itself.
    Never,
}

/// An event that a client sends.
pub trait ClientEvent: Event {
    /// What its acknowledgement carries when the server agreed.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The field that a bare string stands for, where a bare string is taken as well.
    const BARE: Option<&'static str>;
}

/// Who sends an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// A client, to the server.
    Client,
    /// The server, to clients.
    Server,
}

/// The events of one domain.
#[derive(Debug)]
pub struct Domain {
    /// Its name, the same in every layer: module, folder of fixtures, heading.
    pub name: &'static str,
    /// What it is about, from the declaration's doc comment.
    pub docs: &'static [&'static str],
    /// Its events in the order of declaration.
    pub events: &'static [EventInfo],
}

/// All that is known of an event at run time.
#[derive(Debug)]
pub struct EventInfo {
    /// The name on the wire.
    pub name: &'static str,
    /// Who sends it.
    pub direction: Direction,
    /// The payload's type.
    pub type_name: &'static str,
    /// The kinds of rooms it is sent to; none where it goes to one socket, or comes from a client.
    pub rooms: &'static [RoomKind],
    /// Whether it stands in their logs.
    pub in_log: InLog,
    /// The field that a bare string stands for.
    pub bare: Option<&'static str>,
    /// The refusals of its own, besides those that any event may meet.
    pub refuses: &'static [ErrorCode],
    /// The payload.
    pub payload: Shape,
    /// What the acknowledgement carries.
    pub answer: Option<Shape>,
}

/// The shape of a payload or an answer.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The JSON Schema (2020-12), its named types added to the generator's definitions.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reads a value as the type and writes it again: fields the type doesn't know are gone.
    ///
    /// # Errors
    /// When the value doesn't fit; the error names the field.
    pub check: fn(Value) -> Result<Value, PayloadError>,
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T>() -> Self
    where
        T: Serialize + DeserializeOwned + schemars::JsonSchema,
    {
        Self {
            schema: |generator| generator.subschema_for::<T>(),
            check: |value| {
                let read: T = payload::read(value)?;
                serde_json::to_value(read).map_err(PayloadError::unwritable)
            },
        }
    }
}

/// Every event of this protocol with its domain.
pub fn all() -> impl Iterator<Item = (&'static Domain, &'static EventInfo)> {
    CATALOGUE.iter().flat_map(|domain| domain.events.iter().map(move |event| (*domain, event)))
}

/// The event of this name that goes this way.
pub fn find(direction: Direction, name: &str) -> Option<&'static EventInfo> {
    static BY_NAME: LazyLock<HashMap<(Direction, &'static str), &'static EventInfo>> =
        LazyLock::new(|| all().map(|(_, event)| ((event.direction, event.name), event)).collect());
    BY_NAME.get(&(direction, name)).copied()
}

/// Declares the events of a domain, each once.
///
/// An event is a line that says which way it goes, followed by its payload:
///
/// - `server "name";` goes to one socket, `server "name" in [KIND, …];` to rooms of these kinds, in
///   whose logs it stands. Before the semicolon may follow `retained` (whoever joins is sent it, too, as
///   how things stand) or `unlogged` (it stands in no log): see [`InLog`].
/// - `client "name" -> Answer;` comes from a client and is acknowledged with `Answer`. Before the
///   semicolon may follow `bare "field"` (a bare string is taken for that field) and
///   `refuses [Code, …]`.
///
/// A struct or an enum without such a line is a type that several payloads share. All of them
/// derive what a payload needs, have camelCase fields (lowercase variants), and leave out what is
/// `None`.
///
/// What comes of it: the types, their [`Event`], [`ServerEvent`] or [`ClientEvent`], and a
/// [`Domain`] for the catalogue. See the [crate's example](crate).
#[macro_export]
macro_rules! events {
    ($(#[doc = $docs:literal])* domain $domain:ident = $name:literal; $($items:tt)*) => {
        $crate::events!(@items { [$($docs)*] $domain $name } [] $($items)*);
    };

    (@items { [$($docs:literal)*] $domain:ident $name:literal } [$($info:expr,)*]) => {
        $(#[doc = $docs])*
        pub static $domain: $crate::Domain = $crate::Domain {
            name: $name,
            docs: &[$($docs),*],
            events: &[$($info),*],
        };
    };

    (@items $head:tt [$($info:tt)*]
        $(#[$($attribute:tt)*])*
        server $event:literal $(in [$($kind:expr),+] $(, $in_log:ident)?)?;
        pub struct $name:ident $fields:tt
        $($rest:tt)*
    ) => {
        $crate::events!(@type [$(#[$($attribute)*])*] pub struct $name $fields);
        impl $crate::Event for $name { const NAME: &'static str = $event; }
        impl $crate::ServerEvent for $name {
            const IN_LOG: $crate::InLog =
                $crate::events!(@in_log $([$($kind),+] $($in_log)?)?);
        }
        $crate::events!(@items $head [$($info)* $crate::EventInfo {
            name: $event,
            direction: $crate::Direction::Server,
            type_name: stringify!($name),
            rooms: &[$($($kind),+)?],
            in_log: <$name as $crate::ServerEvent>::IN_LOG,
            bare: None,
            refuses: &[],
            payload: $crate::event::Shape::of::<$name>(),
            answer: None,
        },] $($rest)*);
    };

    (@items $head:tt [$($info:tt)*]
        $(#[$($attribute:tt)*])*
        client $event:literal -> $answer:ty
            $(, bare $bare:literal)? $(, refuses [$($code:ident),+ $(,)?])?;
        pub struct $name:ident $fields:tt
        $($rest:tt)*
    ) => {
        $crate::events!(@type [$(#[$($attribute)*])*] pub struct $name $fields);
        impl $crate::Event for $name { const NAME: &'static str = $event; }
        impl $crate::ClientEvent for $name {
            type Answer = $answer;
            const BARE: Option<&'static str> = $crate::events!(@bare $($bare)?);
        }
        $crate::events!(@items $head [$($info)* $crate::EventInfo {
            name: $event,
            direction: $crate::Direction::Client,
            type_name: stringify!($name),
            rooms: &[],
            in_log: $crate::InLog::Never,
            bare: $crate::events!(@bare $($bare)?),
            refuses: &[$($($crate::ErrorCode::$code),+)?],
            payload: $crate::event::Shape::of::<$name>(),
            answer: Some($crate::event::Shape::of::<$answer>()),
        },] $($rest)*);
    };

    (@items $head:tt $info:tt $(#[$($attribute:tt)*])* pub struct $name:ident $fields:tt $($rest:tt)*) => {
        $crate::events!(@type [$(#[$($attribute)*])*] pub struct $name $fields);
        $crate::events!(@items $head $info $($rest)*);
    };

    (@items $head:tt $info:tt $(#[$($attribute:tt)*])* pub enum $name:ident $variants:tt $($rest:tt)*) => {
        $crate::events!(@variants [$(#[$($attribute)*])*] pub enum $name $variants);
        $crate::events!(@items $head $info $($rest)*);
    };

    (@type [$(#[$($attribute:tt)*])*] $($item:tt)*) => {
        #[$crate::__private::serde_with::skip_serializing_none]
        #[derive(
            Debug, Clone, PartialEq,
            $crate::__private::serde::Serialize,
            $crate::__private::serde::Deserialize,
            $crate::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "samewire_protocol::__private::serde", rename_all = "camelCase")]
        #[schemars(crate = "samewire_protocol::__private::schemars")]
        $(#[$($attribute)*])*
        $($item)*
    };

    // `remote = "Self"` makes serde's own reading a function of the type, so that it is given
    // strings alone: left to itself it also takes `{ "variant": null }` where an enum is open.
    (@variants [$(#[$($attribute:tt)*])*] pub enum $name:ident $variants:tt) => {
        #[derive(
            Debug, Clone, PartialEq,
            $crate::__private::serde::Serialize,
            $crate::__private::serde::Deserialize,
            $crate::__private::schemars::JsonSchema,
        )]
        #[serde(
            crate = "samewire_protocol::__private::serde", rename_all = "lowercase", remote = "Self"
        )]
        #[schemars(crate = "samewire_protocol::__private::schemars")]
        $(#[$($attribute)*])*
        pub enum $name $variants

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
            where
                S: $crate::__private::serde::Serializer,
            {
                Self::serialize(self, serializer)
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                use $crate::__private::serde::de::IntoDeserializer;
                let text = <String as $crate::__private::serde::Deserialize>::deserialize(deserializer)?;
                Self::deserialize(text.into_deserializer())
            }
        }
    };

    (@in_log) => { $crate::InLog::Never };
    (@in_log [$($kind:expr),+]) => { $crate::InLog::Always };
    (@in_log [$($kind:expr),+] retained) => { $crate::InLog::OrRetained };
    (@in_log [$($kind:expr),+] unlogged) => { $crate::InLog::Never };

    (@bare) => { None };
    (@bare $field:literal) => { Some($field) };
}
