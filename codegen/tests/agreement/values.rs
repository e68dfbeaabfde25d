//! Values that fit a schema, most of the time; what they are is for both sides to say.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{select, subsequence},
};
use samewire_protocol::{asyncapi::schema_generator, event::Shape};
use serde_json::{Map, Value, json};

/// Values of a shape.
pub(crate) fn of(shape: Shape) -> BoxedStrategy<Value> {
    let mut generator = schema_generator("/$defs");
    let schema = (shape.schema)(&mut generator).to_value();
    let definitions = generator.take_definitions(true);
    of_schema(&schema, &definitions)
}

/// Any JSON, such as a payload may hold anywhere.
pub(crate) fn anything() -> BoxedStrategy<Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text(),];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(odd_key(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
    .boxed()
}

/// Keys that a careless reader trips over. None looks like a number: JavaScript moves those to the
/// front, and then the first mistake is another one.
pub(crate) fn odd_key() -> BoxedStrategy<String> {
    const ODD: &[&str] = &[
        "",
        "__proto__",
        "constructor",
        "toString",
        "valueOf",
        "hasOwnProperty",
        "a.b",
        "a[0]",
        "é",
        "\u{1f980}",
        "length",
        "type",
        "event",
        "room",
        "code",
    ];
    prop_oneof![select(ODD).prop_map(str::to_owned), "[a-zA-Z_]{1,6}"].boxed()
}

/// Texts that are nearly times, and often are.
pub(crate) fn time() -> BoxedStrategy<Value> {
    let year = prop_oneof![
        4 => 2000..2100_u32,
        1 => select(&[0, 50, 75, 99, 1900, 1969, 1970, 1971, 2000, 2400, 9998, 9999, 10000][..]),
    ];
    let (month, day) = (0..14_u32, prop_oneof![3 => 1..29_u32, 1 => 27..33_u32, 1 => Just(0)]);
    let clock = (
        prop_oneof![4 => 0..24_u32, 1 => 22..26_u32],
        prop_oneof![4 => 0..60_u32, 1 => 58..62_u32],
        prop_oneof![4 => 0..60_u32, 1 => 58..62_u32],
    );
    let fraction =
        prop_oneof![3 => Just(String::new()), 3 => "\\.[0-9]{3}", 1 => "\\.?[0-9]{0,11}"];
    let zone = prop_oneof![
        4 => Just("Z".to_owned()),
        2 => "[+-](0[0-9]|1[0-4]):[0-5][0-9]",
        1 => "[+-]2[2-5]:[0-6][0-9]",
        1 => select(&["z", "", " Z", "+00", "+0000", "-00:00", "+00:60", "UTC", "Z\n", "ZZ"][..]).prop_map(str::to_owned),
    ];
    let t = prop_oneof![20 => Just("T"), 1 => Just("t"), 1 => Just(" "), 1 => Just("")];
    let edge = select(
        &[
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999999Z",
            "1969-12-31T23:30:00-01:00",
            "1970-01-01T00:30:00+01:00",
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:59+00:01",
            "0070-01-01T00:00:00Z",
            "2000-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2024-02-30T00:00:00Z",
            "+02026-01-01T00:00:00Z",
            "２026-01-01T00:00:00Z",
            "2026-01-01T00:00:00−01:00",
            "1970-01-01T23:59:00+23:59",
            "1970-01-01T23:59:00+24:00",
            "2026-01-01T00:00:00.123456789Z",
            "2026-01-01T00:00:00.0123456789Z",
            "2026-01-01T00:00:00.Z",
        ][..],
    );
    let made = (year, month, day, t, clock, fraction, zone).prop_map(
        |(year, month, day, t, (hour, minute, second), fraction, zone)| {
            format!(
                "{year:04}-{month:02}-{day:02}{t}{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
            )
        },
    );
    prop_oneof![
        2 => (0..253_402_300_800_000_u64).prop_map(|ms| json!(samewire_protocol::Timestamp::from_unix_ms(ms))),
        1 => made.prop_map(Value::from),
        1 => edge.prop_map(Value::from),
    ]
    .boxed()
}

/// Numbers about the bounds that types have.
pub(crate) fn number() -> BoxedStrategy<Value> {
    let edges = [
        json!(0),
        json!(-1),
        json!(-0.0),
        json!(1.0),
        json!(0.5),
        json!(4_294_967_295_u32),
        json!(4_294_967_296_u64),
        json!(4_294_967_295.5),
        json!(9_007_199_254_740_991_u64),
        json!(9_007_199_254_740_992_u64),
        json!(9_007_199_254_740_993_u64),
        json!(-9_007_199_254_740_993_i64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(18_446_744_073_709_549_568_u64),
        json!(1e20),
        json!(1e21),
        json!(1e300),
        json!(-1e300),
        json!(5e-324),
    ];
    prop_oneof![
        select(edges.to_vec()),
        any::<u32>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has no such number", |number| {
            serde_json::Number::from_f64(number).map(Value::Number)
        }),
    ]
    .boxed()
}

/// Texts, some of which look like what serde says of other texts.
pub(crate) fn text() -> BoxedStrategy<Value> {
    const ODD: &[&str] = &[
        "",
        "true",
        "null",
        "5",
        "keydown",
        "online",
        "delivered",
        "x, expected y",
        "expected z",
        "missing field `a`",
        "a at line 3",
        "unknown variant `a`, expected b",
        "UNKNOWN",
        "INTERNAL",
        "\u{2028}",
        "${v}",
        "`",
        "'",
        "\\",
    ];
    prop_oneof![select(ODD).prop_map(Value::from), "\\PC{0,8}".prop_map(Value::from)].boxed()
}

fn of_schema(schema: &Value, definitions: &Map<String, Value>) -> BoxedStrategy<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return of_schema(&definitions[name], definitions);
    }
    if let Some(branches) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let branches: Vec<_> =
            branches.iter().map(|branch| of_schema(branch, definitions)).collect();
        return proptest::strategy::Union::new(branches).boxed();
    }
    if let Some(literal) = schema.get("const") {
        return Just(literal.clone()).boxed();
    }
    if let Some(literals) = schema["enum"].as_array() {
        return select(literals.clone()).boxed();
    }
    match &schema["type"] {
        Value::Array(names) => {
            let mut other = schema.clone();
            other["type"] = names[0].clone();
            prop_oneof![1 => Just(Value::Null), 3 => of_schema(&other, definitions)].boxed()
        }
        Value::String(name) => of_type(name, schema, definitions),
        _ => anything(),
    }
}

fn of_type(name: &str, schema: &Value, definitions: &Map<String, Value>) -> BoxedStrategy<Value> {
    match name {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => prop_oneof![20 => any::<u32>().prop_map(Value::from), 1 => number()].boxed(),
        "number" => number(),
        "string" if schema["format"] == "date-time" => {
            prop_oneof![8 => Just(json!("2026-11-21T07:38:47.123Z")), 1 => time()].boxed()
        }
        "string" => text(),
        "array" => {
            vec(of_schema(&schema["items"], definitions), 0..4).prop_map(Value::from).boxed()
        }
        "object" => object(schema, definitions),
        other => panic!("no values of the type {other} are known"),
    }
}

fn object(schema: &Value, definitions: &Map<String, Value>) -> BoxedStrategy<Value> {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let further = match &schema["additionalProperties"] {
        further @ Value::Object(_) => {
            btree_map(odd_key(), of_schema(further, definitions), 0..4).boxed()
        }
        _ => btree_map(odd_key(), anything(), 0..2).boxed(),
    };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (always, sometimes): (Vec<_>, Vec<_>) = properties
        .iter()
        .map(|(name, schema)| {
            let name = name.clone();
            of_schema(schema, definitions).prop_map(move |value| (name.clone(), value)).boxed()
        })
        .zip(properties.keys())
        .partition(|(_, name)| required.contains(&name.as_str()));
    let always: Vec<_> = always.into_iter().map(|(field, _)| field).collect();
    let sometimes: Vec<_> = sometimes.into_iter().map(|(field, _)| field).collect();
    let count = sometimes.len();
    let sometimes = subsequence(sometimes, 0..=count).prop_flat_map(|fields| fields);
    (further, always, sometimes)
        .prop_map(|(further, always, sometimes)| {
            let mut object: Map<String, Value> = further.into_iter().collect();
            object.extend(always.into_iter().chain(sometimes));
            Value::Object(object)
        })
        .boxed()
}
