//! What was seen of an agent at one time.
//!
//! Invariant: a [`Snapshot`] stands in its one form, and its id is the hash of what it holds. Signals, the evidence in
//! each, and their details come in any order and spelling, and two snapshots that mean the same are equal to the byte.

use apache_avro::types::Value;

use super::alert::EvidenceRef;
use super::risk::Signal;
use crate::avro::Reader;
use crate::canonical::tolerant_text;
use crate::fault::{Fault, Faults, Segment};
use crate::field::JsonObject;
use crate::id::{AgentId, SnapshotId};
use crate::identity;
use crate::json;
use crate::record::{Field, record};
use crate::shape::Shape;
use crate::shown::shown;

/// What was seen of an agent at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    id: SnapshotId,
    agent_id: AgentId,
    observed_at: i64,
    signals: Vec<Signal>,
}

impl Snapshot {
    /// `observed_at` is in whole seconds since 1970.
    pub fn new(agent_id: AgentId, observed_at: i64, signals: Vec<Signal>) -> Self {
        let mut signals: Vec<Signal> = signals.into_iter().map(in_one_form).collect();
        signals.sort_by(Signal::order);
        let id = identity::snapshot_id(&agent_id, observed_at, &signals);
        Self { id, agent_id, observed_at, signals }
    }

    pub fn id(&self) -> &SnapshotId {
        &self.id
    }

    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// In whole seconds since 1970.
    pub fn observed_at(&self) -> i64 {
        self.observed_at
    }

    /// The gravest first.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }
}

fn in_one_form(mut signal: Signal) -> Signal {
    signal.evidence.sort_by(EvidenceRef::order);
    signal.details = signal.details.map(|details| {
        let text = tolerant_text(&details.value()).into_string();
        JsonObject::new(text).expect("invariant: canonical text of an object is one, as deep as before")
    });
    signal
}

record! {
    /// What was seen of an agent at one time.
    pub struct SnapshotRow as "snapshot" {
        /// SHA-256 of the rest; where it is absent, it is filled in.
        snapshot_id as "snapshotId": Option<SnapshotId>,
        /// Whom it is about.
        agent_id as "agentId": AgentId,
        /// When it was seen, in whole seconds since 1970.
        observed_at as "observedAt": i64,
        /// What was seen.
        signals: Vec<Signal>,
    }
}

impl From<&Snapshot> for SnapshotRow {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot { id, agent_id, observed_at, signals } = snapshot.clone();
        Self { snapshot_id: Some(id), agent_id, observed_at, signals }
    }
}

impl TryFrom<SnapshotRow> for Snapshot {
    type Error = Fault;

    /// An id that is given has to be the right one.
    fn try_from(row: SnapshotRow) -> Result<Self, Fault> {
        let snapshot = Self::new(row.agent_id, row.observed_at, row.signals);
        match row.snapshot_id {
            Some(given) if given != snapshot.id => {
                let expected = format!("\"{}\", the hash of what the snapshot holds, or no id", snapshot.id);
                let found = format!("{:?}", shown(given.as_str()));
                Err(Fault::of_value(expected, found).within(Segment::Field("snapshotId")))
            }
            _ => Ok(snapshot),
        }
    }
}

/// On the wire a snapshot is its row.
impl Field for Snapshot {
    fn shape() -> Shape {
        SnapshotRow::shape()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        SnapshotRow::from(self).write(out)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = from.at();
        SnapshotRow::read(from)?.try_into().map_err(|fault: Fault| fault.at(at))
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        SnapshotRow::from_value(value)?.try_into()
    }

    fn write_json(&self, out: &mut String) {
        SnapshotRow::from(self).write_json(out);
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let snapshot = SnapshotRow::read_json(value, faults)?.try_into();
        snapshot.map_err(|fault| faults.push(fault)).ok()
    }
}
