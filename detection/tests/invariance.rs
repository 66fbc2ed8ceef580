//! What must not matter: where batches were cut, that the state was stored and opened again, how many partitions there are.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod quick;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::avro::EventView;
use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::records::{AnyRecord, TelemetryEvent};
use contracts::time::Timestamp;
use detection::plan::Plan;
use detection::scenario::{Entry, Rig, What};
use detection::step::{Input, Row, Stage, Task, What as StepWhat, body, step};
use detection::view::{MemoryStore, View};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use quick::{PAYLOADS, ROUTED, TOPICS, plan};

/// Rules that are held back at once, and rules that hear of that.
const HELD_BACK: &str = r#"
rule quick_storm { topic: "tool.*" severity: info category: security alert: "storm" dedup_window: 1s max_alerts_per_window: 2 window: 10s }
rule hears_alerts { topic: "alert.emitted" filter: "count_in_window(30s, by: $.rule_id) >= 2" severity: info category: system alert: "{count}" dedup_window: 2s }
rule hears_counts { event_type: ["alert.suppressed", "event.late", "telemetry.gap"] severity: info category: system alert: "told" suppression_window: 5s }
"#;

/// What is drawn at random of one record.
#[derive(Debug, Clone)]
struct Drawn {
    endpoint: u8,
    topic: usize,
    payload: usize,
    /// Since the record before, by append time.
    after_ms: u64,
    /// How late the event is.
    late_ms: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Event,
    /// The last event of the same endpoint again.
    Again,
    Tick,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let kind = prop_oneof![10 => Just(Kind::Event), 1 => Just(Kind::Again), 2 => Just(Kind::Tick)];
    let after = prop_oneof![6 => 0..900_u64, 1 => 0..70_000_u64];
    let late = prop_oneof![6 => Just(0), 2 => 0..3_000_u64, 1 => 0..80_000_u64];
    (0..4_u8, 0..TOPICS.len(), 0..PAYLOADS.len(), after, late, kind).prop_map(
        |(endpoint, topic, payload, after_ms, late_ms, kind)| Drawn {
            endpoint,
            topic,
            payload,
            after_ms,
            late_ms,
            kind,
        },
    )
}

fn entries(drawn: &[Drawn]) -> Vec<Entry> {
    let mut now_micros: i64 = 1_767_225_600_000_000;
    let mut seq = BTreeMap::new();
    let mut last: BTreeMap<u8, TelemetryEvent> = BTreeMap::new();
    let mut entries = Vec::new();
    for (place, drawn) in drawn.iter().enumerate() {
        now_micros += i64::try_from(drawn.after_ms).unwrap() * 1_000;
        let appended_at = Timestamp::from_micros(now_micros).unwrap();
        let what = match drawn.kind {
            Kind::Tick => What::Tick,
            Kind::Again if last.contains_key(&drawn.endpoint) => What::Event(Box::new(last[&drawn.endpoint].clone())),
            Kind::Event | Kind::Again => {
                let next = seq.entry(drawn.endpoint).or_insert(0_i64);
                // Now and then one is missing.
                *next += if drawn.late_ms == 2_999 { 2 } else { 1 };
                let event = event(drawn, place, now_micros, *next);
                last.insert(drawn.endpoint, event.clone());
                What::Event(Box::new(event))
            }
        };
        entries.push(Entry { appended_at, what });
    }
    entries
}

fn event(drawn: &Drawn, place: usize, now_micros: i64, seq: i64) -> TelemetryEvent {
    let endpoint_id = EndpointId::new(format!("host-{}", drawn.endpoint));
    let now = Timestamp::from_micros(now_micros - i64::try_from(drawn.late_ms).unwrap() * 1_000).unwrap();
    let text = format!(
        r#"{{"topic":"{}","payload":{},"stream":{{"boot_id":"b","seq":{seq}}}}}"#,
        TOPICS[drawn.topic], PAYLOADS[drawn.payload]
    );
    event_from_json(text.as_bytes(), &Fill { endpoint_id: &endpoint_id, now, source: "test", place: place as u64 })
        .unwrap()
}

/// All records through stage one, cut into batches where `cuts` says, the state stored and opened again between them.
fn in_batches(plan: &Plan, entries: &[Entry], is_cut: impl Fn(usize) -> bool) -> (Vec<Row>, MemoryStore) {
    let task = Task { stage: Stage::One, partition: 0, partitions: NonZeroU32::MIN };
    let mut store = MemoryStore::default();
    let mut rows = Vec::new();
    let mut start = 0;
    while start < entries.len() {
        let end = (start + 1..entries.len()).find(|place| is_cut(*place)).unwrap_or(entries.len());
        let opened = store.clone();
        let mut view = View::over(&opened);
        for entry in &entries[start..end] {
            let body = match &entry.what {
                What::Event(event) => Some(body(event)),
                _ => None,
            };
            let event = body.as_deref().map(|body| EventView::read(body).unwrap());
            let what = event.as_ref().map_or(StepWhat::Tick, StepWhat::Event);
            rows.extend(step(plan, &mut view, &Input { task, appended_at: entry.appended_at, what }).rows);
        }
        store.apply(view.into_changes().unwrap());
        start = end;
    }
    (rows, store)
}

/// The rows of `alerts.v1`, by endpoint, in their order.
fn alerts(plan: &Arc<Plan>, entries: &[Entry], partitions: u32) -> BTreeMap<String, Vec<String>> {
    let mut rig = Rig::over(Arc::clone(plan), NonZeroU32::new(partitions).unwrap());
    for entry in entries {
        rig.feed(entry);
    }
    let mut alerts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rig.rows.iter().filter(|row| matches!(row.record, AnyRecord::Alert(_))) {
        alerts.entry(row.key.clone()).or_default().push(row.record.to_json());
    }
    alerts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn where_batches_are_cut_does_not_matter(drawn in vec(drawn(), 1..120), cuts in vec(any::<bool>(), 120)) {
        let (plan, entries) = (plan(&[HELD_BACK]), entries(&drawn));
        let whole = in_batches(&plan, &entries, |_| false);
        prop_assert_eq!(&in_batches(&plan, &entries, |_| true), &whole, "each record a batch of its own");
        prop_assert_eq!(&in_batches(&plan, &entries, |place| cuts[place]), &whole, "cut at random");
    }

    #[test]
    fn the_number_of_partitions_does_not_matter_to_fused_rules(drawn in vec(drawn(), 1..120)) {
        let (plan, entries) = (plan(&[HELD_BACK]), entries(&drawn));
        let one = alerts(&plan, &entries, 1);
        for partitions in [2, 7, 24] {
            prop_assert_eq!(&alerts(&plan, &entries, partitions), &one, "{} partitions", partitions);
        }
    }

    #[test]
    fn routed_rules_count_over_all_endpoints_on_any_number_of_partitions(drawn in vec(drawn(), 1..120)) {
        let (plan, entries) = (plan(&[HELD_BACK, ROUTED]), entries(&drawn));
        // A tick comes to the groups of one endpoint in the order of the partitions that they are on.
        let sorted = |partitions| {
            let mut alerts = alerts(&plan, &entries, partitions);
            for alerts in alerts.values_mut() {
                alerts.sort_unstable();
            }
            alerts
        };
        let one = sorted(1);
        for partitions in [2, 7] {
            prop_assert_eq!(&sorted(partitions), &one, "{} partitions", partitions);
        }
    }
}

#[test]
fn the_random_records_raise_alerts_of_every_kind() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let plan = plan(&[HELD_BACK, ROUTED]);
    let mut seen = BTreeMap::new();
    for _ in 0..40 {
        let drawn = vec(drawn(), 119).new_tree(&mut runner).unwrap().current();
        let mut rig = Rig::new(Arc::clone(&plan));
        for entry in &entries(&drawn) {
            rig.feed(entry);
        }
        for alert in rig.alerts() {
            *seen.entry(alert.rule_id.to_string()).or_insert(0) += 1;
        }
    }
    for rule in [
        "quick_count",
        "quick_distinct",
        "quick_sequence",
        "quick_absence",
        "quick_storm",
        "hears_alerts",
        "hears_counts",
        "fleet_count",
        "pii_email",
    ] {
        assert!(seen.contains_key(rule), "{rule} never fired: {seen:?}");
    }
}
