//! Every event has a golden payload, written down as the server really writes it.
//!
//! A fixture that has to be changed is a change of the wire: other clients read it too.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use samewire_protocol::{
    Direction, Domain, EventInfo,
    event::{Shape, all},
};
use serde_json::{Map, Value, json};

#[test]
fn every_event_has_one() {
    for (domain, event) in all() {
        let path = path(domain, event);
        assert!(
            path.exists(),
            "{} is missing: write down what {} carries",
            path.display(),
            event.name
        );
    }
}

#[test]
fn none_is_left_of_an_event_that_is_gone() {
    let known: BTreeSet<_> = all().map(|(domain, event)| path(domain, event)).collect();
    for folder in fs::read_dir(root()).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            assert!(known.contains(&path), "{} belongs to no event", path.display());
        }
    }
}

#[test]
fn each_says_which_event_it_is_of() {
    for (domain, event) in all() {
        let fixture = read(domain, event);
        let direction = match event.direction {
            Direction::Client => "client",
            Direction::Server => "server",
        };
        assert_eq!(fixture["event"], event.name, "{}", event.type_name);
        assert_eq!(fixture["direction"], direction, "{}", event.type_name);
        assert_eq!(fixture.get("answer").is_some(), event.answer.is_some(), "{}", event.type_name);
    }
}

#[test]
fn each_survives_being_read_and_written_to_the_last_field() {
    for (domain, event) in all() {
        for (shape, value) in values(domain, event) {
            let written = (shape.check)(value.clone());
            assert_eq!(written, Ok(value), "{}", event.name);
        }
    }
}

#[test]
fn each_has_every_field_that_its_type_knows() {
    for (domain, event) in all() {
        for (shape, value) in values(domain, event) {
            let mut generator = samewire_protocol::asyncapi::schema_generator("/$defs");
            let schema = (shape.schema)(&mut generator).to_value();
            let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let definition = &generator.definitions()[name];
            for field in definition["properties"].as_object().unwrap_or(&Map::new()).keys() {
                assert!(value.get(field).is_some(), "{}: {field} is missing", event.name);
            }
        }
    }
}

/// A neighbouring version's payload, as its server or client would write it: with fields that this one
/// doesn't know.
#[test]
fn each_is_read_as_before_when_a_later_version_adds_fields() {
    const ADDED: &str = "addedLater";
    fn with_added_fields(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.values_mut().for_each(with_added_fields);
                // A number, which a map of numbers takes for an entry.
                fields.insert(ADDED.into(), json!(7));
            }
            Value::Array(items) => items.iter_mut().for_each(with_added_fields),
            _ => {}
        }
    }
    /// What is free in its form keeps what it doesn't know.
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove(ADDED);
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    for (domain, event) in all() {
        for (shape, value) in values(domain, event) {
            let mut later = value.clone();
            with_added_fields(&mut later);
            assert_ne!(later, value);
            let mut read = (shape.check)(later).unwrap_or_else(|error| {
                panic!("{}: {}: {error}", event.name, error.path);
            });
            strip(&mut read);
            assert_eq!(read, value, "{}", event.name);
        }
    }
}

#[test]
fn each_is_refused_once_it_is_spoilt() {
    for (domain, event) in all() {
        for (shape, value) in values(domain, event) {
            for spoilt in [json!(null), json!(5), json!("text"), json!([value.clone()])] {
                assert!((shape.check)(spoilt.clone()).is_err(), "{} took {spoilt}", event.name);
            }
            for (field, inner) in value.as_object().unwrap() {
                // What takes anything can't be spoilt.
                if takes_anything(shape, &value, field) {
                    continue;
                }
                let wrong = if inner.is_boolean() { json!("no") } else { json!(false) };
                let error = (shape.check)(with(&value, field, wrong)).unwrap_err();
                assert_eq!(error.path, *field, "{}", event.name);
            }
        }
    }
}

fn takes_anything(shape: Shape, value: &Value, field: &str) -> bool {
    [json!(false), json!("no"), json!([[]])]
        .into_iter()
        .all(|anything| (shape.check)(with(value, field, anything)).is_ok())
}

fn with(value: &Value, field: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[field] = new;
    value
}

fn values(domain: &Domain, event: &EventInfo) -> Vec<(Shape, Value)> {
    let mut fixture = read(domain, event);
    let payload = (event.payload, fixture["payload"].take());
    let answer = event.answer.map(|shape| (shape, fixture["answer"].take()));
    std::iter::once(payload).chain(answer).collect()
}

fn read(domain: &Domain, event: &EventInfo) -> Value {
    let path = path(domain, event);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn path(domain: &Domain, event: &EventInfo) -> PathBuf {
    root().join(domain.name).join(event.type_name).with_extension("json")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
