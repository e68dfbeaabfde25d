//! `protocol.ts`: every type, and the maps from an event's name to what it carries.

use std::collections::BTreeMap;

use samewire_protocol::{Direction, ErrorCode, InLog, VERSION};

use crate::{
    javascript::{HEAD, comment, key, quote},
    model::{Event, Model, Named, Object, Type},
};

const ACK: &str = "\
/** What a client's event is acknowledged with. */
export type Ack<T> = { ok: true; data: T } | { ok: false; error: ErrorBody & { current?: T | null } }

";

// The arguments are a union of tuples, for socket.io-client derives the types of
// `timeout(…).emit(…)` from it; from an optional callback it can't.
const EMIT: &str = "\
/** Emits a payload, with or without asking for an acknowledgement. */
export type Emit<Payload, Answer> = (
  ...args: [payload: Payload] | [payload: Payload, ack: (answer: Ack<Answer>) => void]
) => void

";

/// The whole file of Samewire's own protocol.
pub(crate) fn write(model: &Model) -> String {
    let mut out = format!("{HEAD}\n");
    out += "/** The protocol's version, `major.minor`: what a client says in its handshake. */\n";
    out += &format!("export const PROTOCOL_VERSION = {}\n\n", quote(VERSION));
    out += &error_codes();
    out += ACK;
    for (name, named) in &model.types {
        if name != "ErrorCode" {
            out += &declaration(name, named);
        }
    }
    out += &payloads(
        model,
        "ServerPayloads",
        Direction::Server,
        "What each event of the server carries.",
    );
    out += &payloads(
        model,
        "ClientPayloads",
        Direction::Client,
        "What each event of a client carries.",
    );
    out += &answers(model);
    out += &rooms(model);
    out += &server_to_client(model);
    out += EMIT;
    out += &client_to_server(model);
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// The types of an application's own events, told to the package `samewire`.
pub(crate) fn declare_custom(model: &Model) -> String {
    let mut out = String::new();
    for (name, named) in &model.types {
        out += &declaration(name, named);
    }
    let mut events: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for event in model.domains.iter().flat_map(|domain| &domain.events) {
        let info = event.info;
        events.entry(info.name).or_default().extend(match info.direction {
            Direction::Client => {
                [format!("sent: {}", info.type_name), format!("answer: {}", answer(event))]
            }
            Direction::Server => {
                let kinds = one_of(info.rooms.iter().map(|kind| kind.0), false);
                let kinds = if kinds.is_empty() { "never" } else { &kinds };
                [format!("received: {}", info.type_name), format!("rooms: {kinds}")]
            }
        });
    }
    out += "declare module 'samewire' {\n  interface CustomEvents {\n";
    for (name, parts) in events {
        out += &format!("    {}: {{ {} }}\n", key(name), parts.join("; "));
    }
    out += "  }\n}\n\n";
    out += &server_to_client(model);
    out + &client_to_server(model)
}

fn error_codes() -> String {
    let codes: String = ErrorCode::ALL
        .iter()
        .map(|(code, docs)| format!("{}  {},\n", comment(docs, "  "), quote(code.as_str())))
        .collect();
    format!(
        "/** Every code that this version knows. */\nexport const ERROR_CODES = [\n{codes}] as const\n\n\
         /** Why something was refused. A newer server may say a code that isn't known here. */\n\
         export type ErrorCode = (typeof ERROR_CODES)[number] | (string & {{}})\n\n"
    )
}

fn declaration(name: &str, Named { docs, ty }: &Named) -> String {
    match ty {
        Type::Object(object) => {
            format!("{}export interface {name} {{\n{}}}\n\n", comment(docs, ""), fields(object),)
        }
        Type::OneOf { literals, open } => {
            let docs: Vec<String> = [docs.clone(), String::new()]
                .into_iter()
                .chain(
                    literals
                        .iter()
                        .filter(|literal| !literal.docs.is_empty())
                        .map(|literal| format!("- `{}`: {}", literal.value, literal.docs)),
                )
                .collect();
            format!(
                "{}export type {name} = {}\n\n",
                comment(&docs.join("\n"), ""),
                one_of(literals.iter().map(|literal| literal.value.as_str()), *open),
            )
        }
        other => format!("{}export type {name} = {}\n\n", comment(docs, ""), write_type(other)),
    }
}

fn fields(object: &Object) -> String {
    let mut out = String::new();
    for field in &object.fields {
        let optional = if field.required { "" } else { "?" };
        let ty = match &field.ty {
            // Where a field may be missing it may be null: serde takes both alike.
            ty if !field.required => nullable(ty),
            ty => write_type(ty),
        };
        out += &comment(&field.docs, "  ");
        out += &format!("  {}{optional}: {ty}\n", key(&field.name));
    }
    if object.open {
        out += "  /** Further fields are kept as they came. */\n  [field: string]: unknown\n";
    }
    out
}

fn write_type(ty: &Type) -> String {
    match ty {
        Type::Any => "unknown".into(),
        Type::Boolean => "boolean".into(),
        Type::Integer { .. } | Type::Number => "number".into(),
        Type::String | Type::Timestamp => "string".into(),
        Type::OneOf { literals, open } => {
            one_of(literals.iter().map(|literal| literal.value.as_str()), *open)
        }
        Type::Array(items) => match write_type(items) {
            items if items.contains(' ') => format!("({items})[]"),
            items => format!("{items}[]"),
        },
        Type::Record(values) => format!("Record<string, {}>", write_type(values)),
        Type::Object(object) if object.fields.is_empty() => "Record<string, never>".into(),
        Type::Object(object) => format!("{{\n{}}}", fields(object)),
        Type::Nullable(inner) => nullable(inner),
        Type::Ref(name) => name.clone(),
    }
}

fn nullable(ty: &Type) -> String {
    match ty {
        Type::Any => "unknown".into(),
        Type::Nullable(inner) => nullable(inner),
        ty => format!("{} | null", write_type(ty)),
    }
}

fn one_of<'a>(literals: impl Iterator<Item = &'a str>, open: bool) -> String {
    let mut all: Vec<String> = literals.map(quote).collect();
    if open {
        // Keeps the known ones in an editor's suggestions.
        all.push("(string & {})".into());
    }
    all.join(" | ")
}

fn payloads(model: &Model, name: &str, direction: Direction, docs: &str) -> String {
    let lines: String =
        model.events(direction).map(|event| entry(model, event, event.info.type_name)).collect();
    interface(name, docs, &lines)
}

fn answers(model: &Model) -> String {
    let lines: String = model
        .events(Direction::Client)
        .map(|event| format!("  {}: {}\n", key(event.info.name), answer(event)))
        .collect();
    interface("Answers", "What each event of a client is acknowledged with.", &lines)
}

fn answer(event: &Event) -> String {
    event.answer.as_ref().map_or("unknown".into(), write_type)
}

fn rooms(model: &Model) -> String {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for event in model.events(Direction::Server) {
        for kind in event.info.rooms {
            kinds.entry(kind.0).or_default().push(quote(event.info.name));
        }
    }
    let lines: String = kinds
        .iter()
        .map(|(kind, events)| format!("  {}:\n    | {}\n", key(kind), events.join("\n    | ")))
        .collect();
    interface("RoomEvents", "The events that are sent to each kind of room.", &lines)
}

fn server_to_client(model: &Model) -> String {
    let lines: String = model
        .events(Direction::Server)
        .map(|event| {
            let meta = match event.info.in_log {
                InLog::Always => ", meta: Meta",
                InLog::OrRetained => ", meta?: Meta",
                InLog::Never => "",
            };
            entry(model, event, &format!("(payload: {}{meta}) => void", event.info.type_name))
        })
        .collect();
    let docs = "What the official socket.io-client may listen to: `Socket<ServerToClientEvents, ClientToServerEvents>`.";
    interface("ServerToClientEvents", docs, &lines)
}

fn client_to_server(model: &Model) -> String {
    let lines: String = model
        .events(Direction::Client)
        .map(|event| {
            let bare = if event.info.bare.is_some() { " | string" } else { "" };
            let none = if all_optional(model, event) { " | (() => void)" } else { "" };
            let payload = event.info.type_name;
            entry(model, event, &format!("Emit<{payload}{bare}, {}>{none}", answer(event)))
        })
        .collect();
    let docs = "What the official socket.io-client may emit: `Socket<ServerToClientEvents, ClientToServerEvents>`.";
    interface("ClientToServerEvents", docs, &lines)
}

fn all_optional(model: &Model, event: &Event) -> bool {
    match model.payload(event) {
        Some(Named { ty: Type::Object(object), .. }) => {
            object.fields.iter().all(|field| !field.required)
        }
        _ => false,
    }
}

fn entry(model: &Model, event: &Event, ty: &str) -> String {
    let docs = model.payload(event).map_or("", |named| &named.docs);
    format!("{}  {}: {ty}\n", comment(docs, "  "), key(event.info.name))
}

fn interface(name: &str, docs: &str, lines: &str) -> String {
    format!("{}export interface {name} {{\n{lines}}}\n\n", comment(docs, ""))
}
