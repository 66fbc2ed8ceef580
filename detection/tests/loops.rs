//! Nothing can feed itself: rule sets that listen to watcher events, thrown at their own output until there is none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::sync::Arc;

use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::records::{AnyRecord, TelemetryEvent};
use contracts::time::Timestamp;
use detection::plan::{Options, Plan};
use detection::rule::RuleSet;
use detection::scenario::{Entry, Rig, What};
use detection::text;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// What watchers tell, and what wildcards could be thought to mean.
const TOPICS: [&str; 12] = [
    "alert.emitted",
    "rule.matched",
    "escalation.sent",
    "alert.suppressed",
    "logs.app",
    "system.detection",
    "system.circuit_breaker",
    "system.telemetry",
    "seed",
    "*",
    "alert.*",
    "*.sent",
];
const FILTERS: [&str; 4] = [
    "",
    "filter: \"count_in_window(60s) >= 1\"",
    "filter: \"$.rule_id exists\"",
    "filter: \"count_in_window(10s) >= 2\"",
];
/// Those whose response times lie beyond the end of a test: people who do not answer are told again, which is no loop.
const SEVERITIES: [&str; 3] = ["info", "low", "medium"];

#[derive(Debug, Clone)]
struct Drawn {
    topics: Vec<&'static str>,
    filter: usize,
    severity: usize,
    scope: bool,
    tells: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        subsequence(TOPICS.to_vec(), 1..4),
        0..FILTERS.len(),
        0..SEVERITIES.len(),
        prop::bool::weighted(0.2),
        any::<bool>(),
    )
        .prop_map(|(topics, filter, severity, scope, tells)| Drawn { topics, filter, severity, scope, tells })
}

fn plan(rules: &[Drawn]) -> Arc<Plan> {
    let mut text = String::new();
    for (number, rule) in rules.iter().enumerate() {
        let topics: Vec<String> = rule.topics.iter().map(|topic| format!("\"{topic}\"")).collect();
        writeln!(
            text,
            "rule r{number} {{\ntopic: [{}]\n{}\nseverity: {}\ncategory: system\nalert: \"heard\"\ndedup_window: 1ms\nscope: {}\ntell_matches: {}\n}}",
            topics.join(", "),
            FILTERS[rule.filter],
            SEVERITIES[rule.severity],
            if rule.scope { "fleet" } else { "endpoint" },
            rule.tells
        )
        .unwrap();
    }
    let rules = text::parse("drawn", &text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let set = RuleSet::of_one("loops", rules);
    Arc::new(Plan::compile(&set, &[], &Options::default()).unwrap_or_else(|problems| panic!("{problems:?}\n{text}")))
}

const START: i64 = 1_767_225_600_000_000;

fn seed() -> TelemetryEvent {
    let fill = Fill {
        endpoint_id: &EndpointId::new("host-1"),
        now: Timestamp::from_micros(START).unwrap(),
        source: "test",
        place: 0,
    };
    event_from_json(br#"{"topic":"seed","payload":{"rule_id":"none"}}"#, &fill).unwrap()
}

fn told(rig: &Rig, from: usize) -> Vec<TelemetryEvent> {
    rig.rows[from..]
        .iter()
        .filter_map(|row| match &row.record {
            AnyRecord::TelemetryEvent(event) => Some((**event).clone()),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_rule_set_feeds_itself(rules in vec(drawn(), 1..7)) {
        let mut rig = Rig::new(plan(&rules));
        let mut open = vec![seed()];
        let depth_max = 5;
        // Each round everything told so far comes back as if somebody had wired the output to the input; the clock moves on by
        // two minutes and a tick, so that every count is told.
        for round in 0..=depth_max + 2 {
            let from = rig.rows.len();
            let now = Timestamp::from_micros(START + i64::from(round) * 120_000_000).unwrap();
            for event in open {
                rig.feed(&Entry { appended_at: now, what: What::Event(Box::new(event)) });
            }
            let later = Timestamp::from_micros(now.micros() + 90_000_000).unwrap();
            rig.feed(&Entry { appended_at: later, what: What::Tick });
            open = told(&rig, from);
            prop_assert!(rig.rows.len() < 20_000, "round {} told {} rows", round, rig.rows.len());
        }
        prop_assert!(open.is_empty(), "still told: {:#?}", open);
        for row in &rig.rows {
            let (ancestry, rule) = match &row.record {
                AnyRecord::Alert(alert) => (&alert.trigger_event.ancestry, Some(alert.rule_id.as_str())),
                AnyRecord::TelemetryEvent(event) => (&event.ancestry, None),
                _ => continue,
            };
            let mut sorted = ancestry.clone();
            sorted.sort();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), ancestry.len(), "a rule stands twice on the way: {:?}", ancestry);
            if let Some(rule) = rule {
                prop_assert!(!ancestry.iter().any(|above| above == rule), "{} saw its own descendant", rule);
            }
        }
    }
}

#[test]
fn wildcards_do_not_hear_watchers_and_names_do() {
    let listen = |topic| Drawn { topics: vec![topic], filter: 0, severity: 0, scope: false, tells: false };
    for (topic, alerts) in [("alert.emitted", 2), ("rule.matched", 2), ("alert.*", 1), ("*.emitted", 1), ("*", 2)] {
        let mut rig = Rig::new(plan(&[listen("seed"), listen(topic)]));
        let now = Timestamp::from_micros(START).unwrap();
        rig.feed(&Entry { appended_at: now, what: What::Event(Box::new(seed())) });
        // `*` sees the seed itself, and nothing that follows from it.
        assert_eq!(rig.alerts().count(), alerts, "{topic}");
    }
}
