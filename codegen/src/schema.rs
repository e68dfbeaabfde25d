//! JSON Schema, as schemars writes it for serde's types, read into the model's types.
//!
//! Only what the products can express exactly is read. A keyword that isn't known here is an
//! error: leaving it out would make the checks laxer than serde, or stricter.

use serde_json::{Map, Value};

use crate::model::{Field, Literal, Object, Type};

/// Why nothing can be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A schema that no product can express.
    #[error("{place}: {problem}: {schema}")]
    Unsupported {
        /// The type, and the field in it.
        place: String,
        /// What can't be expressed.
        problem: &'static str,
        /// The schema.
        schema: String,
    },
    /// Two types of one name.
    #[error("another type is called {0} as well")]
    NameTaken(String),
    /// Two events of one name that go the same way; one may be Samewire's own.
    #[error("another event is called {0} as well")]
    EventTaken(String),
}

/// The largest integer that a JavaScript number holds exactly.
const MAX_SAFE: i64 = (1 << 53) - 1;

/// Reads the schema of what stands at `place`.
pub(crate) fn read(place: &str, schema: &Value) -> Result<Type, Error> {
    Reader { place, schema }.read()
}

/// The description of a schema.
pub(crate) fn docs(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

struct Reader<'a> {
    place: &'a str,
    schema: &'a Value,
}

impl Reader<'_> {
    fn read(&self) -> Result<Type, Error> {
        let schema = match self.schema {
            Value::Bool(true) => return Ok(Type::Any),
            Value::Object(schema) => schema,
            _ => return Err(self.unsupported("no schema of a value")),
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            self.refuse_unknown(schema, &["$ref"])?;
            let name = reference.rsplit('/').next().unwrap_or_default();
            return Ok(Type::Ref(name.to_owned()));
        }
        if let Some(branches) =
            schema.get("oneOf").or(schema.get("anyOf")).and_then(Value::as_array)
        {
            self.refuse_unknown(schema, &["oneOf", "anyOf"])?;
            return self.branches(branches);
        }
        match schema.get("type") {
            None => {
                self.refuse_unknown(schema, &[])?;
                Ok(Type::Any)
            }
            Some(Value::String(name)) => self.named(schema, name),
            Some(Value::Array(names)) => match names.as_slice() {
                [Value::String(name), Value::String(null)] if null == "null" => {
                    Ok(Type::Nullable(Box::new(self.named(schema, name)?)))
                }
                _ => Err(self.unsupported("several types at once")),
            },
            Some(_) => Err(self.unsupported("no schema of a value")),
        }
    }

    fn named(&self, schema: &Map<String, Value>, name: &str) -> Result<Type, Error> {
        match name {
            "boolean" => self.refuse_unknown(schema, &["type"]).map(|()| Type::Boolean),
            "integer" => self.integer(schema),
            "number" => self.refuse_unknown(schema, &["type", "format"]).map(|()| Type::Number),
            "string" => self.string(schema),
            "array" => {
                self.refuse_unknown(schema, &["type", "items"])?;
                let items = schema.get("items").unwrap_or(&Value::Bool(true));
                let place = format!("{}[]", self.place);
                Ok(Type::Array(Box::new(read(&place, items)?)))
            }
            "object" => self.object(schema),
            _ => Err(self.unsupported("a type that payloads don't have")),
        }
    }

    fn integer(&self, schema: &Map<String, Value>) -> Result<Type, Error> {
        self.refuse_unknown(schema, &["type", "format", "minimum", "maximum"])?;
        let (min, max) = match schema.get("format").and_then(Value::as_str) {
            Some("uint8") => (0, u8::MAX.into()),
            Some("uint16") => (0, u16::MAX.into()),
            Some("uint32") => (0, u32::MAX.into()),
            Some("int8") => (i8::MIN.into(), i8::MAX.into()),
            Some("int16") => (i16::MIN.into(), i16::MAX.into()),
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            None => (-MAX_SAFE, MAX_SAFE),
            Some(_) => {
                return Err(
                    self.unsupported("JavaScript can't hold such an integer, use SafeInteger")
                );
            }
        };
        let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
        Ok(Type::Integer {
            min: bound("minimum").unwrap_or(min).max(min),
            max: bound("maximum").unwrap_or(max).min(max),
        })
    }

    fn string(&self, schema: &Map<String, Value>) -> Result<Type, Error> {
        self.refuse_unknown(schema, &["type", "format", "const", "enum"])?;
        let literals = match (schema.get("const"), schema.get("enum")) {
            (None, None) => None,
            (Some(literal), None) => Some(std::slice::from_ref(literal)),
            (None, Some(Value::Array(literals))) => Some(literals.as_slice()),
            _ => return Err(self.unsupported("no list of strings")),
        };
        if let Some(literals) = literals {
            let docs = docs(self.schema);
            let literals = literals
                .iter()
                .map(|literal| match literal {
                    Value::String(value) => {
                        Ok(Literal { value: value.clone(), docs: docs.clone() })
                    }
                    _ => Err(self.unsupported("a literal that is no string")),
                })
                .collect::<Result<_, _>>()?;
            return Ok(Type::OneOf { literals, open: false });
        }
        match schema.get("format").and_then(Value::as_str) {
            None => Ok(Type::String),
            Some("date-time") => Ok(Type::Timestamp),
            Some(_) => Err(self.unsupported("a string of a format that isn't known")),
        }
    }

    fn object(&self, schema: &Map<String, Value>) -> Result<Type, Error> {
        self.refuse_unknown(schema, &["type", "properties", "required", "additionalProperties"])?;
        let further = schema.get("additionalProperties");
        let Some(Value::Object(properties)) = schema.get("properties") else {
            let Some(further) = further else {
                return Ok(Type::Object(Object { fields: Vec::new(), open: false }));
            };
            let place = format!("{}{{}}", self.place);
            return Ok(Type::Record(Box::new(read(&place, further)?)));
        };
        let open = match further {
            None => false,
            Some(Value::Bool(true)) => true,
            Some(_) => return Err(self.unsupported("fields beside those that have names")),
        };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut fields = properties
            .iter()
            .map(|(name, schema)| {
                Ok(Field {
                    name: name.clone(),
                    docs: docs(schema),
                    ty: read(&format!("{}.{name}", self.place), schema)?,
                    required: required.contains(&name.as_str()),
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let declared = |field: &Field| {
            required.iter().position(|name| *name == field.name).unwrap_or(required.len())
        };
        fields.sort_by(|a, b| (declared(a), &a.name).cmp(&(declared(b), &b.name)));
        Ok(Type::Object(Object { fields, open }))
    }

    /// `T` or null; or strings that are known, and perhaps any other.
    fn branches(&self, branches: &[Value]) -> Result<Type, Error> {
        if let [value, null] = branches
            && null["type"] == "null"
        {
            return Ok(Type::Nullable(Box::new(read(self.place, value)?)));
        }
        let (mut all, mut any) = (Vec::new(), false);
        for branch in branches {
            match read(self.place, branch)? {
                Type::OneOf { literals, open } => {
                    all.extend(literals);
                    any |= open;
                }
                Type::String => any = true,
                _ => return Err(self.unsupported("branches that are not all strings")),
            }
        }
        Ok(Type::OneOf { literals: all, open: any })
    }

    /// Refuses keywords that would be overlooked.
    fn refuse_unknown(&self, schema: &Map<String, Value>, known: &[&str]) -> Result<(), Error> {
        let harmless = ["description", "title", "default"];
        if schema
            .keys()
            .all(|key| known.contains(&key.as_str()) || harmless.contains(&key.as_str()))
        {
            Ok(())
        } else {
            Err(self.unsupported("a keyword that isn't known"))
        }
    }

    fn unsupported(&self, problem: &'static str) -> Error {
        Error::Unsupported {
            place: self.place.to_owned(),
            problem,
            schema: self.schema.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value) -> String {
        read("Story.size", schema).unwrap_err().to_string()
    }

    #[test]
    fn an_integer_that_javascript_blurs_is_refused_by_name() {
        let error = refused(&json!({ "type": "integer", "format": "uint64", "minimum": 0 }));
        assert!(error.starts_with("Story.size: JavaScript can't hold"), "{error}");
    }

    #[test]
    fn a_keyword_that_no_product_checks_is_refused() {
        for schema in [
            json!({ "type": "string", "minLength": 3 }),
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
            json!({ "type": "null" }),
            json!(false),
        ] {
            assert!(refused(&schema).starts_with("Story.size: "), "{schema}");
        }
    }

    #[test]
    fn a_place_inside_is_named() {
        let schema = json!({ "type": "object", "properties": {
            "rows": { "type": "array", "items": { "type": "string", "pattern": "x" } },
        } });
        let error = read("Story", &schema).unwrap_err().to_string();
        assert!(error.starts_with("Story.rows[]: a keyword"), "{error}");
    }

    #[test]
    fn fields_stand_as_declared_and_the_optional_ones_last() {
        let schema = json!({ "type": "object",
            "properties": {
                "a": { "type": ["string", "null"] }, "b": { "type": "string" }, "c": { "type": "boolean" },
            },
            "required": ["c", "b"],
        });
        let Type::Object(object) = read("T", &schema).unwrap() else { panic!("no object") };
        let names: Vec<_> = object.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }
}
