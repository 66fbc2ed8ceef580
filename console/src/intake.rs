//! One line of NDJSON in, one row for `telemetry.events.v1` out: what `tripline send` and the HTTP face do with a line.
//!
//! Invariant: a row that comes out is a whole, valid event, and the same line gives the same bytes whichever way it came.
//! What only a stage of Tripline may say of an event is refused here with the field's name, not quietly changed.

use bus::{Header, Row, To};
use contracts::avro::Framing;
use contracts::codec::{self, EncodeError};
use contracts::draft::{self, Fill};
use contracts::id::{EndpointId, EventId};
use contracts::json_face::JsonError;
use contracts::owner_event;
use contracts::records::{SourceType, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics::TELEMETRY_EVENTS;

/// The longest line; the longest event, were every character of it escaped, is shorter.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The `content-type` of a record's value.
pub const AVRO_TYPE: &str = codec::CONTENT_TYPE;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Encoding(#[from] EncodeError),
    #[error("a line of more than {LINE_BYTES_MAX} bytes; an event has at most {max}", max = contracts::limits::EVENT_BYTES_MAX)]
    LineTooLong,
    #[error("`event_type`: {found:?} is written by the owner of a partition only; name another")]
    OwnersEvent { found: String },
    #[error("`{field}`: expected {expected}, found {found}; only a stage of Tripline may say otherwise, leave it out")]
    StagesClaim { field: &'static str, expected: &'static str, found: String },
}

/// Whose word is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The operator's, who may also replay what stages wrote.
    Operator,
    /// Anybody's, who may only tell original observations.
    Anybody,
}

/// How lines become rows.
#[derive(Debug, Clone)]
pub struct Intake {
    pub endpoint_id: EndpointId,
    /// What `source` is where a line does not say.
    pub source: &'static str,
    pub trust: Trust,
    pub framing: Framing,
}

/// An event ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    pub event_id: EventId,
    key: EndpointId,
    depth: String,
    value: Vec<u8>,
}

impl Intake {
    /// `place` is the number of the line, so that two equal lines are two events.
    pub fn prepare(&self, line: &[u8], place: u64, now: Timestamp) -> Result<Prepared, Refusal> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Refusal::LineTooLong);
        }
        let fill = Fill { endpoint_id: &self.endpoint_id, now, source: self.source, place };
        let event = draft::event_from_json(line, &fill)?;
        self.admit(&event)?;
        let mut value = Vec::new();
        codec::encode(&event, self.framing, &mut value)?;
        let depth = event.event_depth.get().to_string();
        Ok(Prepared { event_id: event.event_id, key: event.endpoint_id, depth, value })
    }

    fn admit(&self, event: &TelemetryEvent) -> Result<(), Refusal> {
        if owner_event::TYPES.contains(&event.event_type.as_str()) {
            return Err(Refusal::OwnersEvent { found: event.event_type.clone() });
        }
        let claim =
            |field, expected, found: &str| Err(Refusal::StagesClaim { field, expected, found: found.to_owned() });
        if self.trust == Trust::Operator {
            return Ok(());
        }
        let depth = event.event_depth.get();
        if event.is_watcher_generated {
            return claim("is_watcher_generated", "false", "true");
        }
        if event.source_type == SourceType::Watcher {
            return claim("source_type", "actor or external", "watcher");
        }
        if depth != 0 {
            return claim("event_depth", "0", &depth.to_string());
        }
        if !event.ancestry.is_empty() {
            return claim("ancestry", "an empty array", "rules");
        }
        Ok(())
    }
}

impl Prepared {
    pub fn headers(&self) -> [Header<'_>; 2] {
        [
            Header { name: "content-type", value: AVRO_TYPE.as_bytes() },
            Header { name: "tripline-depth", value: self.depth.as_bytes() },
        ]
    }

    pub fn row<'a>(&'a self, headers: &'a [Header<'a>]) -> Row<'a> {
        Row { topic: TELEMETRY_EVENTS, to: To::Key(self.key.as_str().as_bytes()), value: Some(&self.value), headers }
    }
}
