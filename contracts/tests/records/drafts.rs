//! What a person need not type, and what is filled in for it.

use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::json_face::to_json;
use contracts::records::TelemetryEvent;

fn draft_at(place: u64, text: &str) -> Result<TelemetryEvent, String> {
    let endpoint_id = EndpointId::new("host-1");
    let now = "2026-01-31T12:00:00.000001Z".parse().unwrap();
    let fill = Fill { endpoint_id: &endpoint_id, now, source: "send", place };
    event_from_json(text.as_bytes(), &fill).map_err(|error| error.to_string())
}

fn draft(text: &str) -> Result<TelemetryEvent, String> {
    draft_at(1, text)
}

#[test]
fn topic_and_payload_are_enough() {
    let event = draft(r#"{"topic":"chat.user_msg","payload":{"text":"hi"}}"#).unwrap();
    let id = event.event_id.as_str();
    assert_eq!(id.len(), 64);
    let expected = format!(
        r#"{{"schema_version":1,"event_id":"{id}","event_type":"chat.user_msg","topic":"chat.user_msg","endpoint_id":"host-1","source":"send","source_type":"external","is_watcher_generated":false,"event_depth":0,"ancestry":[],"scope":{{}},"observed_at":"2026-01-31T12:00:00.000001Z","ingested_at":"2026-01-31T12:00:00.000001Z","labels":{{}},"payload":{{"text":"hi"}}}}"#
    );
    assert_eq!(to_json(&event), expected);
}

#[test]
fn what_is_typed_is_kept() {
    let event =
        draft(r#"{"topic":"a","event_type":"b","endpoint_id":"c","event_id":"12345678","observed_at":1,"payload":{}}"#)
            .unwrap();
    assert_eq!((event.event_type.as_str(), event.endpoint_id.as_str()), ("b", "c"));
    assert_eq!((event.event_id.as_str(), event.observed_at.micros()), ("12345678", 1));
}

#[test]
fn an_id_is_of_the_event_and_its_place() {
    let id = |place, text| draft_at(place, text).unwrap().event_id;
    let (one, spelled) =
        (r#"{"topic":"a","payload":{"x":1}}"#, r#"{ "payload": {"x":1.0}, "labels": {}, "topic": "a" }"#);
    assert_eq!(id(1, one), id(1, spelled), "spelling is no matter");
    assert_ne!(id(1, one), id(2, one), "two equal lines are two events");
    assert_ne!(id(1, one), id(1, r#"{"topic":"a","payload":{"x":2}}"#));
    let published = |at| format!(r#"{{"topic":"a","ingested_at":{at},"payload":{{}}}}"#);
    assert_eq!(id(1, &published(1)), id(1, &published(2)), "when it was published is no part of it");
}

#[test]
fn what_is_wrong_is_told_of_what_was_typed_alone() {
    assert_eq!(
        draft(r#"{"topc":"a"}"#).unwrap_err(),
        "telemetry_event_v1: `topc`: unknown field; the nearest known is `topic`; `event_type`: missing; expected a string; \
         `topic`: missing; expected a string; `payload`: missing; expected an object"
    );
    assert_eq!(draft("7").unwrap_err(), "telemetry_event_v1: expected an object, found a number");
    assert!(draft(r#"{"topic":"a","payload":{},"event_id":null}"#).unwrap_err().contains("`event_id`"));
}
