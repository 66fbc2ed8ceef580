//! Events to measure with: the shape of a process event, with a payload of a given size.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use contracts::field::{Depth, JsonObject, SchemaVersion};
use contracts::id::{EndpointId, EventId};
use contracts::records::{Scope, SourceType, Stream, TelemetryEvent};
use contracts::time::Timestamp;

/// The `number`th event; its payload is the text of an object of about `payload_bytes`.
pub fn event(payload_bytes: usize, number: u64) -> TelemetryEvent {
    let observed_at = Timestamp::from_micros(1_763_722_800_000_000).expect("a time in 2025");
    TelemetryEvent {
        schema_version: SchemaVersion::MIN,
        event_id: EventId::new(format!("{number:032x}")).expect("long enough"),
        event_type: "process.exec".to_owned(),
        topic: "process.exec".to_owned(),
        endpoint_id: EndpointId::new(format!("host-{:04}", number % 1000)),
        source: "sensor".to_owned(),
        source_type: SourceType::External,
        is_watcher_generated: false,
        event_depth: Depth::ZERO,
        causation_id: None,
        ancestry: Vec::new(),
        correlation_id: None,
        actor_id: Some("svc-build".to_owned()),
        scope: Scope { session_id: Some("session-41".to_owned()), thread_id: None },
        observed_at,
        ingested_at: observed_at,
        stream: Some(Stream { boot_id: "2f6c0d6e".to_owned(), seq: 1 }),
        labels: BTreeMap::from([("env".to_owned(), "prod".to_owned()), ("team".to_owned(), "build".to_owned())]),
        payload: JsonObject::new(payload(payload_bytes)).expect("an object"),
    }
}

fn payload(bytes: usize) -> String {
    let head = r#"{"pid":41232,"ppid":1,"executable":"/usr/bin/python3.11","exit_code":null,"arguments":["#;
    let mut text = String::from(head);
    let mut number = 0;
    while text.len() + 40 < bytes {
        write!(text, "\"--option-{number}=/usr/share/value\",").expect("a String takes all");
        number += 1;
    }
    text.push_str("\"-\"]}");
    text
}
