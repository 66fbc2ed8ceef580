//! Older and newer writers: what Avro's resolution promises, on records of ours.

use apache_avro::Schema;
use apache_avro::types::Value;
use contracts::avro::{Framed, Framing, SchemaId, WriterSchema};
use contracts::codec::{self, decode};
use contracts::record::Record;
use contracts::records::{AnyRecord, DeadLetter, DeadLetterReason, RuleMatch, TelemetryEvent};
use contracts::schema::BuiltIn;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::arbitrary::{by_apache_avro, sample, values};
use crate::registry::Registry;

fn sample_value<R: Record>() -> Value {
    values::<R>().new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// Writes a sample by a changed schema and reads it as ours, in both framings.
fn read_changed<R: Record + std::fmt::Debug + PartialEq>(
    schema: &str,
    change: impl Fn(&mut Vec<(String, Value)>),
) -> (R, R) {
    let original = sample_value::<R>();
    let Value::Record(mut fields) = original.clone() else { panic!("a record") };
    change(&mut fields);
    let avro = Schema::parse_str(schema).unwrap();
    let body = by_apache_avro(&avro, Value::Record(fields));
    let registry = Registry::with(schema);
    let writer = WriterSchema::parse(schema).unwrap();
    let mut by_id = vec![0, 0, 0, 0, 7];
    by_id.extend(&body);
    let mut by_fingerprint = Vec::new();
    Framing::SingleObject.write(writer.fingerprint(), &mut by_fingerprint);
    by_fingerprint.extend(&body);
    let read = decode::<R>(&by_id, &registry).unwrap();
    assert_eq!(decode::<R>(&by_fingerprint, &registry).unwrap(), read);
    (R::from_value(original).unwrap(), read)
}

fn changed(from: &str, to: &str) -> String {
    let ours = TelemetryEvent::schema().text();
    assert!(ours.contains(from), "{from}");
    ours.replace(from, to)
}

fn place(fields: &[(String, Value)], name: &str) -> usize {
    fields.iter().position(|(known, _)| known == name).unwrap()
}

const ACTOR: &str = r#"    {"name": "actor_id", "type": ["null", "string"], "default": null,
      "doc": "Who acted, where the source knows."},
"#;

#[test]
fn a_field_the_writer_does_not_know_gets_its_default() {
    let (mut original, read) = read_changed::<TelemetryEvent>(&changed(ACTOR, ""), |fields| {
        fields.remove(place(fields, "actor_id"));
    });
    original.actor_id = None;
    assert_eq!(read, original);
}

#[test]
fn a_field_we_do_not_know_is_passed_over() {
    let extra = r#"{"name": "extra", "type": {"type": "array", "items": {"type": "map", "values": "double"}}},"#;
    let (original, read) = read_changed::<TelemetryEvent>(&changed(ACTOR, &format!("{extra}{ACTOR}")), |fields| {
        let value = Value::Array(vec![Value::Map([("a".to_owned(), Value::Double(1.5))].into())]);
        fields.insert(place(fields, "actor_id"), ("extra".to_owned(), value));
    });
    assert_eq!(read, original);
}

#[test]
fn the_order_of_fields_is_the_writers() {
    let without = changed(ACTOR, "");
    let reordered = without.replacen("\"fields\": [\n", &format!("\"fields\": [\n{ACTOR}"), 1);
    let (original, read) = read_changed::<TelemetryEvent>(&reordered, |fields| {
        let actor = fields.remove(place(fields, "actor_id"));
        fields.insert(0, actor);
    });
    assert_eq!(read, original);
}

#[test]
fn numbers_are_promoted() {
    let narrow = changed(r#"{"name": "seq", "type": "long""#, r#"{"name": "seq", "type": "int""#);
    let narrow = narrow.replace(
        r#"{"name": "observed_at", "type": {"type": "long", "logicalType": "timestamp-micros"}"#,
        r#"{"name": "observed_at", "type": "long""#,
    );
    let (mut original, read) = read_changed::<TelemetryEvent>(&narrow, |fields| {
        let stream = place(fields, "stream");
        let run = vec![("boot_id".to_owned(), Value::String("b".to_owned())), ("seq".to_owned(), Value::Int(5))];
        fields[stream].1 = Value::Union(1, Box::new(Value::Record(run)));
        let observed_at = place(fields, "observed_at");
        fields[observed_at].1 = Value::Long(77);
    });
    original.stream = Some(contracts::records::Stream { boot_id: "b".to_owned(), seq: 5 });
    original.observed_at = contracts::time::Timestamp::from_micros(77).unwrap();
    assert_eq!(read, original);
}

#[test]
fn another_namespace_is_the_same_record() {
    let (original, read) = read_changed::<TelemetryEvent>(&changed("tripline.v1", "com.example"), |_| {});
    assert_eq!(read, original);
}

/// Equal bytes and an equal fingerprint, and yet another time: only the text of the schema tells.
#[test]
fn milliseconds_are_never_taken_for_microseconds() {
    let millis = changed("timestamp-micros", "timestamp-millis");
    let writer = WriterSchema::parse(&millis).unwrap();
    assert_eq!(writer.fingerprint(), TelemetryEvent::schema().fingerprint(), "the canonical form leaves it out");
    let event = sample::<TelemetryEvent>();
    let mut value = Vec::new();
    codec::encode(&event, Framing::Confluent(Registry::ID), &mut value).unwrap();
    let error = decode::<TelemetryEvent>(&value, &Registry::with(&millis)).unwrap_err();
    assert_eq!(error.dead_letter_reason(), Some(DeadLetterReason::Undecodable), "{error}");
}

#[test]
fn a_reason_of_a_later_version_is_read_as_invalid() {
    let later = DeadLetter::schema().text().replace("\"control_mismatch\"]", "\"control_mismatch\", \"unsigned\"]");
    let (_, read) = read_changed::<DeadLetter>(&later, |fields| {
        let reason = place(fields, "reason");
        fields[reason].1 = Value::Enum(6, "unsigned".to_owned());
    });
    assert_eq!(read.reason, DeadLetterReason::Invalid);
}

#[test]
fn a_topic_of_two_records_tells_them_apart_by_the_writers_schema() {
    let names = ["rule_match_v1", "telemetry_event_v1"];
    let event = sample::<TelemetryEvent>();
    let matched = sample::<RuleMatch>();
    for record in [AnyRecord::from(event), AnyRecord::from(matched)] {
        let mut value = Vec::new();
        record.encode(Framing::SingleObject, &mut value).unwrap();
        assert_eq!(AnyRecord::decode_one_of(&names, &value, &BuiltIn).unwrap().unwrap(), record);
        let schema = AnyRecord::schemas().into_iter().find(|schema| schema.name() == record.name()).unwrap();
        value.clear();
        record.encode(Framing::Confluent(Registry::ID), &mut value).unwrap();
        assert_eq!(AnyRecord::decode_one_of(&names, &value, &Registry::with(schema.text())).unwrap().unwrap(), record);
    }
    let alert = AnyRecord::schemas()[2];
    let value = [&[0, 0, 0, 0, 7][..], b"x"].concat();
    let unknown = AnyRecord::decode_one_of(&names, &value, &Registry::with(alert.text())).unwrap_err();
    assert_eq!(unknown.found, "alert_v1");
}

#[test]
fn framing_is_taken_apart_as_it_was_put_together() {
    let fingerprint = TelemetryEvent::schema().fingerprint();
    let mut value = Vec::new();
    Framing::SingleObject.write(fingerprint, &mut value);
    value.push(9);
    assert_eq!(Framed::open(&value).unwrap(), Framed::SingleObject(fingerprint, &[9]));
    value.clear();
    Framing::Confluent(SchemaId(0x0102_0304)).write(fingerprint, &mut value);
    assert_eq!(value, [0, 1, 2, 3, 4]);
    assert_eq!(Framed::open(&value).unwrap(), Framed::Confluent(SchemaId(0x0102_0304), &[]));
}
