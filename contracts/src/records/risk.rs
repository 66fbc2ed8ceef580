//! Risk: the deterministic score of an agent, in the camel-case names of its own contract.

use std::cmp::Ordering;

use super::Snapshot;
use super::alert::EvidenceRef;
use crate::canonical::utf16_order;
use crate::fault::{Fault, Faults, Segment};
use crate::field::{JsonObject, Millionths, RiskScore};
use crate::id::{AgentId, AlertId, ReportId, SignalId};
use crate::json::Value;
use crate::json_face::{self, JsonError};
use crate::limits::RISK_INPUT_BYTES_MAX;
use crate::record::{Field, record, symbols};
use crate::shown::shown;
use crate::time::Timestamp;

record! {
    /// The risk of one agent and what it rests on. The latest by time is the one that holds.
    pub struct RiskReport as "risk_report_v1" {
        /// Version of the scoring: 0.1.0.
        report_version as "reportVersion": String,
        /// SHA-256 of the report without its time and this id.
        report_id as "reportId": ReportId,
        /// Whose risk; the record's key.
        agent_id as "agentId": AgentId,
        /// When it was scored.
        generated_at as "generatedAt": Timestamp,
        /// From 0 to 100.
        overall_risk as "overallRisk": RiskScore,
        /// How much the score rests on.
        confidence: RiskConfidence,
        /// Why, ascending, each once.
        reasons: Vec<String>,
        /// What supports the score, by type then ref, each once.
        evidence_links as "evidenceLinks": Vec<EvidenceRef>,
        /// What was scored, the gravest first, then by id.
        signals: Vec<Signal>,
    }
}

record! {
    /// One thing that speaks for risk.
    pub struct Signal as "signal" {
        /// Names the signal; in live scoring an alert.
        signal_id as "signalId": SignalId,
        /// How grave it is.
        severity: RiskSeverity,
        /// What part of its points count, in millionths.
        weight: Millionths,
        /// When it was observed, in whole seconds since 1970.
        observed_at as "observedAt": i64,
        /// What supports it.
        evidence: Vec<EvidenceRef>,
        /// The text of a JSON object with whatever else is known.
        details: Option<JsonObject>,
    }
}

symbols! {
    /// How grave a signal or a risk alert is.
    pub enum RiskSeverity as "risk_severity" {
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
        Critical = "CRITICAL",
    }
}

symbols! {
    /// How much a score rests on.
    pub enum RiskConfidence as "risk_confidence" {
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
    }
}

record! {
    /// That an agent's risk is too high, or is no longer.
    pub struct RiskAlert as "risk_alert_v1" {
        /// SHA-256 over what makes the alert this one.
        alert_id as "alertId": AlertId,
        /// Whose risk; the record's key.
        agent_id as "agentId": AgentId,
        /// What was seen.
        kind as "type": RiskAlertType,
        /// How grave it is.
        severity: RiskSeverity,
        /// The alert's text.
        description: String,
        /// What supports it.
        evidence_links as "evidenceLinks": Vec<EvidenceRef>,
        /// When it was raised.
        created_at as "createdAt": Timestamp,
        /// False when the condition has ended.
        is_active as "isActive": bool,
    }
}

symbols! {
    /// What a risk alert tells.
    pub enum RiskAlertType as "risk_alert_type" {
        CriticalSignalDetected = "CRITICAL_SIGNAL_DETECTED",
        HighRiskScore = "HIGH_RISK_SCORE",
    }
}

record! {
    /// Who is scored.
    pub struct Agent as "agent" {
        /// Names the agent.
        agent_id as "agentId": AgentId,
        /// Since when it is known.
        created_at as "createdAt": Option<Timestamp>,
        /// Words it is grouped by.
        labels: Vec<String>,
        /// How far it is trusted.
        status: Option<AgentStatus>,
    }
}

symbols! {
    /// How far an agent is trusted.
    pub enum AgentStatus as "agent_status" {
        Active = "ACTIVE",
        Probation = "PROBATION",
        Blocked = "BLOCKED",
    }
}

record! {
    /// An agent and what was seen of it, to be scored at once.
    pub struct RiskInput as "risk_input" {
        /// Who is scored.
        agent: Agent,
        /// The time the report will carry.
        generated_at as "generatedAt": Timestamp,
        /// What was seen, in any order.
        snapshots: Vec<Snapshot>,
    }
}

impl RiskInput {
    /// Every snapshot is of the agent; one that has no id gets it, one that has another than its own is refused.
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        json_face::document_from_json("risk input", RISK_INPUT_BYTES_MAX, text, check_agents)
    }
}

fn check_agents(input: &Value<'_>, faults: &mut Faults) {
    let member = |value: &Value<'_>, name: &str| value.as_object()?.get(name)?.as_str().map(str::to_owned);
    let agent = input.as_object().and_then(|input| member(input.get("agent")?, "agentId"));
    let snapshots = input.as_object().and_then(|input| input.get("snapshots")?.as_array()).unwrap_or_default();
    for (place, snapshot) in snapshots.iter().enumerate() {
        let (Some(expected), Some(found)) = (&agent, member(snapshot, "agentId")) else { continue };
        if *expected != found {
            let expected = format!("the agent's id {:?}", shown(expected));
            let fault = Fault::of_value(expected, format!("{:?}", shown(&found))).within(Segment::Field("agentId"));
            faults.push(fault.within(Segment::Item(place)).within(Segment::Field("snapshots")));
        }
    }
}

impl EvidenceRef {
    /// The one order of evidence: by type, then by ref.
    pub fn order(&self, other: &Self) -> Ordering {
        utf16_order(&self.kind, &other.kind).then_with(|| utf16_order(&self.reference, &other.reference))
    }
}

impl Signal {
    /// The one order of signals: the gravest first, then by id, then by all the rest of them, so that no two signals
    /// that differ are equal in it.
    pub fn order(&self, other: &Self) -> Ordering {
        let all = |signal: &Self| {
            let mut text = String::new();
            signal.write_json(&mut text);
            text
        };
        other
            .severity
            .cmp(&self.severity)
            .then_with(|| utf16_order(self.signal_id.as_str(), other.signal_id.as_str()))
            .then_with(|| all(self).cmp(&all(other)))
    }
}
