//! An alert whole: its record, and the values its rule compared, read where the model says they stand.

use std::time::Duration;

use bus::{Batch, BatchLimit, BusError, Offset, Progress, Start, Until};
use contracts::codec::{self, DecodeError, Schemas};
use contracts::field::JsonObject;
use contracts::json::Object;
use contracts::json_face;
use contracts::record::Record;
use contracts::records::{Alert, TelemetryEvent};
use contracts::topics::{ALERTS, WATCHER_EVENTS};

use crate::Log;
use crate::wire::view::{AlertDetail, PlaceJson};

#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error(transparent)]
    Log(#[from] BusError),
    #[error("the record at {}@{} of {topic} cannot be read", place.partition, place.offset)]
    Record { topic: &'static str, place: PlaceJson, source: DecodeError },
    #[error("there is no record at {}@{} of {topic} any more; retention removed it", place.partition, place.offset)]
    Gone { topic: &'static str, place: PlaceJson },
}

/// An alert, what became of it, and why it was raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub detail: AlertDetail,
    pub alert: Alert,
    /// None where `rule.matched` is no longer kept.
    pub compared: Option<JsonObject>,
}

const ONE: BatchLimit = BatchLimit { records_max: 1, bytes_max: 1, wait: Duration::from_secs(10) };

pub fn explain(log: &dyn Log, schemas: &dyn Schemas, detail: AlertDetail) -> Result<Explained, ExplainError> {
    let alert = read(log, schemas, ALERTS, detail.place)?;
    let compared = match detail.compared {
        None => None,
        Some(place) => match read::<TelemetryEvent>(log, schemas, WATCHER_EVENTS, place) {
            Ok(event) => compared(&event),
            // It is kept for a shorter time than the alert.
            Err(ExplainError::Gone { .. } | ExplainError::Log(BusError::OffsetGone { .. })) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(Explained { detail, alert, compared })
}

impl Explained {
    /// The detail's members, `alert` in its JSON face, and `match_details`.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string(&self.detail).expect("invariant: what is shown of an alert is JSON");
        let closing = text.pop();
        assert_eq!(closing, Some('}'), "invariant: a struct is an object");
        text.push_str(",\"alert\":");
        text.push_str(&json_face::to_json(&self.alert));
        text.push_str(",\"match_details\":");
        text.push_str(self.compared.as_ref().map_or("null", JsonObject::as_str));
        text.push('}');
        text
    }

    /// What commands about the alert name it by.
    pub fn parameters(&self) -> Object<'_> {
        parameters(&self.alert)
    }
}

/// What commands about an alert name it by.
pub fn parameters(alert: &Alert) -> Object<'_> {
    Object::new()
        .with("alert_id", alert.alert_id.as_str())
        .with("rule_id", alert.rule_id.as_str())
        .with("group_key", &*alert.group_key)
        .with("endpoint_id", alert.trigger_event.endpoint_id.as_str())
}

fn compared(event: &TelemetryEvent) -> Option<JsonObject> {
    let payload = event.payload.value();
    JsonObject::new(payload.as_object()?.get("match_details")?.to_string()).ok()
}

fn read<R: Record>(
    log: &dyn Log,
    schemas: &dyn Schemas,
    topic: &'static str,
    place: PlaceJson,
) -> Result<R, ExplainError> {
    let mut reader = log.read(topic, &[place.partition], Start::At(Offset(place.offset)), Until::End)?;
    let mut batch = Batch::default();
    while batch.is_empty() {
        if reader.next(&mut batch, &ONE)? == Progress::Done {
            return Err(ExplainError::Gone { topic, place });
        }
    }
    let record = batch.records().next().expect("invariant: the batch is not empty");
    if record.offset.0 != place.offset {
        return Err(ExplainError::Gone { topic, place });
    }
    let value = record.value.ok_or(ExplainError::Gone { topic, place })?;
    codec::decode(value, schemas).map_err(|source| ExplainError::Record { topic, place, source })
}
