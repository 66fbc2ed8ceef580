//! One event through both faces.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;

use contracts::avro::{Fingerprint, Framing, SchemaId, WriterSchema};
use contracts::codec::{self, LookupError, Schemas};
use contracts::json_face::{from_json, to_json};
use contracts::record::Record;
use contracts::records::TelemetryEvent;

struct None;
impl Schemas for None {
    fn by_id(&self, id: SchemaId) -> Result<Arc<WriterSchema>, LookupError> {
        if id.0 == 7 {
            return Ok(Arc::new(WriterSchema::parse(TelemetryEvent::schema().text()).unwrap()));
        }
        Err(LookupError::Unknown)
    }
    fn by_fingerprint(&self, _: Fingerprint) -> Result<Arc<WriterSchema>, LookupError> {
        Err(LookupError::Unknown)
    }
}

#[test]
fn an_event_survives_both_faces() {
    let line = br#"{"schema_version":1,"event_id":"12345678","event_type":"a","topic":"b","endpoint_id":"c","source":"d","source_type":"external","is_watcher_generated":false,"event_depth":0,"scope":{},"observed_at":"2026-01-31T12:00:00.000001Z","ingested_at":1,"stream":{"boot_id":"x","seq":3},"labels":{"a":"b"},"payload":{"b":1.0,"a":"\ud800","a":2}}"#;
    let event: TelemetryEvent = from_json(line).unwrap();
    for framing in [Framing::SingleObject, Framing::Confluent(SchemaId(7))] {
        let mut out = Vec::new();
        codec::encode(&event, framing, &mut out).unwrap();
        let back: TelemetryEvent = codec::decode(&out, &None).unwrap();
        assert_eq!(back, event);
        let body = &out[if framing == Framing::SingleObject { 10 } else { 5 }..];
        let w = WriterSchema::parse(TelemetryEvent::schema().text()).unwrap();
        assert_eq!(codec::decode_foreign::<TelemetryEvent>(body, &w).unwrap(), event);
    }
    assert_eq!(from_json::<TelemetryEvent>(to_json(&event).as_bytes()).unwrap(), event);
}
