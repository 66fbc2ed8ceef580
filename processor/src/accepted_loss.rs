//! `state.loss_accepted`: tells whoever reads the watcher events that a partition goes on without its state, or without input
//! that is gone.
//!
//! It is a row of the outbox like any other, behind those of the first record that is applied, and published with them.

use bus::{Header, Offset, Row, To};
use contracts::codec;
use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::json::Object;
use contracts::record::Record as _;
use contracts::records::TelemetryEvent;
use contracts::time::Timestamp;
use contracts::topics::WATCHER_EVENTS;

use crate::outbox::Rows;
use crate::settings::Settings;
use crate::store::Batch;
use crate::task::TaskId;
use contracts::owner_event::NO_ENDPOINT;

/// After every row of that record.
const INDEX: u32 = u32::MAX;

pub(crate) fn tell(settings: &Settings, task: TaskId, from: Offset, now: Timestamp, batch: &mut Batch) {
    let watcher_id = settings.instance.as_str();
    let payload = Object::new()
        .with("watcher_id", watcher_id)
        .with("partition", task.to_string())
        .with("from_offset", i64::try_from(from.0).unwrap_or(i64::MAX));
    let event = Object::new()
        .with("event_type", "state.loss_accepted")
        .with("topic", "watcher.lifecycle")
        .with("source_type", "watcher")
        .with("is_watcher_generated", true)
        .with("event_depth", 1_i64)
        .with("payload", payload);
    let endpoint_id = EndpointId::new(NO_ENDPOINT);
    let fill = Fill { endpoint_id: &endpoint_id, now, source: watcher_id, place: from.0 };
    let event = event_from_json(event.text().as_bytes(), &fill).expect("invariant: it is written as an event");
    let mut value = Vec::new();
    let framing = settings.framings.of(WATCHER_EVENTS, TelemetryEvent::NAME);
    codec::encode(&event, framing, &mut value).expect("invariant: it is short");
    let headers = [
        Header { name: "content-type", value: codec::CONTENT_TYPE.as_bytes() },
        Header { name: "tripline-depth", value: b"1" },
    ];
    let to = To::Key(watcher_id.as_bytes());
    let mut rows = Rows::default();
    rows.push(&Row { topic: WATCHER_EVENTS, to, value: Some(&value), headers: &headers })
        .expect("invariant: it is short");
    for row in rows.encoded() {
        batch.put_row(task, from, INDEX, row);
    }
}
