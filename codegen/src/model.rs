//! The types and events of a protocol, as all products see them.

use std::collections::BTreeMap;

use samewire_protocol::{
    Direction, Domain, ErrorBody, EventInfo, Meta, Position,
    asyncapi::schema_generator,
    connection::{EmitMeta, Handshake},
};
use schemars::SchemaGenerator;

use crate::schema::{self, Error};

/// All that the products write down.
pub(crate) struct Model {
    /// The named types, by name.
    pub(crate) types: BTreeMap<String, Named>,
    pub(crate) domains: Vec<DomainModel>,
}

pub(crate) struct Named {
    pub(crate) docs: String,
    pub(crate) ty: Type,
}

pub(crate) struct DomainModel {
    pub(crate) domain: &'static Domain,
    pub(crate) events: Vec<Event>,
}

/// An event whose payload is the named type `info.type_name`.
pub(crate) struct Event {
    pub(crate) info: &'static EventInfo,
    pub(crate) answer: Option<Type>,
}

/// The shapes that a payload is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    /// Anything that JSON can say.
    Any,
    Boolean,
    /// An integer from `min` to `max`, both within what a JavaScript number holds exactly.
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    String,
    /// An RFC 3339 time in the profile of [`samewire_protocol::Timestamp`].
    Timestamp,
    /// One of these strings; where `open`, any other string too.
    OneOf {
        literals: Vec<Literal>,
        open: bool,
    },
    Array(Box<Type>),
    /// An object whose keys are data.
    Record(Box<Type>),
    Object(Object),
    Nullable(Box<Type>),
    /// A named type.
    Ref(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Literal {
    pub(crate) value: String,
    pub(crate) docs: String,
}

/// An object with named fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    /// The required ones in the order of declaration, then the others by name.
    pub(crate) fields: Vec<Field>,
    /// Whether further fields are kept rather than ignored.
    pub(crate) open: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
}

impl Model {
    /// Reads the schemas of all payloads and answers.
    pub(crate) fn read(domains: &[&'static Domain]) -> Result<Self, Error> {
        Self::read_with(domains, |_| {})
    }

    /// The same, and of what any event carries besides.
    pub(crate) fn read_protocol(domains: &[&'static Domain]) -> Result<Self, Error> {
        Self::read_with(domains, |generator| {
            generator.subschema_for::<Meta>();
            generator.subschema_for::<Position>();
            generator.subschema_for::<ErrorBody>();
            generator.subschema_for::<Handshake>();
            generator.subschema_for::<EmitMeta>();
        })
    }

    fn read_with(
        domains: &[&'static Domain],
        besides: impl FnOnce(&mut SchemaGenerator),
    ) -> Result<Self, Error> {
        let mut generator = schema_generator("/$defs");
        let mut read = Vec::new();
        for &domain in domains {
            let mut events = Vec::new();
            for info in domain.events {
                let payload = (info.payload.schema)(&mut generator);
                let payload = schema::read(info.type_name, payload.as_value())?;
                if payload != Type::Ref(info.type_name.into()) {
                    return Err(Error::NameTaken(info.type_name.into()));
                }
                let answer = match info.answer {
                    Some(answer) => {
                        let place = format!("answer to {}", info.name);
                        let answer = (answer.schema)(&mut generator);
                        Some(schema::read(&place, answer.as_value())?)
                    }
                    None => None,
                };
                events.push(Event { info, answer });
            }
            read.push(DomainModel { domain, events });
        }
        besides(&mut generator);
        let mut types = BTreeMap::new();
        for (name, definition) in generator.take_definitions(true) {
            let ty = schema::read(&name, &definition)?;
            types.insert(name, Named { docs: schema::docs(&definition), ty });
        }
        Ok(Self { types, domains: read })
    }

    /// The events of one direction, in the order of declaration.
    pub(crate) fn events(&self, direction: Direction) -> impl Iterator<Item = &Event> {
        self.domains
            .iter()
            .flat_map(|domain| &domain.events)
            .filter(move |event| event.info.direction == direction)
    }

    /// The named type of an event's payload.
    pub(crate) fn payload(&self, event: &Event) -> Option<&Named> {
        self.types.get(event.info.type_name)
    }
}
