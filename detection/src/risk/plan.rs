//! What live scoring runs by, and what an alert is to it.

use std::collections::BTreeMap;

use contracts::canonical::Digest;
use contracts::field::{JsonObject, Millionths};
use contracts::id::{AgentId, RuleId, SignalId};
use contracts::json::{Object, Value};
use contracts::records::{Alert, EvidenceRef, RiskSeverity, Severity, Signal, Snapshot};

use crate::rule::RuleSet;

/// Snapshots of one agent that are rated; of more the newest.
pub const SIGNALS_MAX: usize = 256;

/// Reports of one agent that are kept; of more the newest.
pub const REPORTS_MAX: usize = 16;

/// An alert with a longer id gives no signal, and is counted. Ours are half as long.
pub const ALERT_ID_BYTES_MAX: usize = 128;

/// Of an alert's evidence a signal takes the first in order, up to so many and so much of their text: a report of
/// [`SIGNALS_MAX`] signals fits in a message. How many were left out stands in the signal's details.
pub const EVIDENCE_PER_SIGNAL_MAX: usize = 32;
pub const EVIDENCE_BYTES_PER_SIGNAL_MAX: usize = 2 * 1024;

/// A longer rule id is left out of a signal's details.
const RULE_ID_BYTES_MAX: usize = 256;

/// What live scoring runs by.
#[derive(Debug, Clone)]
pub struct RiskPlan {
    /// How long an alert speaks for risk, from its append time on.
    pub risk_window_ms: u64,
    /// Agents that are rated with one record because a snapshot of theirs has left; the rest with the next.
    pub agents_per_record_max: usize,
    pub weights: Weights,
}

/// What part of their points the alerts of a rule count for, by rule set and rule.
#[derive(Debug, Clone, Default)]
pub struct Weights(BTreeMap<(Digest, RuleId), Millionths>);

impl Default for RiskPlan {
    fn default() -> Self {
        Self { risk_window_ms: 24 * 3_600_000, agents_per_record_max: 100, weights: Weights::default() }
    }
}

impl Weights {
    /// Takes up those of a rule set. An alert names the set that was in force, so that sets of before stay until no alert
    /// of theirs can come.
    #[must_use]
    pub fn with_rule_set(mut self, digest: Digest, set: &RuleSet) -> Self {
        let rules = set.watchers.iter().flat_map(|watcher| &watcher.rules);
        self.0.extend(rules.map(|rule| ((digest, rule.id.clone()), rule.risk_weight)));
        self
    }

    /// The weight of the alert's rule; 1 where the rule is not known.
    fn of(&self, alert: &Alert) -> Millionths {
        let rule = (alert.rule_set.digest, alert.rule_id.clone());
        self.0.get(&rule).copied().unwrap_or_else(|| millionths(MILLION))
    }
}

impl RiskPlan {
    /// The alert as one snapshot of its endpoint, with one signal. None if it says nothing of risk.
    pub(super) fn snapshot(&self, alert: &Alert) -> Option<Snapshot> {
        let severity = match alert.severity {
            Severity::Info => return None,
            Severity::Low => RiskSeverity::Low,
            Severity::Medium => RiskSeverity::Medium,
            Severity::High => RiskSeverity::High,
            Severity::Critical => RiskSeverity::Critical,
        };
        if alert.alert_id.as_str().len() > ALERT_ID_BYTES_MAX {
            return None;
        }
        let evidence = first_evidence(&alert.evidence_refs);
        let left_out = alert.evidence_refs.len() - evidence.len();
        let observed_at = alert.triggered_at.micros().div_euclid(MILLION);
        let signal = Signal {
            signal_id: SignalId::new(alert.alert_id.as_str()),
            severity,
            weight: product(self.weights.of(alert), alert.confidence),
            observed_at,
            evidence,
            details: Some(details(&alert.rule_id, left_out)),
        };
        Some(Snapshot::new(agent_of(alert), observed_at, vec![signal]))
    }
}

/// The endpoint is the agent.
pub(super) fn agent_of(alert: &Alert) -> AgentId {
    AgentId::new(alert.trigger_event.endpoint_id.as_str())
}

const MILLION: i64 = 1_000_000;

/// Half up.
fn product(a: Millionths, b: Millionths) -> Millionths {
    millionths((i64::from(a.get()) * i64::from(b.get()) + MILLION / 2) / MILLION)
}

fn millionths(number: i64) -> Millionths {
    let number = i32::try_from(number).ok().and_then(|number| Millionths::new(number).ok());
    number.expect("invariant: one, and a share of a share, are shares")
}

fn first_evidence(all: &[EvidenceRef]) -> Vec<EvidenceRef> {
    let mut evidence: Vec<EvidenceRef> = all.to_vec();
    evidence.sort_by(EvidenceRef::order);
    evidence.truncate(EVIDENCE_PER_SIGNAL_MAX);
    let mut bytes = 0;
    let fitting = evidence.iter().take_while(|evidence| {
        bytes += evidence.kind.len() + evidence.reference.len();
        bytes <= EVIDENCE_BYTES_PER_SIGNAL_MAX
    });
    let count = fitting.count();
    evidence.truncate(count);
    evidence
}

fn details(rule_id: &RuleId, left_out: usize) -> JsonObject {
    let mut details = Object::new();
    if rule_id.as_str().len() <= RULE_ID_BYTES_MAX {
        details.insert("ruleId", rule_id.as_str());
    }
    if left_out > 0 {
        details.insert("evidenceLeftOut", Value::Number((left_out as u64).into()));
    }
    JsonObject::new(details.text()).expect("invariant: an object of two plain members is one")
}
