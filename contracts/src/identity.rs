//! How ids are made: SHA-256 over canonical JSON of what makes a thing this one.
//!
//! Invariant: no clock, partition or offset enters an id that a replay must give again. What enters each is named here
//! and nowhere else.
//!
//! Absent on purpose: random ids.

use crate::canonical::{self, Digest, tolerant_text};
use crate::field::{JsonObject, Symbols};
use crate::id::{ActionId, AgentId, AlertId, CommandId, EndpointId, EventId, ReportId, RequestId, RuleId, SnapshotId};
use crate::json::{self, Mode, Object, Value};
use crate::limits::JSON_FACE_DEPTH_MAX;
use crate::record::Field;
use crate::records::{ControlCommandType, EvidenceRef, RiskAlertType, RiskReport, RiskSeverity, Signal};
use crate::time::Timestamp;

/// What makes an alert this one.
#[derive(Debug, Clone, Copy)]
pub struct AlertParts<'a> {
    pub dedup_hash: Digest,
    pub endpoint_id: &'a EndpointId,
    pub episode: i64,
    /// Canonical JSON array, as the alert carries it.
    pub group_key: &'a str,
    pub rule_digest: Digest,
    pub trigger_event_id: &'a EventId,
}

impl AlertParts<'_> {
    pub fn id(&self) -> AlertId {
        AlertId::new(hash(
            Object::new()
                .with("dedup_hash", self.dedup_hash.to_string())
                .with("endpoint_id", self.endpoint_id.as_str())
                .with("episode", self.episode)
                .with("group_key", self.group_key)
                .with("rule_digest", self.rule_digest.to_string())
                .with("trigger_event_id", self.trigger_event_id.as_str()),
        ))
    }
}

/// What repeats of a rule without a window are known by; `payload` is what [`canonical::payload`] leaves of it, or only
/// what the rule's `dedup_by` names.
pub fn dedup_hash(event_type: &str, topic: &str, rule_id: &RuleId, payload: canonical::Text) -> Digest {
    let text = |text: &str| tolerant_text(&Value::from(text));
    canonical::object([
        ("event_type", text(event_type)),
        ("payload", payload),
        ("rule_id", text(rule_id.as_str())),
        ("topic", text(topic)),
    ])
    .digest()
}

/// What repeats of a rule with a window are known by.
pub fn window_dedup_hash(group_key: &str, rule_id: &RuleId) -> Digest {
    digest(Object::new().with("group_key", group_key).with("rule_id", rule_id.as_str()))
}

/// What makes a request this one.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    pub action_type: &'a str,
    pub alert_id: &'a AlertId,
    pub parameters: &'a JsonObject,
    /// For a rule's request the time of the trigger.
    pub requested_at: Timestamp,
    pub requested_by: &'a str,
}

impl RequestParts<'_> {
    pub fn id(&self) -> RequestId {
        RequestId::new(hash(
            Object::new()
                .with("action_type", self.action_type)
                .with("alert_id", self.alert_id.as_str())
                .with("parameters", self.parameters.value())
                .with("requested_at", self.requested_at.to_string())
                .with("requested_by", self.requested_by),
        ))
    }
}

/// What makes an action this one.
#[derive(Debug, Clone, Copy)]
pub struct ActionParts<'a> {
    pub action_type: &'a str,
    pub cacao_step_id: &'a str,
    pub parameters: &'a JsonObject,
    pub playbook_digest: Digest,
    pub request_id: &'a RequestId,
    pub target: &'a str,
}

impl ActionParts<'_> {
    pub fn id(&self) -> ActionId {
        ActionId::new(hash(
            Object::new()
                .with("action_type", self.action_type)
                .with("cacao_step_id", self.cacao_step_id)
                .with("parameters", self.parameters.value())
                .with("playbook_digest", self.playbook_digest.to_string())
                .with("request_id", self.request_id.as_str())
                .with("target", self.target),
        ))
    }
}

/// What makes an event of a watcher this one.
#[derive(Debug, Clone, Copy)]
pub struct WatcherEventParts<'a> {
    pub causation_id: &'a EventId,
    pub endpoint_id: &'a EndpointId,
    pub event_type: &'a str,
    pub payload: &'a JsonObject,
}

impl WatcherEventParts<'_> {
    pub fn id(&self) -> EventId {
        event_id(
            Object::new()
                .with("causation_id", self.causation_id.as_str())
                .with("endpoint_id", self.endpoint_id.as_str())
                .with("event_type", self.event_type)
                .with("payload", self.payload.value()),
        )
    }
}

/// What makes a command this one: the same thing asked for by the same person at the same microsecond is asked for once.
#[derive(Debug, Clone, Copy)]
pub struct CommandParts<'a> {
    pub command: ControlCommandType,
    pub parameters: &'a JsonObject,
    pub issued_by: &'a str,
    pub issued_at: Timestamp,
}

impl CommandParts<'_> {
    pub fn id(&self) -> CommandId {
        CommandId::new(hash(
            Object::new()
                .with("command", self.command.symbol())
                .with("parameters", self.parameters.value())
                .with("issued_by", self.issued_by)
                .with("issued_at", self.issued_at.to_string()),
        ))
    }
}

/// The id of what was seen of an agent. Signals, and the evidence in each, stand in the one order that
/// [`crate::records::Snapshot`] gives them.
pub(crate) fn snapshot_id(agent_id: &AgentId, observed_at: i64, signals: &Vec<Signal>) -> SnapshotId {
    let signals = face(signals);
    SnapshotId::new(hash(
        Object::new()
            .with("agentId", agent_id.as_str())
            .with("observedAt", observed_at)
            .with("signals", read(&signals)),
    ))
}

/// The id of what a report says: one that says the same at another time has the same.
pub fn report_id(report: &RiskReport) -> ReportId {
    ReportId::new(hash(
        Object::new()
            .with("reportVersion", &*report.report_version)
            .with("agentId", report.agent_id.as_str())
            .with("overallRisk", i64::from(report.overall_risk.get()))
            .with("confidence", report.confidence.symbol())
            .with("reasons", report.reasons.iter().map(|reason| Value::from(reason.as_str())).collect::<Vec<_>>())
            .with("evidenceLinks", report.evidence_links.iter().map(evidence_part).collect::<Vec<_>>())
            .with("signals", report.signals.iter().map(signal_part).collect::<Vec<_>>()),
    ))
}

// Members in their canonical order: the writer need not move them.

fn signal_part(Signal { severity, signal_id, .. }: &Signal) -> Value<'_> {
    Object::new().with("severity", severity.symbol()).with("signalId", signal_id.as_str()).into()
}

fn evidence_part(EvidenceRef { kind, reference }: &EvidenceRef) -> Value<'_> {
    Object::new().with("ref", reference.as_str()).with("type", kind.as_str()).into()
}

/// A field as the JSON face names what is in it.
fn face(field: &impl Field) -> String {
    let mut text = String::new();
    field.write_json(&mut text);
    text
}

fn read(face: &str) -> Value<'_> {
    json::parse(face.as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX)
        .expect("invariant: the JSON face of a field is JSON within the depth")
}

/// What makes a risk alert this one.
#[derive(Debug, Clone, Copy)]
pub struct RiskAlertParts<'a> {
    pub agent_id: &'a AgentId,
    pub severity: RiskSeverity,
    pub kind: RiskAlertType,
    /// All of it, in its order; only the first few enter.
    pub evidence: &'a [EvidenceRef],
}

/// How many references of its evidence tell a risk alert from another.
const TOP_EVIDENCE: usize = 5;

impl RiskAlertParts<'_> {
    pub fn id(&self) -> AlertId {
        let top = self.evidence.iter().take(TOP_EVIDENCE);
        let top: Vec<Value<'_>> = top.map(|evidence| Value::from(&*evidence.reference)).collect();
        AlertId::new(hash(
            Object::new()
                .with("agentId", self.agent_id.as_str())
                .with("severity", self.severity.symbol())
                .with("type", self.kind.symbol())
                .with("topEvidenceRefs", top),
        ))
    }
}

/// The id of an event that somebody sends without one: of its JSON face, less `event_id` and `ingested_at`, and of its
/// place in the input, so that two equal lines are two events.
pub(crate) fn sent_event_id(event: Object<'_>, place: u64) -> EventId {
    let hashed = event.into_iter().filter(|(name, _)| !matches!(&**name, "event_id" | "ingested_at"));
    let event = hashed.fold(Object::new(), |event, (name, value)| event.with(name, value));
    let place = Value::Number(place.into());
    event_id(Object::new().with("event", event).with("place", place))
}

fn event_id(parts: Object<'_>) -> EventId {
    EventId::new(hash(parts)).expect("invariant: a SHA-256 is long enough for an event id")
}

fn hash(parts: Object<'_>) -> String {
    digest(parts).to_string()
}

/// Tolerant, for payloads and parameters are in it; of our own parts it differs in nothing from the strict form.
fn digest(parts: Object<'_>) -> Digest {
    tolerant_text(&Value::Object(parts)).digest()
}
