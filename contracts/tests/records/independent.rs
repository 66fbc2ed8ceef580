//! `fastavro`, which shares no line with us: it reads what we wrote, we read what it wrote, in both encodings, and it
//! comes to the same fingerprints.

use std::fmt::{Debug, Write as _};

use contracts::avro::{Framing, WriterSchema};
use contracts::codec::{self, decode, decode_foreign};
use contracts::json_face::to_json;
use contracts::record::Record;
use contracts::records::TelemetryEvent;
use contracts::schema::BuiltIn;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use testbed::python;

use crate::arbitrary::{arbitrary, every_record};
use crate::registry::Registry;

const SAMPLES: usize = 16;

/// Reads each value, framed in either way, by the schema alone, writes it anew, and frames it as it came. Logical types
/// are taken off, for Python has no year 0.
const READ_AND_WRITE: &str = r#"
import io, json, struct, sys
import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

def plain(schema):
    if isinstance(schema, list):
        return [plain(branch) for branch in schema]
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return schema

job = json.load(sys.stdin)
original = json.loads(job["schema"])
schema = fastavro.parse_schema(plain(original))
crc = bytes.fromhex(fingerprint(to_parsing_canonical_form(original), "CRC-64-AVRO"))
written = []
for value in map(bytes.fromhex, job["values"]):
    if value[0] == 0:
        assert struct.unpack(">I", value[1:5]) == (7,), value[:5]
        head, body = value[:5], value[5:]
    else:
        assert value[:2] == b"\xc3\x01" and value[2:10] == crc, (value[:10].hex(), crc.hex())
        head, body = value[:10], value[10:]
    source = io.BytesIO(body)
    record = fastavro.schemaless_reader(source, schema, schema)
    assert source.read() == b"", "all of it is read"
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    written.append((head + out.getvalue()).hex())
json.dump(written, sys.stdout)
"#;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs.iter().map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn fastavro_reads_ours_and_we_read_its() {
    fn check<R: Record + Debug + PartialEq>() {
        let mut runner = TestRunner::deterministic();
        let mut encoded = Vec::new();
        for place in 0..SAMPLES {
            let record: R = arbitrary().new_tree(&mut runner).unwrap().current();
            let framing = if place % 2 == 0 { Framing::SingleObject } else { Framing::Confluent(Registry::ID) };
            let mut value = Vec::new();
            codec::encode(&record, framing, &mut value).unwrap();
            encoded.push((record, value));
        }
        let values: Vec<_> = encoded.iter().map(|(_, value)| hex(value)).collect();
        let job = serde_json::json!({"schema": R::schema().text(), "values": values}).to_string();
        let answer = python::with(&["fastavro==1.13.1"]).run(READ_AND_WRITE, &[], job.as_bytes());
        let written: Vec<String> = serde_json::from_slice(&answer).unwrap();
        assert_eq!(written.len(), SAMPLES);
        let registry = Registry::with(R::schema().text());
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        for ((record, _), value) in encoded.iter().zip(&written) {
            let value = unhex(value);
            let (read, body) = match value[0] {
                0 => (decode::<R>(&value, &registry).unwrap(), &value[5..]),
                _ => (decode::<R>(&value, &BuiltIn).unwrap(), &value[10..]),
            };
            assert_eq!(&read, record, "{}", R::NAME);
            assert_eq!(&decode_foreign::<R>(body, &writer).unwrap(), record, "{}", R::NAME);
        }
    }
    every_record!(check);
}

/// What a Python consumer sees, times and all.
const SHOW: &str = r#"
import io, json, sys
import fastavro
job = json.load(sys.stdin)
schema = fastavro.parse_schema(json.loads(job["schema"]))
record = fastavro.schemaless_reader(io.BytesIO(bytes.fromhex(job["value"])[10:]), schema, schema)
record["payload"] = json.loads(record["payload"])
for name in ("observed_at", "ingested_at"):
    record[name] = record[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
json.dump(record, sys.stdout)
"#;

#[test]
fn a_python_consumer_sees_the_event_of_the_json_face() {
    let text = r#"{"schema_version":1,"event_id":"12345678","event_type":"process.exec","topic":"t","endpoint_id":"ä","source":"d","source_type":"actor","is_watcher_generated":false,"event_depth":3,"causation_id":"abcdefgh","ancestry":["r1","r2"],"scope":{"session_id":"s"},"observed_at":"2026-01-31T12:00:00.000001Z","ingested_at":"1969-12-31T23:59:59.999999Z","stream":{"boot_id":"b","seq":9007199254740993},"labels":{"k":"v"},"payload":{"a":[1,2]}}"#;
    let event: TelemetryEvent = contracts::json_face::from_json(text.as_bytes()).unwrap();
    let mut value = Vec::new();
    codec::encode(&event, Framing::SingleObject, &mut value).unwrap();
    let job = serde_json::json!({"schema": TelemetryEvent::schema().text(), "value": hex(&value)}).to_string();
    let answer = python::with(&["fastavro==1.13.1"]).run(SHOW, &[], job.as_bytes());
    let mut seen: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&to_json(&event)).unwrap();
    drop_nulls(&mut seen);
    assert_eq!(seen, expected);
}

fn drop_nulls(value: &mut serde_json::Value) {
    if let serde_json::Value::Object(object) = value {
        object.retain(|_, value| !value.is_null());
        object.values_mut().for_each(drop_nulls);
    }
}
