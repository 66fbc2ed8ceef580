//! Risk: the deterministic score of an agent, in the camel-case names of its own contract.

use super::alert::EvidenceRef;
use crate::field::{JsonObject, Millionths, RiskScore};
use crate::id::{AgentId, AlertId, ReportId, SignalId};
use crate::record::{record, symbols};
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
