//! An event as a person writes it: `topic` and `payload` are enough, the rest is filled in.
//!
//! Pure: the host's name, the time and the place in the input are handed in.

use crate::id::{EndpointId, EventId};
use crate::identity::sent_event_id;
use crate::json::{self, Mode, Object, Value};
use crate::json_face::{self, JsonError};
use crate::limits::JSON_FACE_DEPTH_MAX;
use crate::records::TelemetryEvent;
use crate::time::Timestamp;

/// What stands in for what is not written.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// The host's name.
    pub endpoint_id: &'a EndpointId,
    pub now: Timestamp,
    /// `send` or `http`.
    pub source: &'a str,
    /// Line or item of the input, so that two equal lines are two events.
    pub place: u64,
}

/// Reads an event from JSON, filling in what is absent. What is there has to be right.
pub fn event_from_json(text: &[u8], fill: &Fill<'_>) -> Result<TelemetryEvent, JsonError> {
    event_from_value(json_face::parse::<TelemetryEvent>(text)?, fill)
}

/// [`event_from_json`] of what stands inside another text.
pub fn event_from_value(mut value: Value<'_>, fill: &Fill<'_>) -> Result<TelemetryEvent, JsonError> {
    let mut without_id = false;
    if let Value::Object(object) = &mut value {
        fill_in(object, fill);
        without_id = object.get("event_id").is_none();
        if without_id {
            object.insert("event_id", PLACEHOLDER);
        }
    }
    let mut event: TelemetryEvent = json_face::from_value(&value)?;
    if without_id {
        event.event_id = derived_id(&event, fill.place);
    }
    Ok(event)
}

/// Stands where the id will be, until the whole event is known.
const PLACEHOLDER: &str = "00000000";

fn fill_in(object: &mut Object<'_>, fill: &Fill<'_>) {
    let now = || Value::from(fill.now.to_string());
    let event_type = object.get("topic").cloned();
    let defaults = [
        ("schema_version", Some(Value::from(1))),
        ("event_type", event_type),
        ("endpoint_id", Some(Value::from(fill.endpoint_id.as_str().to_owned()))),
        ("source", Some(Value::from(fill.source.to_owned()))),
        ("source_type", Some(Value::from("external"))),
        ("is_watcher_generated", Some(Value::from(false))),
        ("event_depth", Some(Value::from(0))),
        ("scope", Some(Value::from(Object::new()))),
        ("observed_at", Some(now())),
        ("ingested_at", Some(now())),
    ];
    for (name, default) in defaults {
        if let Some(default) = default
            && object.get(name).is_none()
        {
            object.insert(name, default);
        }
    }
}

/// Hashed is the event as the JSON face writes it, so that spelling (a time as a number, another order) is no matter.
fn derived_id(event: &TelemetryEvent, place: u64) -> EventId {
    let text = json_face::to_json(event);
    let value = json::parse(text.as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX)
        .expect("invariant: the JSON face of an event is JSON");
    match value {
        Value::Object(event) => sent_event_id(event, place),
        other => unreachable!("invariant: the JSON face of an event is an object, not {}", other.kind()),
    }
}
