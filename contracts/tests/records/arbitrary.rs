//! Records of every kind, made from their shapes: a strategy knows the schema, and from the type only what a schema
//! cannot say.

use std::collections::HashMap;
use std::fmt::Debug;

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use contracts::record::Record;
use contracts::shape::{RecordShape, Shape};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;

/// Any record of the type.
pub fn arbitrary<R: Record + Debug>() -> impl Strategy<Value = R> {
    values::<R>().prop_map(|value| R::from_value(value).unwrap())
}

/// Any record of the type as a value of its schema.
pub fn values<R: Record>() -> BoxedStrategy<Value> {
    value(&R::shape(), "")
}

/// One record of the type, always the same.
pub fn sample<R: Record + Debug>() -> R {
    arbitrary().new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// The value's bytes as `apache-avro` writes them.
pub fn by_apache_avro(schema: &Schema, value: Value) -> Vec<u8> {
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
}

/// Calls a generic check for every record.
macro_rules! every_record {
    ($check:ident) => {{
        use contracts::records as all;
        $check::<all::TelemetryEvent>();
        $check::<all::RuleMatch>();
        $check::<all::Alert>();
        $check::<all::RiskReport>();
        $check::<all::RiskAlert>();
        $check::<all::GuardrailRequest>();
        $check::<all::GuardrailAction>();
        $check::<all::GuardrailCommand>();
        $check::<all::BudgetReservation>();
        $check::<all::ResponsePolicy>();
        $check::<all::EndpointState>();
        $check::<all::Outcome>();
        $check::<all::ControlCommand>();
        $check::<all::RuleSetPart>();
        $check::<all::DeadLetter>();
    }};
}
pub(crate) use every_record;

fn value(shape: &Shape, field: &str) -> BoxedStrategy<Value> {
    match shape {
        Shape::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Shape::Int => int(field).prop_map(Value::Int).boxed(),
        Shape::Long => prop_oneof![any::<i64>(), -70i64..70].prop_map(Value::Long).boxed(),
        Shape::Timestamp => times().prop_map(Value::TimestampMicros).boxed(),
        Shape::Bytes => vec(any::<u8>(), 0..200).prop_map(Value::Bytes).boxed(),
        Shape::String => text(field).prop_map(Value::String).boxed(),
        Shape::Json => json_object().prop_map(Value::String).boxed(),
        Shape::Optional(inner) => optional(inner, field),
        Shape::Array(items) => vec(value(items, field), 0..4).prop_map(Value::Array).boxed(),
        Shape::Map(values) => {
            let values = value(values, field);
            hash_map(any::<String>(), values, 0..4).prop_map(Value::Map).boxed()
        }
        Shape::Enum(shape) => {
            let symbols = shape.symbols.clone();
            (0..symbols.len()).prop_map(move |place| symbol(place, symbols[place])).boxed()
        }
        Shape::Record(shape) if shape.name == "alert_action" => action(shape),
        Shape::Record(shape) => record(shape),
    }
}

fn symbol(place: usize, symbol: &str) -> Value {
    Value::Enum(u32::try_from(place).unwrap(), symbol.to_owned())
}

fn optional(inner: &Shape, field: &str) -> BoxedStrategy<Value> {
    let some = value(inner, field).prop_map(|value| Value::Union(1, Box::new(value)));
    prop_oneof![Just(none()), some].boxed()
}

fn none() -> Value {
    Value::Union(0, Box::new(Value::Null))
}

fn record(shape: &RecordShape) -> BoxedStrategy<Value> {
    let fields: Vec<_> =
        shape.fields.iter().map(|field| (Just(field.name.to_owned()), value(&field.shape, field.name))).collect();
    fields.prop_map(Value::Record).boxed()
}

/// Each kind of action has its own fields: those of the others are taken away.
fn action(shape: &RecordShape) -> BoxedStrategy<Value> {
    let whole: Vec<_> = shape
        .fields
        .iter()
        .map(|field| {
            let always = match &field.shape {
                Shape::Optional(inner) => {
                    value(inner, field.name).prop_map(|value| Value::Union(1, Box::new(value))).boxed()
                }
                shape => value(shape, field.name),
            };
            (Just(field.name.to_owned()), always)
        })
        .collect();
    whole
        .prop_map(|mut fields| {
            let Value::Enum(_, kind) = fields[0].1.clone() else { panic!("the first field is the type") };
            let own: &[&str] = match kind.as_str() {
                "Block" => &["reason"],
                "Escalate" => &["target", "priority"],
                "LogSignal" => &["level"],
                "Guardrail" => &["action_type", "parameters"],
                _ => &[],
            };
            for (name, value) in &mut fields[1..] {
                if !own.contains(&name.as_str()) {
                    *value = none();
                }
            }
            Value::Record(fields)
        })
        .boxed()
}

/// What the schema calls an int and the type narrows.
fn int(field: &str) -> BoxedStrategy<i32> {
    match field {
        "schema_version" => Just(1).boxed(),
        "event_depth" | "depth" => prop_oneof![0..6, Just(i32::MAX)].boxed(),
        "confidence" | "weight" => (0..=1_000_000).boxed(),
        "confidence_delta" => (-1_000_000..=1_000_000).boxed(),
        "overallRisk" => (0..=100).boxed(),
        _ => any::<i32>().boxed(),
    }
}

/// What the schema calls a string and the type narrows.
fn text(field: &str) -> BoxedStrategy<String> {
    match field {
        "event_id" | "causation_id" | "trigger_event_id" => string_regex(".{8,12}").unwrap().boxed(),
        "rule_digest" | "digest" | "dedup_hash" | "value_hash" | "raw_sha256" | "hash" | "prev_hash" => {
            string_regex("[0-9a-f]{64}").unwrap().boxed()
        }
        _ => any::<String>().boxed(),
    }
}

fn times() -> impl Strategy<Value = i64> {
    use contracts::time::Timestamp;
    let (min, max) = (Timestamp::MIN.micros(), Timestamp::MAX.micros());
    prop_oneof![min..=max, Just(min), Just(max), -2i64..2]
}

/// Objects as others write them: repeated keys, lone surrogates, spaces, numbers no machine holds.
fn json_object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e400".to_owned()),
        Just("-0.0".to_owned()),
        Just("9007199254740993".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just(r#""a\nb""#.to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let object = |values: Vec<(&str, String)>, space: &str| {
        let members: Vec<_> = values.iter().map(|(key, value)| format!("\"{key}\":{space}{value}")).collect();
        format!("{{{space}{}{space}}}", members.join(","))
    };
    let key = prop_oneof![Just("a"), Just("b"), Just("ä"), Just("ts")];
    let space = prop_oneof![Just(""), Just(" "), Just("\n")];
    let values = leaf.prop_recursive(3, 12, 3, move |inner| {
        (vec((key.clone(), inner), 0..3), space.clone()).prop_map(move |(values, space)| object(values, space))
    });
    vec((prop_oneof![Just("x"), Just("y")], values), 0..3).prop_map(move |values| object(values, ""))
}

/// The value's bytes with every array and map cut into blocks of `block` items, each with its size before it, as Avro
/// allows and few writers do.
pub fn in_sized_blocks(value: &Value, block: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write_in_blocks(value, block, &mut out);
    out
}

fn write_in_blocks(value: &Value, block: usize, out: &mut Vec<u8>) {
    let mut blocks = |items: Vec<Vec<u8>>| {
        for items in items.chunks(block) {
            let bytes = items.concat();
            write_long(-i64::try_from(items.len()).unwrap(), out);
            write_long(i64::try_from(bytes.len()).unwrap(), out);
            out.extend(bytes);
        }
        write_long(0, out);
    };
    match value {
        Value::Array(items) => blocks(items.iter().map(|item| in_sized_blocks(item, block)).collect()),
        Value::Map(members) => blocks(in_order(members, block)),
        Value::Record(fields) => fields.iter().for_each(|(_, value)| write_in_blocks(value, block, out)),
        Value::Union(branch, inner) => {
            write_long(i64::from(*branch), out);
            write_in_blocks(inner, block, out);
        }
        Value::Null => {}
        Value::Boolean(truth) => out.push(u8::from(*truth)),
        Value::Int(number) => write_long(i64::from(*number), out),
        Value::Long(number) | Value::TimestampMicros(number) => write_long(*number, out),
        Value::Enum(place, _) => write_long(i64::from(*place), out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::String(text) => write_bytes(text.as_bytes(), out),
        other => panic!("no record has a {other:?}"),
    }
}

fn in_order(members: &HashMap<String, Value>, block: usize) -> Vec<Vec<u8>> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    let member = |(key, value): (&String, &Value)| {
        let mut out = Vec::new();
        write_bytes(key.as_bytes(), &mut out);
        write_in_blocks(value, block, &mut out);
        out
    };
    members.into_iter().map(member).collect()
}

pub fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(i64::try_from(bytes.len()).unwrap(), out);
    out.extend(bytes);
}

/// A second writer of numbers, slow and plain.
pub fn write_long(number: i64, out: &mut Vec<u8>) {
    let mut rest = (i128::from(number) * 2) ^ i128::from(number >> 63);
    rest &= i128::from(u64::MAX);
    while rest > 127 {
        out.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    out.push(u8::try_from(rest).unwrap());
}
