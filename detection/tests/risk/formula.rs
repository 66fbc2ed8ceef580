//! The formula, to the point and to the byte.

use std::collections::BTreeSet;

use contracts::canonical::Digest;
use contracts::field::JsonObject;
use contracts::json_face::to_json;
use contracts::records::RiskAlertType::{CriticalSignalDetected, HighRiskScore};
use contracts::records::RiskConfidence::{High as Sure, Low as Unsure, Medium as Likely};
use contracts::records::RiskSeverity::{Critical, High, Low, Medium};
use contracts::records::{EvidenceRef, RiskAlertType, RiskConfidence, RiskSeverity, Signal, Snapshot};
use detection::risk::{Scored, score};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::sample::{agent, at, evidence, signal, snapshot};

fn scored(snapshots: &[Snapshot]) -> Scored {
    score(&agent("a"), at(1_000_000), snapshots)
}

/// One snapshot for each group of signals, each signal with an id of its own.
fn check(groups: &[&[(RiskSeverity, i32)]], risk: i32, confidence: RiskConfidence, alert: Option<RiskAlertType>) {
    let of_group = |(group, signals): (usize, &&[(RiskSeverity, i32)])| {
        let numbered = signals.iter().enumerate();
        let signals =
            numbered.map(|(place, (severity, weight))| signal(&format!("{group}-{place}"), *severity, *weight));
        snapshot(0, signals.collect())
    };
    let snapshots: Vec<Snapshot> = groups.iter().enumerate().map(of_group).collect();
    let Scored { report, alerts } = scored(&snapshots);
    let kinds: Vec<_> = alerts.iter().map(|alert| alert.kind).collect();
    assert_eq!(
        (report.overall_risk.get(), report.confidence, kinds),
        (risk, confidence, alert.into_iter().collect()),
        "{groups:?}"
    );
}

#[test]
fn points_weights_rounding_cap_confidence_and_alerts_are_as_agreed() {
    const ONE: i32 = 1_000_000;
    check(&[], 0, Unsure, None);
    check(&[&[(Low, ONE)]], 5, Unsure, None);
    check(&[&[(Medium, ONE)]], 15, Unsure, None);
    check(&[&[(High, ONE)]], 30, Unsure, None);
    check(&[&[(Critical, ONE)]], 100, Unsure, Some(CriticalSignalDetected));
    check(&[&[(Critical, 0)]], 100, Unsure, Some(CriticalSignalDetected));
    // Half a point is rounded up, and what is a millionth short of it is not.
    check(&[&[(Low, 100_000)]], 1, Unsure, None);
    check(&[&[(Low, 99_999)]], 0, Unsure, None);
    // Rounded is the sum: three times 0.4 points are one, and three times 0.5 are two.
    check(&[&[(Low, 80_000), (Low, 80_000), (Low, 80_000)]], 1, Likely, None);
    check(&[&[(Low, 100_000), (Low, 100_000), (Low, 100_000)]], 2, Likely, None);
    // 79.49, 79.5 and 80 points.
    check(&[&[(High, ONE), (High, ONE), (High, 649_666)]], 79, Likely, None);
    check(&[&[(High, ONE), (High, ONE), (High, 650_000)]], 80, Likely, Some(HighRiskScore));
    check(&[&[(High, ONE), (High, ONE), (Medium, ONE), (Low, ONE)]], 80, Likely, Some(HighRiskScore));
    check(&[&[(High, ONE); 4]], 100, Likely, Some(HighRiskScore));
    // Five signals of one snapshot, of two, of two with one that is empty; four of two.
    check(&[&[(Low, 0); 5]], 0, Likely, None);
    check(&[&[(Low, 0); 4], &[(Low, 0)]], 0, Sure, None);
    check(&[&[(Low, 0); 5], &[]], 0, Likely, None);
    check(&[&[(Low, 0); 2], &[(Low, 0); 2]], 0, Likely, None);
    check(&[&[(Low, 0)], &[(Low, 0)]], 0, Likely, None);
}

fn sha256(canonical: &str) -> String {
    Digest::of(canonical.as_bytes()).to_string()
}

/// Hashed here is text written out by hand.
#[test]
fn ids_cover_what_they_should_and_nothing_else() {
    let graver =
        Signal { details: Some(JsonObject::new(r#"{"b": 1.0, "a": "x"}"#).unwrap()), ..signal("s-2", High, 500_000) };
    let milder =
        Signal { evidence: vec![evidence("pack", "p"), evidence("event", "z")], ..signal("s-1", Low, 1_000_000) };
    let snapshot = snapshot(42, vec![milder, graver]);
    let text = r#"{"agentId":"a","observedAt":42,"signals":[{"details":{"a":"x","b":1},"evidence":[{"ref":"s-2","type":"event"}],"observedAt":7,"severity":"HIGH","signalId":"s-2","weight":0.5},{"evidence":[{"ref":"z","type":"event"},{"ref":"p","type":"pack"}],"observedAt":7,"severity":"LOW","signalId":"s-1","weight":1}]}"#;
    assert_eq!(snapshot.id().as_str(), sha256(text));

    let report = scored(&[snapshot]).report;
    let text = r#"{"agentId":"a","confidence":"MEDIUM","evidenceLinks":[{"ref":"s-2","type":"event"},{"ref":"z","type":"event"},{"ref":"p","type":"pack"}],"overallRisk":20,"reasons":["HIGH signal: s-2","LOW signal: s-1"],"reportVersion":"0.1.0","signals":[{"severity":"HIGH","signalId":"s-2"},{"severity":"LOW","signalId":"s-1"}]}"#;
    assert_eq!(report.report_id.as_str(), sha256(text));
}

#[test]
fn a_critical_alert_has_the_evidence_of_the_critical_signals_and_a_high_one_that_of_the_report() {
    let refs = |refs: &[&str]| -> Vec<EvidenceRef> { refs.iter().map(|text| evidence("event", text)).collect() };
    let with = |id, severity, evidence| Signal { evidence, ..signal(id, severity, 1_000_000) };
    let critical = [
        with("c-1", Critical, refs(&["3", "1"])),
        with("c-2", Critical, refs(&["1", "2", "5", "4", "6"])),
        with("h", High, refs(&["0"])),
    ];
    let Scored { report, alerts } = scored(&[snapshot(0, critical.to_vec())]);
    assert_eq!(report.evidence_links, refs(&["0", "1", "2", "3", "4", "5", "6"]));
    assert_eq!(
        report.reasons,
        [
            "CRITICAL signal detected — risk set to maximum",
            "CRITICAL signal: c-1",
            "CRITICAL signal: c-2",
            "HIGH signal: h"
        ]
    );
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!(alert.evidence_links, refs(&["1", "1", "2", "3", "4", "5", "6"]), "repeats are kept");
    let text = r#"{"agentId":"a","severity":"CRITICAL","topEvidenceRefs":["1","1","2","3","4"],"type":"CRITICAL_SIGNAL_DETECTED"}"#;
    assert_eq!(alert.alert_id.as_str(), sha256(text));
    assert_eq!((alert.created_at, alert.is_active), (report.generated_at, true));

    let high = [with("1", High, refs(&["x", "y"])), with("2", High, refs(&["x"])), with("3", High, refs(&["w"]))];
    let Scored { report, alerts } = scored(&[snapshot(0, high.to_vec())]);
    assert_eq!((&alerts[0].evidence_links, alerts[0].severity), (&report.evidence_links, High));
    let text = r#"{"agentId":"a","severity":"HIGH","topEvidenceRefs":["w","x","y"],"type":"HIGH_RISK_SCORE"}"#;
    assert_eq!(alerts[0].alert_id.as_str(), sha256(text));
}

/// A character beyond U+FFFF is two units from D800 on, and comes before U+FFFD; by code point it would come after.
#[test]
fn order_is_by_utf_16_code_unit() {
    let (before, after) = ("\u{1F600}", "\u{FFFD}");
    let Scored { report, .. } = scored(&[snapshot(0, vec![signal(after, Low, 0), signal(before, Low, 0)])]);
    let ids: Vec<_> = report.signals.iter().map(|signal| signal.signal_id.as_str()).collect();
    let refs: Vec<_> = report.evidence_links.iter().map(|evidence| evidence.reference.as_str()).collect();
    assert_eq!((ids, refs), (vec![before, after], vec![before, after]));
    assert_eq!(report.reasons, [format!("LOW signal: {before}"), format!("LOW signal: {after}")]);
}

#[test]
fn a_signal_of_two_snapshots_counts_twice_and_is_one_reason() {
    let same = || signal("s", High, 1_000_000);
    let Scored { report, .. } = scored(&[snapshot(1, vec![same()]), snapshot(2, vec![same()])]);
    assert_eq!((report.overall_risk.get(), report.reasons.len(), report.signals.len()), (60, 1, 2));
}

fn text() -> impl Strategy<Value = String> {
    "[ab\u{E000}\u{FFFD}\u{1F600}]{0,2}"
}

fn details() -> impl Strategy<Value = Option<JsonObject>> {
    const SPELLINGS: &[&str] = &[r#"{"a":1,"b":2}"#, r#"{ "b":2.0, "a":1 }"#, r#"{"a":3,"a":1,"b":2}"#, "{}"];
    proptest::option::of(prop::sample::select(SPELLINGS).prop_map(|text| JsonObject::new(text).unwrap()))
}

fn signals() -> impl Strategy<Value = Signal> {
    let severity = prop::sample::select(&[Low, Medium, High, Critical][..]);
    let refs = vec((text(), text()).prop_map(|(kind, reference)| evidence(&kind, &reference)), 0..4);
    (text(), severity, 0..=1_000_000, 0_i64..2, refs, details()).prop_map(
        |(id, severity, weight, observed_at, evidence, details)| Signal {
            observed_at,
            evidence,
            details,
            ..signal(&id, severity, weight)
        },
    )
}

type Loose = Vec<(i64, Vec<Signal>)>;

fn snapshots() -> impl Strategy<Value = Loose> {
    vec((0_i64..3, vec(signals(), 0..4)), 0..5)
}

/// The same in another order at every level, some of it twice.
fn shuffled(loose: Loose) -> impl Strategy<Value = Loose> {
    let evidence = |signal: Signal| {
        let refs = Just(signal.evidence.clone()).prop_shuffle();
        refs.prop_map(move |evidence| Signal { evidence, ..signal.clone() })
    };
    let one = move |(observed_at, signals): (i64, Vec<Signal>)| {
        let signals: Vec<_> = signals.into_iter().map(evidence).collect();
        (Just(observed_at), signals.prop_shuffle())
    };
    let again = loose.clone();
    let all: Vec<_> = loose.into_iter().map(one).collect();
    (all, vec(any::<bool>(), again.len())).prop_flat_map(move |(mut all, twice)| {
        let repeated = again.iter().zip(twice).filter(|(_, twice)| *twice);
        all.extend(repeated.map(|(snapshot, _)| snapshot.clone()));
        Just(all).prop_shuffle()
    })
}

fn made(loose: &Loose) -> Vec<Snapshot> {
    loose.iter().map(|(observed_at, signals)| snapshot(*observed_at, signals.clone())).collect()
}

/// The bytes that people and programs get.
fn said(scored: &Scored) -> String {
    let alerts: Vec<String> = scored.alerts.iter().map(to_json).collect();
    format!("{}\n{}", to_json(&scored.report), alerts.join("\n"))
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

proptest! {
    #[test]
    fn order_and_repetition_never_matter(
        (loose, other) in snapshots().prop_flat_map(|loose| (Just(loose.clone()), shuffled(loose)))
    ) {
        prop_assert_eq!(said(&scored(&made(&loose))), said(&scored(&made(&other))));
    }

    /// The agreement read aloud, with every list collected and sorted anew.
    #[test]
    fn a_plain_reading_agrees(loose in snapshots()) {
        let snapshots = made(&loose);
        let mut ids = BTreeSet::new();
        let distinct: Vec<&Snapshot> = snapshots.iter().filter(|snapshot| ids.insert(snapshot.id().clone())).collect();
        let all: Vec<&Signal> = distinct.iter().flat_map(|snapshot| snapshot.signals()).collect();

        let points = |signal: &&Signal| i64::from(signal.weight.get()) * match signal.severity { Low => 5, Medium => 15, High => 30, Critical => 60 };
        let is_critical = all.iter().any(|signal| signal.severity == Critical);
        let sum: i64 = all.iter().map(points).sum();
        let (whole, rest) = (sum / 1_000_000, sum % 1_000_000);
        let risk = if is_critical { 100 } else { (whole + i64::from(rest >= 500_000)).min(100) };
        let spread = distinct.iter().filter(|snapshot| !snapshot.signals().is_empty()).count();
        let confidence = if all.len() >= 5 && spread >= 2 { Sure } else if all.len() >= 2 { Likely } else { Unsure };
        let mut reasons: BTreeSet<Vec<u16>> = all.iter().map(|signal| {
            let severity = match signal.severity { Low => "LOW", Medium => "MEDIUM", High => "HIGH", Critical => "CRITICAL" };
            units(&format!("{severity} signal: {}", signal.signal_id))
        }).collect();
        if is_critical {
            reasons.insert(units("CRITICAL signal detected — risk set to maximum"));
        }
        let links: BTreeSet<_> = all.iter().flat_map(|signal| &signal.evidence).map(|one| (units(&one.kind), units(&one.reference))).collect();
        let mut order: Vec<_> = all.iter().map(|signal| (std::cmp::Reverse(signal.severity), units(signal.signal_id.as_str()))).collect();
        order.sort();

        let Scored { report, alerts } = scored(&snapshots);
        prop_assert_eq!((i64::from(report.overall_risk.get()), report.confidence), (risk, confidence));
        prop_assert_eq!(report.reasons.iter().map(|reason| units(reason)).collect::<Vec<_>>(), reasons.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(report.evidence_links.iter().map(|one| (units(&one.kind), units(&one.reference))).collect::<Vec<_>>(), links.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(report.signals.iter().map(|signal| (std::cmp::Reverse(signal.severity), units(signal.signal_id.as_str()))).collect::<Vec<_>>(), order);
        let kind = if is_critical { Some(CriticalSignalDetected) } else if risk >= 80 { Some(HighRiskScore) } else { None };
        prop_assert_eq!(alerts.iter().map(|alert| alert.kind).collect::<Vec<_>>(), kind.into_iter().collect::<Vec<_>>());
    }
}
