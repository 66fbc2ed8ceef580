//! The formula.
//!
//! Invariant: sums are in millionths of a point, in integers; every list stands in its one order, by UTF-16 code unit.

use std::collections::BTreeMap;

use contracts::canonical::utf16_order;
use contracts::field::{RiskScore, Symbols};
use contracts::id::{AgentId, ReportId, SnapshotId};
use contracts::identity::{self, RiskAlertParts};
use contracts::records::{
    EvidenceRef, RiskAlert, RiskAlertType, RiskConfidence, RiskReport, RiskSeverity, Signal, Snapshot,
};
use contracts::time::Timestamp;

/// The version of the formula, which every report carries.
pub const REPORT_VERSION: &str = "0.1.0";

/// From here on a score is told by an alert.
pub const HIGH_RISK: i32 = 80;

const RISK_MAX: i32 = 100;

const MILLION: u64 = 1_000_000;

/// What the formula says of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    pub report: RiskReport,
    /// What holds now, active; at most one of each type.
    pub alerts: Vec<RiskAlert>,
}

/// Scores an agent by all that was seen of it. The snapshots are the agent's own, in any order; one that is given
/// twice counts once.
pub fn score(agent: &AgentId, generated_at: Timestamp, snapshots: &[Snapshot]) -> Scored {
    let distinct: BTreeMap<&SnapshotId, &Snapshot> =
        snapshots.iter().map(|snapshot| (snapshot.id(), snapshot)).collect();
    let with_signals = distinct.values().filter(|snapshot| !snapshot.signals().is_empty()).count();
    let signals = distinct.values().flat_map(|snapshot| snapshot.signals()).cloned().collect();
    let report = rate(agent, generated_at, with_signals, signals);
    let alerts = holding(&report).map(|kind| alert(&report, kind)).into_iter().collect();
    Scored { report, alerts }
}

/// The report on these signals, which `snapshots` different snapshots hold.
pub(super) fn rate(agent: &AgentId, generated_at: Timestamp, snapshots: usize, mut signals: Vec<Signal>) -> RiskReport {
    signals.sort_by(Signal::order);
    let mut report = RiskReport {
        report_version: REPORT_VERSION.to_owned(),
        report_id: ReportId::new(""),
        agent_id: agent.clone(),
        generated_at,
        overall_risk: overall_risk(&signals),
        confidence: confidence(signals.len(), snapshots),
        reasons: reasons(&signals),
        evidence_links: evidence_links(&signals),
        signals,
    };
    report.report_id = identity::report_id(&report);
    report
}

fn overall_risk(signals: &[Signal]) -> RiskScore {
    let risk = if is_critical(signals) { RISK_MAX } else { rounded(signals.iter().map(weighted_points).sum()) };
    RiskScore::new(risk).expect("invariant: a risk is cut at the greatest score")
}

/// In millionths of a point.
fn weighted_points(signal: &Signal) -> u64 {
    let points = match signal.severity {
        RiskSeverity::Low => 5,
        RiskSeverity::Medium => 15,
        RiskSeverity::High => 30,
        RiskSeverity::Critical => 60,
    };
    points * u64::from(signal.weight.get().unsigned_abs())
}

/// Whole points, half up, and at most the greatest score.
fn rounded(millionths: u64) -> i32 {
    i32::try_from((millionths + MILLION / 2) / MILLION).unwrap_or(RISK_MAX).min(RISK_MAX)
}

fn is_critical(signals: &[Signal]) -> bool {
    signals.iter().any(|signal| signal.severity == RiskSeverity::Critical)
}

fn confidence(signals: usize, snapshots: usize) -> RiskConfidence {
    match (signals, snapshots) {
        (5.., 2..) => RiskConfidence::High,
        (2.., _) => RiskConfidence::Medium,
        _ => RiskConfidence::Low,
    }
}

fn reasons(signals: &[Signal]) -> Vec<String> {
    let mut reasons: Vec<String> =
        signals.iter().map(|signal| format!("{} signal: {}", signal.severity.symbol(), signal.signal_id)).collect();
    if is_critical(signals) {
        reasons.push("CRITICAL signal detected — risk set to maximum".to_owned());
    }
    reasons.sort_by(|a, b| utf16_order(a, b));
    reasons.dedup();
    reasons
}

/// In its one order, each once.
fn evidence_links(signals: &[Signal]) -> Vec<EvidenceRef> {
    let mut evidence = evidence_of(signals);
    evidence.dedup();
    evidence.into_iter().cloned().collect()
}

/// In its one order, repeats kept.
fn evidence_of<'a>(signals: impl IntoIterator<Item = &'a Signal>) -> Vec<&'a EvidenceRef> {
    let mut evidence: Vec<&EvidenceRef> = signals.into_iter().flat_map(|signal| &signal.evidence).collect();
    evidence.sort_by(|a, b| a.order(b));
    evidence
}

/// What the report is a reason to tell people; the gravest only.
pub(super) fn holding(report: &RiskReport) -> Option<RiskAlertType> {
    if is_critical(&report.signals) {
        Some(RiskAlertType::CriticalSignalDetected)
    } else if report.overall_risk.get() >= HIGH_RISK {
        Some(RiskAlertType::HighRiskScore)
    } else {
        None
    }
}

/// The alert that tells what [holds](holding), active.
pub(super) fn alert(report: &RiskReport, kind: RiskAlertType) -> RiskAlert {
    let risk = report.overall_risk.get();
    let (severity, evidence, description) = match kind {
        RiskAlertType::CriticalSignalDetected => {
            let critical = report.signals.iter().filter(|signal| signal.severity == RiskSeverity::Critical);
            let count = critical.clone().count();
            let signals = if count == 1 { "signal" } else { "signals" };
            let description = format!("{count} CRITICAL {signals}: the risk is {risk}, the maximum");
            (RiskSeverity::Critical, evidence_of(critical).into_iter().cloned().collect(), description)
        }
        RiskAlertType::HighRiskScore => {
            let description = format!("The risk is {risk}: {HIGH_RISK} and more is high");
            (RiskSeverity::High, report.evidence_links.clone(), description)
        }
    };
    RiskAlert {
        alert_id: RiskAlertParts { agent_id: &report.agent_id, severity, kind, evidence: &evidence }.id(),
        agent_id: report.agent_id.clone(),
        kind,
        severity,
        description,
        evidence_links: evidence,
        created_at: report.generated_at,
        is_active: true,
    }
}
