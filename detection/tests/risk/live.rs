//! Live scoring, one alert at a time, over a store.

use contracts::canonical::Digest;
use contracts::id::RuleId;
use contracts::records::{Alert, AnyRecord, Category, RiskReport, Severity};
use contracts::topics::{RISK_ALERTS, RISK_REPORTS};
use detection::risk::{
    self, ALERT_ID_BYTES_MAX, Counts, EVIDENCE_PER_SIGNAL_MAX, Effects, Input, NewerLayout, REPORTS_MAX, RiskPlan,
    SIGNALS_MAX, Weights,
};
use detection::rule::Rule;
use detection::step::Row;
use detection::view::{MemoryStore, View};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::Oracle;
use crate::sample::{agent, alert, at, evidence, weight};

/// Short enough to be counted on fingers: what enters at 1 has left at 11.
const WINDOW_MICROS: i64 = 10_000;

fn plan() -> RiskPlan {
    RiskPlan { risk_window_ms: 10, ..RiskPlan::default() }
}

#[derive(Default)]
struct World {
    store: MemoryStore,
}

impl World {
    fn step_with(&mut self, plan: &RiskPlan, ms: i64, alert: &Alert) -> Effects {
        let mut view = View::over(&self.store);
        let effects = risk::step(plan, &mut view, &Input { appended_at: at(ms * 1_000), alert });
        let changes = view.into_changes().unwrap();
        self.store.apply(changes);
        effects
    }

    fn step(&mut self, ms: i64, alert: &Alert) -> Effects {
        self.step_with(&plan(), ms, alert)
    }

    fn view(&self) -> View<'_> {
        View::over(&self.store)
    }
}

/// A row on one line: topic, key, and what matters of the record.
fn line(row: &Row) -> String {
    let Row { topic, key, record } = row;
    match record {
        AnyRecord::RiskReport(report) => {
            assert_eq!((*topic, key.as_str()), (RISK_REPORTS, report.agent_id.as_str()));
            format!("{key} {} of {}", report.overall_risk.get(), report.signals.len())
        }
        AnyRecord::RiskAlert(alert) => {
            assert_eq!((*topic, key.as_str()), (RISK_ALERTS, alert.agent_id.as_str()));
            let state = if alert.is_active { "begins" } else { "ends" };
            format!("{key} {:?} {state}, raised at {}", alert.kind, alert.created_at.micros() / 1_000)
        }
        other => panic!("{other:?}"),
    }
}

/// An alert (append time in ms, endpoint, alert id, severity), and all rows that follow from it.
type Step<'s> = ((i64, &'s str, &'s str, Severity), &'s [&'s str]);

fn check(steps: &[Step<'_>]) {
    let mut world = World::default();
    for ((ms, endpoint, id, severity), expected) in steps {
        let effects = world.step(*ms, &alert(endpoint, id, *severity));
        let lines: Vec<String> = effects.rows.iter().map(line).collect();
        assert_eq!(lines, *expected, "{id} of {endpoint} at {ms}");
    }
}

use Severity::{Critical, High, Info, Low, Medium};

#[test]
fn an_alert_is_rated_for_a_window_and_leaves_with_the_next_alert_of_anybody() {
    check(&[
        ((1, "a", "1", High), &["a 30 of 1"]),
        ((2, "a", "2", Medium), &["a 45 of 2"]),
        ((10, "b", "3", Info), &[]),
        ((11, "b", "4", Info), &["a 15 of 1"]),
        ((11, "b", "5", Low), &["b 5 of 1"]),
        ((12, "b", "6", Low), &["a 0 of 0", "b 10 of 2"]),
    ]);
}

#[test]
fn of_one_agent_that_loses_and_gains_there_is_one_report() {
    check(&[((1, "a", "1", High), &["a 30 of 1"]), ((11, "a", "2", Low), &["a 5 of 1"])]);
}

#[test]
fn a_risk_alert_begins_once_ends_with_its_condition_and_can_begin_again() {
    check(&[
        ((1, "a", "1", Critical), &["a 100 of 1", "a CriticalSignalDetected begins, raised at 1"]),
        ((2, "a", "2", Critical), &["a 100 of 2"]),
        ((3, "a", "3", High), &["a 100 of 3"]),
        ((4, "a", "4", High), &["a 100 of 4"]),
        ((5, "a", "5", High), &["a 100 of 5"]),
        // The second critical one still holds it.
        ((11, "b", "6", Info), &["a 100 of 4"]),
        (
            (12, "b", "7", Info),
            &["a 90 of 3", "a CriticalSignalDetected ends, raised at 1", "a HighRiskScore begins, raised at 12"],
        ),
        ((13, "b", "8", Info), &["a 60 of 2", "a HighRiskScore ends, raised at 12"]),
        ((13, "a", "9", Critical), &["a 100 of 3", "a CriticalSignalDetected begins, raised at 13"]),
    ]);
}

#[test]
fn what_is_rated_already_changes_nothing_and_counts_anew_after_its_time() {
    check(&[
        ((1, "a", "1", High), &["a 30 of 1"]),
        ((2, "a", "1", High), &[]),
        // It is of the first time that it came.
        ((11, "b", "2", Info), &["a 0 of 0"]),
        ((11, "a", "1", High), &["a 30 of 1"]),
    ]);
}

#[test]
fn an_append_time_that_goes_backwards_is_the_greatest_so_far() {
    check(&[
        ((8, "a", "1", High), &["a 30 of 1"]),
        ((1, "a", "2", High), &["a 60 of 2"]),
        ((17, "b", "3", Info), &[]),
        ((18, "b", "4", Info), &["a 0 of 0"]),
    ]);
}

#[test]
fn agents_whose_ids_begin_alike_are_kept_apart() {
    check(&[
        ((1, "a", "1", High), &["a 30 of 1"]),
        ((1, "ab", "2", Low), &["ab 5 of 1"]),
        ((1, "a\u{0}", "3", Low), &["a\u{0} 5 of 1"]),
        ((1, "", "4", Low), &[" 5 of 1"]),
        ((2, "a", "5", Low), &["a 35 of 2"]),
    ]);
}

fn report(effects: &Effects) -> &RiskReport {
    match effects.rows.first().map(|row| &row.record) {
        Some(AnyRecord::RiskReport(report)) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_weight_is_that_of_the_rule_in_the_set_in_force_times_the_confidence() {
    let watcher = detection::rule::Watcher {
        name: "w".to_owned(),
        subscriptions: Vec::new(),
        rules: vec![rule("r", 500_000), rule("other", 0)],
    };
    let set = detection::rule::RuleSet { name: "set".to_owned(), watchers: vec![watcher] };
    let weights = Weights::default().with_rule_set(Digest::from_bytes([0; 32]), &set);
    let plan = RiskPlan { weights, ..plan() };
    let with = |rule_id: &str, set: u8, confidence: i32| {
        let mut alert = alert("a", "1", High);
        alert.rule_id = RuleId::new(rule_id);
        alert.rule_set.digest = Digest::from_bytes([set; 32]);
        alert.confidence = weight(confidence);
        report(&World::default().step_with(&plan, 1, &alert)).signals[0].weight.get()
    };
    assert_eq!(with("r", 0, 1_000_000), 500_000);
    assert_eq!(with("r", 0, 500_001), 250_001, "half up");
    assert_eq!(with("other", 0, 1_000_000), 0);
    assert_eq!(with("unknown", 0, 700_000), 700_000);
    assert_eq!(with("r", 1, 700_000), 700_000, "another set's rule of that name");
}

fn rule(id: &str, risk_weight: i32) -> Rule {
    let plain = Rule::new(RuleId::new(id), High, Category::Security, String::new());
    Rule { risk_weight: weight(risk_weight), ..plain }
}

#[test]
fn an_alert_becomes_one_snapshot_with_one_signal() {
    let mut world = World::default();
    world.step(1, &alert("a", "1", High));
    let snapshots = risk::snapshots(&mut world.view(), &agent("a"), usize::MAX);
    let [snapshot] = &snapshots[..] else { panic!("{snapshots:?}") };
    let [signal] = snapshot.signals() else { panic!("{snapshot:?}") };
    assert_eq!((snapshot.agent_id(), snapshot.observed_at(), signal.observed_at), (&agent("a"), 5, 5));
    assert_eq!((signal.signal_id.as_str(), &signal.evidence), ("1", &vec![evidence("event", "event-of-1")]));
    assert_eq!(signal.details.as_ref().unwrap().as_str(), r#"{"ruleId":"r"}"#);
}

#[test]
fn every_alert_is_counted_for_what_it_was() {
    let mut world = World::default();
    let long = "x".repeat(ALERT_ID_BYTES_MAX + 1);
    let counts =
        |entered, repeated, unrated, left| Counts { alerts: 1, entered, repeated, unrated, pushed_out: 0, left };
    for (ms, id, severity, expected) in [
        (1, "1", High, counts(1, 0, 0, 0)),
        (2, "1", High, counts(0, 1, 0, 0)),
        (2, "2", Info, counts(0, 0, 1, 0)),
        (2, &long, High, counts(0, 0, 1, 0)),
        (11, "3", High, counts(1, 0, 0, 1)),
    ] {
        assert_eq!(world.step(ms, &alert("a", id, severity)).counts, expected, "{id} at {ms}");
    }
}

#[test]
fn lookups_give_the_newest_first_and_only_of_the_agent() {
    let mut world = World::default();
    for (ms, endpoint, id, severity) in
        [(1, "a", "1", Low), (2, "b", "2", Critical), (3, "a", "3", Critical), (4, "a", "4", Medium)]
    {
        world.step(ms, &alert(endpoint, id, severity));
    }
    let view = &mut world.view();
    let ids = |view: &mut View<'_>, count_max| -> Vec<String> {
        let snapshots = risk::snapshots(view, &agent("a"), count_max);
        snapshots.iter().map(|snapshot| snapshot.signals()[0].signal_id.to_string()).collect()
    };
    assert_eq!(ids(view, usize::MAX), ["4", "3", "1"]);
    assert_eq!(ids(view, 1), ["4"]);
    let risks: Vec<_> = risk::reports(view, &agent("a"), 2).iter().map(|report| report.signals.len()).collect();
    assert_eq!(risks, [3, 2]);
    let active = risk::active_alerts(view, &agent("a"));
    assert_eq!(active.iter().map(|alert| alert.created_at).collect::<Vec<_>>(), [at(3_000)]);
    assert!(risk::active_alerts(view, &agent("c")).is_empty());
}

#[test]
fn the_latest_report_is_the_latest_by_time_also_when_a_score_returns() {
    let mut world = World::default();
    let first = world.step(1, &alert("a", "1", High));
    world.step(2, &alert("a", "2", High));
    world.step(12, &alert("b", "3", Info));
    let again = world.step(12, &alert("a", "1", High));
    assert_eq!(report(&first).report_id, report(&again).report_id, "it says the same");
    let latest = risk::reports(&mut world.view(), &agent("a"), 1);
    assert_eq!((latest[0].generated_at, latest[0].overall_risk.get()), (at(12_000), 30));
}

#[test]
fn only_the_newest_signals_are_rated_and_the_newest_reports_kept() {
    let mut world = World::default();
    for number in 0..SIGNALS_MAX {
        world.step(1, &alert("a", &format!("{number:04}"), Low));
    }
    let effects = world.step(2, &alert("a", "new", Low));
    assert_eq!((effects.counts.pushed_out, report(&effects).signals.len()), (1, SIGNALS_MAX));
    assert!(report(&effects).signals.iter().any(|signal| signal.signal_id.as_str() == "new"));
    assert_eq!(risk::snapshots(&mut world.view(), &agent("a"), usize::MAX).len(), SIGNALS_MAX);
    // All of the first came at one time: one report is of that time.
    assert_eq!(risk::reports(&mut world.view(), &agent("a"), usize::MAX).len(), 2);
    for ms in 3..40 {
        world.step(ms, &alert("a", &format!("later {ms}"), Low));
    }
    let reports = risk::reports(&mut world.view(), &agent("a"), usize::MAX);
    assert_eq!((reports.len(), reports[0].generated_at), (REPORTS_MAX, at(39_000)));
}

/// As much evidence as an alert can carry, in as many alerts as are rated.
#[test]
fn a_report_of_all_signals_with_all_their_evidence_fits_in_a_record() {
    let mut world = World::default();
    for number in 0..SIGNALS_MAX {
        let mut alert = alert("a", &format!("{number:0ALERT_ID_BYTES_MAX$}"), Critical);
        alert.rule_id = RuleId::new("r".repeat(256));
        alert.evidence_refs = (0..100).map(|place| evidence("event", &format!("{number:0100}{place}"))).collect();
        world.step(1, &alert);
    }
    let reports = risk::reports(&mut world.view(), &agent("a"), 1);
    let evidence = reports[0].signals[0].evidence.len();
    assert!(evidence > 10 && evidence <= EVIDENCE_PER_SIGNAL_MAX, "{evidence}");
    let left_out = format!(r#"{{"evidenceLeftOut":{},"ruleId":"rrr"#, 100 - evidence);
    let details = reports[0].signals[0].details.as_ref().unwrap().as_str();
    assert!(details.starts_with(&left_out), "{details}");
}

#[test]
fn with_one_record_only_so_many_agents_have_their_turn_and_none_is_forgotten() {
    let plan = RiskPlan { agents_per_record_max: 2, ..plan() };
    let mut world = World::default();
    for endpoint in ["e", "d", "c", "b", "a"] {
        world.step_with(&plan, 1, &alert(endpoint, endpoint, Low));
    }
    let told = [(11, &["a 0 of 0", "b 0 of 0"][..]), (11, &["c 0 of 0", "d 0 of 0"]), (12, &["e 0 of 0"]), (12, &[])];
    for (ms, expected) in told {
        let effects = world.step_with(&plan, ms, &alert("z", "info", Info));
        assert_eq!(effects.rows.iter().map(line).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn nothing_is_kept_of_an_agent_that_was_quiet_for_two_windows() {
    let mut world = World::default();
    world.step(0, &alert("z", "info", Info));
    let empty = world.store.len();
    for (ms, id) in [(1, "1"), (5, "2"), (5, "3")] {
        world.step(ms, &alert("a", id, Critical));
    }
    world.step(15, &alert("z", "info", Info));
    assert_eq!(risk::reports(&mut world.view(), &agent("a"), 1)[0].overall_risk.get(), 0);
    world.step(24, &alert("z", "info", Info));
    assert_ne!(world.store.len(), empty);
    assert!(world.step(25, &alert("z", "info", Info)).rows.is_empty(), "that is nobody's news");
    assert_eq!(world.store.len(), empty);
}

#[test]
fn an_agent_that_comes_back_before_it_is_forgotten_is_forgotten_later() {
    let mut world = World::default();
    world.step(0, &alert("z", "info", Info));
    let empty = world.store.len();
    for (ms, endpoint, severity) in [(1, "a", Low), (11, "z", Info), (15, "a", Low), (24, "z", Info)] {
        world.step(ms, &alert(endpoint, &ms.to_string(), severity));
    }
    assert_eq!(risk::reports(&mut world.view(), &agent("a"), 1)[0].overall_risk.get(), 5);
    world.step(25, &alert("z", "info", Info));
    world.step(35, &alert("z", "info", Info));
    assert_eq!(world.store.len(), empty);
}

#[test]
fn state_of_a_newer_program_is_refused_and_not_touched() {
    let mut store = MemoryStore::default();
    store.apply([(vec![0x40], Some(vec![200]))].into());
    let mut view = View::over(&store);
    assert_eq!(risk::migrate(&mut view), Err(NewerLayout { known: 2, found: 200 }));
    assert!(view.into_changes().unwrap().is_empty());
}

/// The rows that the release of layout 1 wrote, as its program printed them: an agent with an active alert, and three whose snapshots
/// have left, two of them with an alert that has ended.
#[test]
fn state_of_layout_1_is_what_it_would_be_had_it_been_written_today() {
    let hex = |text: &str| -> Vec<u8> {
        let pairs = text.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let mut world = World::default();
    for line in include_str!("layout_1.txt").lines() {
        let (key, value) = line.split_once(' ').unwrap();
        world.store.apply([(hex(key), Some(hex(value)))].into());
    }
    let mut view = world.view();
    assert_eq!(view.get(&[0x40]).as_deref(), Some(&[1][..]), "rows of the first layout");
    risk::migrate(&mut view).unwrap();
    let changes = view.into_changes().unwrap();
    world.store.apply(changes);

    let mut today = World::default();
    let mut view = today.view();
    risk::migrate(&mut view).unwrap();
    let changes = view.into_changes().unwrap();
    today.store.apply(changes);
    for (ms, id, endpoint, severity) in [
        (1, "1", "a", Critical),
        (1, "2", "a", Low),
        (2, "3", "b", High),
        (2, "4", "b", High),
        (3, "5", "b", High),
        (3, "6", "gone", Low),
    ] {
        today.step(ms, &alert(endpoint, id, severity));
    }
    for number in 0..18 {
        today.step(4 + number / 2, &alert("c", &format!("c{number}"), Low));
    }
    today.step(13, &alert("z", "info", Info));
    assert_eq!(world.store, today.store);
    // And it goes on alike.
    for ms in 14..40 {
        let next = alert("c", &ms.to_string(), High);
        assert_eq!(world.step(ms, &next).rows, today.step(ms, &next).rows);
    }
    assert_eq!(world.store, today.store);
}

/// Whoever does not ask [`risk::migrate`] cannot do harm either.
#[test]
fn a_row_that_cannot_be_read_stores_nothing_of_its_batch() {
    let mut world = World::default();
    world.step(1, &alert("a", "1", High));
    let row = world.view().first(&[0x41], &[0x42]).unwrap();
    world.store.apply([(row.0.clone(), Some(vec![200]))].into());
    let mut view = world.view();
    risk::step(&plan(), &mut view, &Input { appended_at: at(2_000), alert: &alert("a", "2", High) });
    assert_eq!(view.into_changes().unwrap_err().key, row.0);
}

type Event = (i64, &'static str, u8, Severity, i32);

/// Few agents, few alerts, times that mostly grow, by little and by a whole window.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let advance = prop_oneof![4 => 0_i64..4, 1 => 8_i64..12, 1 => -3_i64..0];
    let severity = prop::sample::select(&[Info, Low, Medium, High, High, Critical][..]);
    let confidence = prop_oneof![Just(1_000_000), 0..=1_000_000];
    let event = (advance, prop::sample::select(&["a", "b", "c"][..]), 0_u8..12, severity, confidence);
    vec(event, 1..60).prop_map(|mut events| {
        let mut now = 0;
        for event in &mut events {
            now = (now + event.0).max(0);
            event.0 = now;
        }
        events
    })
}

fn alert_of((_, endpoint, id, severity, confidence): Event) -> Alert {
    let mut alert = alert(endpoint, &format!("alert-{id}"), severity);
    alert.confidence = weight(confidence);
    alert
}

fn check_against_oracle(events: impl IntoIterator<Item = (i64, Alert)>) {
    let (mut world, mut oracle) = (World::default(), Oracle::default());
    for (place, (ms, alert)) in events.into_iter().enumerate() {
        let rows = world.step(ms, &alert).rows;
        assert_eq!(rows, oracle.step(WINDOW_MICROS, at(ms * 1_000), &alert), "alert {place}");
    }
}

#[test]
fn who_keeps_everything_says_the_same_of_many_signals() {
    let severity = |number: usize| [Low, Medium, High, Critical][usize::from(number.is_multiple_of(97)) * 3];
    check_against_oracle((0..900).map(|number| {
        let (ms, id) = (i64::try_from(number / 60).unwrap(), format!("{:x}", number * 7_919 % 10_007));
        (ms, alert("a", &id, severity(number)))
    }));
}

proptest! {
    #[test]
    fn who_keeps_everything_says_the_same(events in events()) {
        check_against_oracle(events.into_iter().map(|event| (event.0, alert_of(event))));
    }

    /// After each alert or after none the changes are stored, and the store is read back from its rows.
    #[test]
    fn batches_and_restores_change_nothing(events in events(), cuts in vec(any::<bool>(), 60)) {
        let mut one_by_one = World::default();
        let expected: Vec<Row> = events.iter().flat_map(|event| one_by_one.step(event.0, &alert_of(*event)).rows).collect();

        let mut store = MemoryStore::default();
        let mut rows = Vec::new();
        let mut rest = &events[..];
        while !rest.is_empty() {
            let length = 1 + cuts[events.len() - rest.len()..].iter().take(rest.len() - 1).take_while(|cut| !**cut).count();
            let (batch, later) = rest.split_at(length);
            rest = later;
            let mut view = View::over(&store);
            for event in batch {
                let input = Input { appended_at: at(event.0 * 1_000), alert: &alert_of(*event) };
                rows.extend(risk::step(&plan(), &mut view, &input).rows);
            }
            let changes = view.into_changes().unwrap();
            store.apply(changes);
            store = store.clone();
        }
        prop_assert_eq!(rows, expected);
        prop_assert_eq!(store, one_by_one.store);
    }
}
