//! `checks.js`: one JavaScript function a type, that says what `payload::read` says.
//!
//! No `eval`, so that it passes a strict content security policy; no table that is walked at run
//! time, so that it costs next to nothing. A value is looked at in serde's order, so that of two
//! mistakes both report the same: the fields that are there by name, then those that are missing. Of
//! several that are missing serde names the first by declaration, and a page the first by name.

use std::collections::BTreeMap;

use samewire_protocol::Direction;

use crate::{
    javascript::{HEAD, is_identifier, key, quote},
    model::{Field, Model, Object, Type},
};

/// What every check uses.
const SHARED: &str = include_str!("checks_head.js");

const DECLARATIONS: &str = "
import type { Answers, ServerPayloads } from './protocol.js'

/** Says nothing where the value fits, else what is wrong and where: `projects[0].id: expected a string`. */
export type Check = (value: unknown) => string | undefined

/** One for each event of the server. No other key leads to anything. */
export declare const payloads: Readonly<Record<keyof ServerPayloads, Check>>

/** One for what each event of a client is acknowledged with. No other key leads to anything. */
export declare const answers: Readonly<Record<keyof Answers, Check>>
";

/// The types of `checks.js`.
pub(crate) fn declare() -> String {
    format!("{HEAD}{DECLARATIONS}")
}

/// The whole file.
pub(crate) fn write(model: &Model) -> String {
    let mut checks = Checks { model, named: BTreeMap::new() };
    let mut payloads: String = model
        .events(Direction::Server)
        .map(|event| checks.entry(event.info.name, &Type::Ref(event.info.type_name.into())))
        .collect();
    let mut answers: String = model
        .events(Direction::Client)
        .filter_map(|event| Some(checks.entry(event.info.name, event.answer.as_ref()?)))
        .collect();
    while let Some((kept, dropped)) = checks.twins() {
        checks.named.remove(&dropped);
        for code in checks.named.values_mut().chain([&mut payloads, &mut answers]) {
            *code = renamed(code, &dropped, &kept);
        }
    }
    for (name, check) in checks.used_once(&format!("{payloads}{answers}")) {
        checks.named.remove(&name);
        for table in [&mut payloads, &mut answers] {
            *table = renamed(table, &name, &check);
        }
    }
    let named: String = checks
        .named
        .into_iter()
        .map(|(name, check)| format!("\nconst {name} = {check}\n"))
        .collect();
    format!(
        "{HEAD}\n{SHARED}{named}\n\
         export const payloads = table({{\n  __proto__: null,\n{payloads}}})\n\n\
         export const answers = table({{\n  __proto__: null,\n{answers}}})\n"
    )
}

/// Checks are functions of a value, and expressions that make such functions.
struct Checks<'a> {
    model: &'a Model,
    /// Those of types with a name, by the names of the functions.
    named: BTreeMap<String, String>,
}

impl Checks<'_> {
    fn entry(&mut self, event: &str, ty: &Type) -> String {
        format!("  {}: {},\n", key(event), self.check(ty).as_deref().unwrap_or("any"))
    }

    /// What checks a type; nothing for one that takes anything.
    fn check(&mut self, ty: &Type) -> Option<String> {
        Some(match ty {
            Type::Any => return None,
            Type::Boolean => "boolean".to_owned(),
            Type::Number => "number".to_owned(),
            Type::Integer { min: 0, max } if *max == i64::from(u32::MAX) => "integer".to_owned(),
            Type::Integer { .. } => self.function(ty)?,
            Type::String | Type::OneOf { open: true, .. } => "string".to_owned(),
            Type::Timestamp => "time".to_owned(),
            Type::OneOf { literals, .. } => {
                let names: Vec<_> = literals.iter().map(|literal| quote(&literal.value)).collect();
                format!("oneOf({})", names.join(", "))
            }
            Type::Nullable(_) | Type::Array(_) | Type::Record(_) => self.function(ty)?,
            Type::Object(object) => self.object(object),
            Type::Ref(name) => match self.resolve(ty).clone() {
                ty @ (Type::Object(_) | Type::OneOf { open: false, .. }) => {
                    let name = format!("check{name}");
                    if !self.named.contains_key(&name) {
                        // Stands in for itself while what it holds is written.
                        self.named.insert(name.clone(), String::new());
                        let check = self.check(&ty)?;
                        self.named.insert(name.clone(), check);
                    }
                    name
                }
                inline => return self.check(&inline),
            },
        })
    }

    /// The same as a function where there is none with a name.
    fn function(&mut self, ty: &Type) -> Option<String> {
        Some(format!("(v) => {}", self.call(ty, "v")?))
    }

    /// A call that checks a value: what is wrong with it, or something falsy.
    fn call(&mut self, ty: &Type, value: &str) -> Option<String> {
        Some(match ty {
            Type::Integer { min, max } if (*min, *max) != (0, u32::MAX.into()) => {
                format!("integer({value}, {max}, {min})")
            }
            Type::Nullable(inner) => {
                format!("{value} !== null && {}", self.call(inner, value)?)
            }
            Type::Array(items) => match self.check(items) {
                Some(check) => format!("array({value}, {check})"),
                None => format!("array({value})"),
            },
            Type::Record(values) => match self.check(values) {
                Some(check) => format!("record({value}, {check})"),
                None => format!("record({value})"),
            },
            Type::OneOf { open: false, .. } | Type::Object(_) => {
                format!("({})({value})", self.check(ty)?)
            }
            Type::Ref(_) => match self.resolve(ty).clone() {
                Type::Object(_) | Type::OneOf { open: false, .. } => {
                    format!("{}({value})", self.check(ty)?)
                }
                inline => return self.call(&inline, value),
            },
            simple => format!("{}({value})", self.check(simple)?),
        })
    }

    fn object(&mut self, object: &Object) -> String {
        let mut sorted: Vec<&Field> = object.fields.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let fields: Vec<String> =
            sorted.into_iter().filter_map(|field| self.field(field)).collect();
        match fields.as_slice() {
            [] => "object(any)".to_owned(),
            fields => format!("object(\n  (v) =>\n    {},\n)", fields.join(" ||\n    ")),
        }
    }

    /// What checks a field of the object `v`; nothing where all is well with anything, and with nothing.
    fn field(&mut self, field: &Field) -> Option<String> {
        let value = access("v", &field.name);
        let ty = match &field.ty {
            Type::Nullable(ty) => ty,
            ty => ty,
        };
        if let (false, Some(fitting)) = (field.required, fitting(ty)) {
            return self.call(ty, &format!("{value} ?? {fitting}"));
        }
        match (self.call(ty, &value), field.required) {
            (Some(call), true) => Some(call),
            (Some(call), false) => Some(format!("({value} != null && {call})")),
            (None, true) => Some(format!("any({value})")),
            (None, false) => None,
        }
    }

    /// Two types whose checks do the same: one of them is enough for both.
    fn twins(&self) -> Option<(String, String)> {
        let mut names = BTreeMap::new();
        self.named.iter().find_map(|(name, check)| {
            names.insert(check, name).map(|twin| (twin.clone(), name.clone()))
        })
    }

    /// Those that one entry of the tables uses and nothing else, as they stand there in place of their names.
    fn used_once(&self, tables: &str) -> Vec<(String, String)> {
        let used_once = |name: &str| {
            let by_entries = tables.matches(&format!(" {name},\n")).count();
            by_entries == 1 && self.named.values().all(|code| renamed(code, name, "") == *code)
        };
        let used_once = self.named.iter().filter(|(name, _)| used_once(name));
        used_once.map(|(name, check)| (name.clone(), check.replace('\n', "\n  "))).collect()
    }

    /// The type that a name stands for.
    fn resolve<'t>(&'t self, ty: &'t Type) -> &'t Type {
        match ty {
            Type::Ref(name) => self.model.types.get(name).map_or(ty, |named| &named.ty),
            ty => ty,
        }
    }
}

/// Code in which a function has another name.
fn renamed(code: &str, from: &str, to: &str) -> String {
    let mut parts = code.split(from);
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let whole = !part.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        renamed += if whole { to } else { from };
        renamed += part;
    }
    renamed
}

/// What fits a type in place of a field that isn't there: less to write than to ask whether it is.
fn fitting(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::String | Type::OneOf { open: true, .. } => Some("''"),
        Type::Number => Some("0"),
        Type::Integer { min, max } if (*min..=*max).contains(&0) => Some("0"),
        _ => None,
    }
}

/// A field's value. Names that every object answers to are only read where they are its own.
fn access(value: &str, name: &str) -> String {
    const INHERITED: [&str; 12] = [
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    ];
    if INHERITED.contains(&name) {
        let name = quote(name);
        format!("own({value}, {name})")
    } else if is_identifier(name) {
        format!("{value}.{name}")
    } else {
        format!("{value}[{}]", quote(name))
    }
}
