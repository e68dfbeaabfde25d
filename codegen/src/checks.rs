//! `checks.js`: one straight-line JavaScript function a type, that says what `payload::read` says.
//!
//! No `eval`, so that it passes a strict content security policy; no table that is walked at run
//! time, so that it costs next to nothing. A value is looked at in serde's order, so that of two
//! mistakes both report the same: the fields that are there by name, then those that are missing.

use std::collections::BTreeMap;

use samewire_protocol::Direction;

use crate::{
    javascript::{HEAD, is_identifier, key, quote},
    model::{Field, Literal, Model, Object, Type},
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
    let mut checks = Checks { model, functions: BTreeMap::new() };
    let mut payloads: String = model
        .events(Direction::Server)
        .map(|event| checks.entry(event.info.name, &Type::Ref(event.info.type_name.into())))
        .collect();
    let mut answers: String = model
        .events(Direction::Client)
        .filter_map(|event| Some(checks.entry(event.info.name, event.answer.as_ref()?)))
        .collect();
    while let Some((kept, dropped)) = checks.twins() {
        let call = |name: &str| format!("check{name}(");
        let rename = |code: &mut String| *code = code.replace(&call(&dropped), &call(&kept));
        checks.functions.remove(&dropped);
        checks.functions.values_mut().chain([&mut payloads, &mut answers]).for_each(rename);
    }
    let functions: String = checks.functions.into_values().collect();
    format!(
        "{HEAD}\n{SHARED}{functions}\n\
         export const payloads = {{\n  __proto__: null,\n{payloads}}}\n\n\
         export const answers = {{\n  __proto__: null,\n{answers}}}\n"
    )
}

struct Checks<'a> {
    model: &'a Model,
    /// The functions by the name of their type.
    functions: BTreeMap<String, String>,
}

/// Where in a value a check stands: how to reach it, and how to say so.
struct Place {
    /// The value, as an expression.
    value: String,
    /// Its path as a template: `.rows[${i}]`.
    path: String,
    indent: usize,
}

impl Place {
    fn fails(&self, problem: &str) -> String {
        if self.path.contains("${") {
            format!("return `{}: {problem}`", self.path)
        } else {
            format!("return {}", quote(&format!("{}: {problem}", self.path)))
        }
    }

    /// A failure whose path goes on, or whose text is made, at run time.
    fn fails_further(&self, rest: &str) -> String {
        match self.path.as_str() {
            "" => format!("return {rest}"),
            path => format!("return `{path}${{{rest}}}`"),
        }
    }

    fn line(&self, code: &str) -> String {
        format!("{}{code}\n", "  ".repeat(self.indent))
    }

    /// Statements of one level deeper under a condition or a loop.
    fn under(&self, head: &str, statements: &str) -> String {
        match statements.lines().collect::<Vec<_>>().as_slice() {
            [one] => self.line(&format!("{head} {}", one.trim_start())),
            _ => self.line(&format!("{head} {{")) + statements + &self.line("}"),
        }
    }

    /// The same place, one level of indentation deeper.
    fn deeper(&self) -> Self {
        Self { value: self.value.clone(), path: self.path.clone(), indent: self.indent + 1 }
    }
}

impl Checks<'_> {
    fn entry(&mut self, event: &str, ty: &Type) -> String {
        match self.function(ty) {
            Some(function) => format!("  {}: (v) => whole({function}(v)),\n", key(event)),
            None => format!("  {}: () => undefined,\n", key(event)),
        }
    }

    /// The function that checks a type, which is written when first asked for.
    fn function(&mut self, ty: &Type) -> Option<String> {
        let (name, ty) = match ty {
            Type::Ref(name) => (name.clone(), self.resolve(ty).clone()),
            // Only an answer can be a type without a name.
            other => (format!("Answer{}", self.functions.len()), other.clone()),
        };
        let function = format!("check{name}");
        if !self.functions.contains_key(&name) {
            // Stands in for itself while what it holds is written.
            self.functions.insert(name.clone(), String::new());
            let place = Place { value: "v".into(), path: String::new(), indent: 1 };
            let body = self.check(&ty, &place);
            if body.is_empty() {
                self.functions.remove(&name);
                return None;
            }
            let calls = body.contains("(e = check");
            let head = if calls { place.line("let e") } else { String::new() };
            let body = format!("\nfunction {function}(v) {{\n{head}{body}}}\n");
            self.functions.insert(name, body);
        }
        Some(function)
    }

    /// Two types whose functions do the same: one of them is enough for both.
    fn twins(&self) -> Option<(String, String)> {
        let mut names = BTreeMap::new();
        self.functions.iter().find_map(|(name, function)| {
            let body = function.split_once('{')?.1;
            names.insert(body, name).map(|twin| (twin.clone(), name.clone()))
        })
    }

    /// The type that a name stands for.
    fn resolve<'t>(&'t self, ty: &'t Type) -> &'t Type {
        match ty {
            Type::Ref(name) => self.model.types.get(name).map_or(ty, |named| &named.ty),
            ty => ty,
        }
    }

    /// The statements that return an error where a value doesn't fit.
    fn check(&mut self, ty: &Type, place: &Place) -> String {
        let value = &place.value;
        let unless = |test: String, failure: String| place.line(&format!("if ({test}) {failure}"));
        match ty {
            Type::Any => String::new(),
            Type::Boolean => {
                unless(format!("typeof {value} !== 'boolean'"), place.fails("expected a boolean"))
            }
            Type::Number => {
                unless(format!("typeof {value} !== 'number'"), place.fails("expected a number"))
            }
            Type::Integer { min, max } => unless(
                format!("!isInteger({value}, {min}, {max})"),
                place.fails("expected an integer"),
            ),
            Type::String | Type::OneOf { open: true, .. } => {
                unless(format!("typeof {value} !== 'string'"), place.fails("expected a string"))
            }
            Type::Timestamp => {
                let failure = place.fails_further(&format!("time({value})"));
                unless(format!("!isTime({value})"), failure)
            }
            Type::OneOf { literals, .. } => {
                let test: Vec<String> = literals
                    .iter()
                    .map(|literal| format!("{value} !== {}", quote(&literal.value)))
                    .collect();
                let rest = format!("oneOf({value}, {})", quote(&expected(literals)));
                unless(test.join(" && "), place.fails_further(&rest))
            }
            Type::Nullable(inner) => match self.check(inner, &place.deeper()) {
                checks if checks.is_empty() => checks,
                checks => place.under(&format!("if ({value} !== null)"), &checks),
            },
            Type::Array(items) => {
                let index = format!("i{}", place.indent);
                let not =
                    unless(format!("!Array.isArray({value})"), place.fails("expected an array"));
                let item = Place {
                    value: format!("{value}[{index}]"),
                    path: format!("{}[${{{index}}}]", place.path),
                    indent: place.indent + 1,
                };
                let head = format!("for (let {index} = 0; {index} < {value}.length; {index}++)");
                not + &self.each(items, &item, place, &head)
            }
            Type::Record(values) => {
                let name = format!("k{}", place.indent);
                let not = unless(format!("!isObject({value})"), place.fails("expected an object"));
                let item = Place {
                    value: format!("{value}[{name}]"),
                    path: format!("{}.${{{name}}}", place.path),
                    indent: place.indent + 1,
                };
                not + &self.each(values, &item, place, &format!("for (const {name} in {value})"))
            }
            Type::Object(object) => {
                let not = unless(format!("!isObject({value})"), place.fails("expected an object"));
                not + &self.fields(object, place)
            }
            Type::Ref(_) => match self.resolve(ty).clone() {
                Type::Object(_) | Type::OneOf { open: false, .. } => match self.function(ty) {
                    Some(function) => unless(
                        format!("(e = {function}({value})) !== undefined"),
                        place.fails_further("e"),
                    ),
                    None => String::new(),
                },
                inline => self.check(&inline, place),
            },
        }
    }

    fn each(&mut self, ty: &Type, item: &Place, place: &Place, head: &str) -> String {
        match self.check(ty, item) {
            checks if checks.is_empty() => checks,
            checks => place.under(head, &checks),
        }
    }

    fn fields(&mut self, object: &Object, place: &Place) -> String {
        let mut sorted: Vec<&Field> = object.fields.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut checks = String::new();
        for field in sorted {
            checks += &self.field(field, place);
        }
        let required: Vec<String> = object
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| quote(&field.name))
            .collect();
        let mut head = String::new();
        if !required.is_empty() {
            head += &place.line("let lacks = false");
            let failure = place.fails_further(&format!(
                "missing({}, [{}])",
                place.value,
                required.join(", ")
            ));
            checks += &place.line(&format!("if (lacks) {failure}"));
        }
        head + &checks
    }

    fn field(&mut self, field: &Field, place: &Place) -> String {
        let value = access(&place.value, &field.name);
        let inner = Place {
            value: value.clone(),
            path: format!("{}.{}", place.path, escape_template(&field.name)),
            indent: place.indent + 1,
        };
        let ty = match &field.ty {
            Type::Nullable(ty) => ty,
            ty => ty,
        };
        let checks = self.check(ty, &inner);
        let absent = if field.required {
            place.line(&format!("if ({value} === undefined) lacks = true"))
        } else {
            String::new()
        };
        match (checks.is_empty(), field.required) {
            (true, _) => absent,
            (false, true) => absent + &place.under("else", &checks),
            (false, false) => place.under(&format!("if ({value} != null)"), &checks),
        }
    }
}

/// How serde names the variants that it expected.
fn expected(literals: &[Literal]) -> String {
    let names: Vec<&str> = literals.iter().map(|literal| literal.value.as_str()).collect();
    match names.as_slice() {
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} or {other}"),
        all => format!("one of {}", all.join(", ")),
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
        format!("(Object.hasOwn({value}, {name}) ? {value}[{name}] : undefined)")
    } else if is_identifier(name) {
        format!("{value}.{name}")
    } else {
        format!("{value}[{}]", quote(name))
    }
}

fn escape_template(name: &str) -> String {
    name.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${")
}
