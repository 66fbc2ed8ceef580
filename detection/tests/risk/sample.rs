//! Signals, snapshots and alerts with as little said as a test needs.

use contracts::canonical::Digest;
use contracts::field::{Depth, JsonObject, Millionths, SchemaVersion};
use contracts::id::{AgentId, AlertId, EndpointId, EventId, RuleId, SignalId};
use contracts::records::{
    Alert, AlertAction, Category, EscalationStatus, EvidenceRef, RiskSeverity, RuleSetRef, Scope, Severity, Signal,
    Snapshot, SourceType, TelemetryEvent,
};
use contracts::time::Timestamp;

pub fn agent(name: &str) -> AgentId {
    AgentId::new(name)
}

pub fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

pub fn weight(millionths: i32) -> Millionths {
    Millionths::new(millionths).unwrap()
}

pub fn evidence(kind: &str, reference: &str) -> EvidenceRef {
    EvidenceRef { kind: kind.to_owned(), reference: reference.to_owned() }
}

pub fn signal(id: &str, severity: RiskSeverity, millionths: i32) -> Signal {
    Signal {
        signal_id: SignalId::new(id),
        severity,
        weight: weight(millionths),
        observed_at: 7,
        evidence: vec![evidence("event", id)],
        details: None,
    }
}

pub fn snapshot(observed_at: i64, signals: Vec<Signal>) -> Snapshot {
    Snapshot::new(agent("a"), observed_at, signals)
}

/// An alert of the rule `r` in the set whose digest is all zeros.
pub fn alert(endpoint: &str, id: &str, severity: Severity) -> Alert {
    let event = TelemetryEvent {
        schema_version: SchemaVersion::ONE,
        event_id: EventId::new(format!("event-of-{id}")).unwrap(),
        event_type: "e".to_owned(),
        topic: "t".to_owned(),
        endpoint_id: EndpointId::new(endpoint),
        source: "s".to_owned(),
        source_type: SourceType::External,
        is_watcher_generated: false,
        event_depth: Depth::ZERO,
        causation_id: None,
        ancestry: Vec::new(),
        correlation_id: None,
        actor_id: None,
        scope: Scope { session_id: None, thread_id: None },
        observed_at: at(0),
        ingested_at: at(0),
        stream: None,
        labels: std::collections::BTreeMap::new(),
        payload: JsonObject::empty(),
    };
    let zero = Digest::from_bytes([0; 32]);
    Alert {
        alert_id: AlertId::new(id),
        rule_id: RuleId::new("r"),
        rule_name: "r".to_owned(),
        rule_digest: zero,
        rule_set: RuleSetRef { name: "set".to_owned(), digest: zero },
        trigger_event: event,
        severity,
        category: Category::Security,
        message: String::new(),
        triggered_at: at(5_999_999),
        acknowledged: false,
        acknowledged_by: None,
        escalation_status: EscalationStatus::None,
        source: "w".to_owned(),
        dedup_hash: zero,
        suppressed_until: None,
        occurrences: 1,
        group_key: "[]".to_owned(),
        window: None,
        action: AlertAction::Notify,
        evidence_refs: vec![evidence("event", &format!("event-of-{id}"))],
        attack: Vec::new(),
        confidence: weight(1_000_000),
        complete: true,
        episode: 0,
    }
}
