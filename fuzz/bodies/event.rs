//! A value on a topic, read as any record.
//!
//! Invariants: a value that is read is written again and read as the same; one that is not has an error that can be
//! shown; both ways of reading agree on what our own schema wrote.

use std::sync::Arc;

use contracts::avro::{Fingerprint, Framed, Framing, SchemaId, WriterSchema};
use contracts::codec::{self, LookupError, Schemas};
use contracts::limits::RECORD_BYTES_MAX;
use contracts::record::Record;
use contracts::records::{AnyRecord, TelemetryEvent};
use contracts::schema::BuiltIn;

/// What is built in, and two schemas of a registry: 1 is another team's for events, 2 is ours.
struct Registry {
    other: Arc<WriterSchema>,
    ours: Arc<WriterSchema>,
}

impl Schemas for Registry {
    fn by_id(&self, id: SchemaId) -> Result<Arc<WriterSchema>, LookupError> {
        match id {
            SchemaId(1) => Ok(self.other.clone()),
            SchemaId(2) => Ok(self.ours.clone()),
            _ => Err(LookupError::Unknown),
        }
    }

    fn by_fingerprint(&self, fingerprint: Fingerprint) -> Result<Arc<WriterSchema>, LookupError> {
        BuiltIn.by_fingerprint(fingerprint)
    }
}

thread_local! {
    static REGISTRY: Registry = Registry {
        other: Arc::new(WriterSchema::parse(include_str!("event_of_another_team.avsc")).expect("a schema")),
        ours: Arc::new(WriterSchema::parse(TelemetryEvent::schema().text()).expect("a schema")),
    };
}

pub fn run(value: &[u8]) {
    REGISTRY.with(|registry| read(value, registry));
}

fn read(value: &[u8], registry: &Registry) {
    match AnyRecord::decode_one_of(AnyRecord::NAMES, value, registry) {
        Err(unknown) => drop(unknown.to_string()),
        Ok(Err(error)) => {
            let shown = error.to_string();
            assert!(!shown.is_empty());
            assert!(error.dead_letter_reason().is_some(), "nothing here is only unavailable: {shown}");
        }
        Ok(Ok(record)) => survives(&record, registry),
    }
    if let Ok(framed) = Framed::open(value) {
        both_ways_agree(framed.body(), &registry.ours);
    }
}

/// Through its own encoding, byte for byte from there on, and through its JSON face.
fn survives(record: &AnyRecord, registry: &Registry) {
    let mut bytes = Vec::new();
    record.encode(Framing::SingleObject, &mut bytes).expect("what was read can be written");
    assert!(bytes.len() <= RECORD_BYTES_MAX + 10);
    let again = AnyRecord::decode(record.name(), &bytes, registry).expect("a known name").expect("what was written");
    assert_eq!(&again, record);
    let mut twice = Vec::new();
    again.encode(Framing::SingleObject, &mut twice).expect("what was read can be written");
    assert_eq!(twice, bytes);
    let text = record.to_json();
    let face = AnyRecord::from_json(record.name(), text.as_bytes()).expect("a known name");
    assert_eq!(&face.unwrap_or_else(|error| panic!("{error}: {text}")), record);
}

/// The fast path and the general one: the same event, or both none.
fn both_ways_agree(body: &[u8], ours: &WriterSchema) {
    let fast = codec::decode_body::<TelemetryEvent>(body);
    let general = codec::decode_foreign::<TelemetryEvent>(body, ours);
    match (&fast, &general) {
        (Ok(fast), Ok(general)) => assert_eq!(fast, general),
        (Err(_), Err(_)) => {}
        _ => panic!("the fast path says {fast:?}, the general one {general:?}"),
    }
}
