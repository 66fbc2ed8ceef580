//! The record that says where in a partition a command takes effect.

use contracts::canonical::Digest;
use contracts::json::{self, Mode};
use contracts::limits::JSON_FACE_DEPTH_MAX;

use super::commands::Given;

/// Names the command at a place of the control topic, and what it says there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub control_offset: i64,
    pub digest: Digest,
}

/// Why a record that says it is a marker is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a marker's payload, {{\"control_offset\": whole number, \"digest\": SHA-256 in hex}}")]
pub(crate) struct NoMarker;

impl Given {
    pub(crate) fn marker(&self) -> Marker {
        Marker { control_offset: self.offset, digest: self.digest }
    }
}

impl Marker {
    pub fn read(payload: &str) -> Result<Self, NoMarker> {
        let payload = json::parse(payload.as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX).map_err(|_| NoMarker)?;
        let members = payload.as_object().ok_or(NoMarker)?;
        let control_offset = members.get("control_offset").and_then(json::Value::as_number);
        let control_offset = control_offset.and_then(json::Number::to_i64).ok_or(NoMarker)?;
        let digest = members.get("digest").and_then(|digest| digest.as_str()).ok_or(NoMarker)?;
        Ok(Self { control_offset, digest: digest.parse().map_err(|_| NoMarker)? })
    }

    pub fn payload(&self) -> String {
        format!(r#"{{"control_offset":{},"digest":"{}"}}"#, self.control_offset, self.digest)
    }
}
