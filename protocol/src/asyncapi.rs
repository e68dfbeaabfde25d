//! The AsyncAPI 3.0 document of a protocol's events (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{Ack, Direction, Domain, EventInfo, VERSION, error::ErrorBody, room::Meta};

/// The generator that all of a protocol's schemas are made with: JSON Schema 2020-12, named types
/// under `definitions_path`.
pub fn schema_generator(definitions_path: &str) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = definitions_path.to_owned().into();
    settings.meta_schema = None;
    settings.into_generator()
}

/// Describes the events of these domains.
///
/// # Examples
/// ```
/// let document = samewire_protocol::asyncapi::document(samewire_protocol::CATALOGUE);
/// assert!(document["components"]["messages"]["server.session-started"].is_object());
/// ```
pub fn document(domains: &[&Domain]) -> Value {
    let mut generator = schema_generator("/components/schemas");
    let mut messages = Map::new();
    let mut operations = Map::new();
    for domain in domains {
        for event in domain.events {
            let key = key(event);
            messages.insert(key.clone(), message(&mut generator, domain, event));
            operations.insert(key.clone(), operation(&mut generator, event, &key));
        }
    }
    generator.subschema_for::<Meta>();
    generator.subschema_for::<ErrorBody>();
    let references: Map<String, Value> = messages
        .keys()
        .map(|key| (key.clone(), json!({ "$ref": format!("#/components/messages/{key}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Samewire",
            "version": VERSION,
            "description": "Socket.IO protocol v5 over Engine.IO v4, path /socket.io/, namespace /.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": { "address": "/socket.io/", "messages": references },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": generator.take_definitions(true),
        },
    })
}

/// Names an event among both directions, in characters that AsyncAPI allows.
fn key(event: &EventInfo) -> String {
    let side = match event.direction {
        Direction::Client => "client",
        Direction::Server => "server",
    };
    format!("{side}.{}", event.name.replace(':', "."))
}

fn message(generator: &mut SchemaGenerator, domain: &Domain, event: &EventInfo) -> Value {
    let rooms: Vec<_> = event.rooms.iter().map(|kind| format!("{}:{{id}}", kind.0)).collect();
    let refuses: Vec<_> = event.refuses.iter().map(|code| code.as_str()).collect();
    json!({
        "name": event.name,
        "title": event.type_name,
        "tags": [{ "name": domain.name }],
        "payload": (event.payload.schema)(generator),
        "x-rooms": rooms,
        "x-refuses": refuses,
        "x-bare": event.bare,
    })
}

fn operation(generator: &mut SchemaGenerator, event: &EventInfo, key: &str) -> Value {
    let mut operation = json!({
        "action": match event.direction {
            Direction::Client => "receive",
            Direction::Server => "send",
        },
        "channel": { "$ref": "#/channels/socket" },
        "messages": [{ "$ref": format!("#/channels/socket/messages/{key}") }],
    });
    if let Some(answer) = event.answer {
        // The same shape as `Ack<T>`, whose parameter is known at run time only.
        let mut ack = generator.subschema_for::<Ack<Value>>();
        let data = (answer.schema)(generator);
        if let Some(slot) = ack.pointer_mut("/oneOf/0/properties/data") {
            *slot = data.into();
        }
        operation["x-ack"] = ack.into();
    }
    operation
}
