//! What must hold of every event, whichever domain declares it.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::{BTreeMap, BTreeSet};

use samewire_protocol::{
    CATALOGUE, Direction, asyncapi::schema_generator, event::all, room::KINDS,
};

#[test]
fn a_name_is_declared_once_in_each_direction() {
    let mut seen = BTreeSet::new();
    for (domain, event) in all() {
        let new = seen.insert((event.direction, event.name));
        assert!(new, "{} is declared again in {}", event.name, domain.name);
    }
}

#[test]
fn a_domain_is_declared_once() {
    let names: BTreeSet<_> = CATALOGUE.iter().map(|domain| domain.name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
}

/// The client libraries keep these names for themselves, and a server can't send them.
#[test]
fn no_event_has_a_name_that_socket_io_reserves() {
    let reserved = [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ];
    for (_, event) in all() {
        assert!(!reserved.contains(&event.name), "{} is reserved", event.name);
    }
}

#[test]
fn every_event_and_every_domain_says_what_it_is() {
    for domain in CATALOGUE {
        assert!(!domain.docs.concat().trim().is_empty(), "{} has no docs", domain.name);
    }
    for (name, definition) in definitions() {
        let docs = definition["description"].as_str().unwrap_or_default();
        assert!(!docs.is_empty(), "{name} has no docs");
        for (field, schema) in definition["properties"].as_object().into_iter().flatten() {
            let docs = schema["description"].as_str().unwrap_or_default();
            assert!(!docs.is_empty(), "{name}.{field} has no docs");
        }
    }
}

#[test]
fn a_type_name_stands_for_one_type() {
    let mut generator = schema_generator("/$defs");
    let mut types = BTreeMap::new();
    for (_, event) in all() {
        let schema = serde_json::to_value((event.payload.schema)(&mut generator)).unwrap();
        assert_eq!(
            schema["$ref"],
            format!("#/$defs/{}", event.type_name),
            "{} is taken",
            event.type_name
        );
        let other = types.insert(event.type_name, event.name);
        assert_eq!(other, None, "{} is the payload of two events", event.type_name);
    }
    // The generator counts up where a name is taken.
    let names = definitions();
    for name in names.keys() {
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
        assert!(plain == name || !names.contains_key(plain), "two types are called {plain}");
    }
}

#[test]
fn rooms_are_of_known_kinds_and_only_the_server_sends_to_them() {
    for (_, event) in all() {
        for kind in event.rooms {
            assert!(KINDS.contains(kind), "{}: no room kind {}", event.name, kind.0);
        }
        let server = event.direction == Direction::Server;
        assert!(server || event.rooms.is_empty(), "{} comes from a client", event.name);
        assert_eq!(event.answer.is_none(), server, "{}: clients' events are answered", event.name);
    }
}

#[test]
fn a_bare_string_stands_for_a_field_that_is_there() {
    let definitions = definitions();
    for (_, event) in all() {
        if let Some(field) = event.bare {
            let schema = &definitions[event.type_name]["properties"][field];
            assert_eq!(schema["type"], "string", "{}: no string {field}", event.name);
        }
    }
}

#[test]
fn no_refusal_is_listed_twice() {
    for (_, event) in all() {
        let codes: BTreeSet<_> = event.refuses.iter().collect();
        assert_eq!(codes.len(), event.refuses.len(), "{}", event.name);
    }
}

fn definitions() -> BTreeMap<String, serde_json::Value> {
    let mut generator = schema_generator("/$defs");
    for (_, event) in all() {
        (event.payload.schema)(&mut generator);
        if let Some(answer) = event.answer {
            (answer.schema)(&mut generator);
        }
    }
    generator.take_definitions(true).into_iter().collect()
}
