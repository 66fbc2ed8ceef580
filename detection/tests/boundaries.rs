//! Where one part of the step meets another: swaps, switches, commands and late events against windows and holdback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::avro::EventView;
use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{CommandId, EndpointId};
use contracts::partition::partition_of;
use contracts::records::{Alert, AnyRecord, ControlCommand, ControlCommandType as Order, TelemetryEvent};
use contracts::time::Timestamp;
use detection::limits::Limits;
use detection::plan::{Options, Plan};
use detection::rule::{RuleSet, Watcher};
use detection::step::{Command, Input, Row, Stage, Task, What, body, step};
use detection::text;
use detection::view::{MemoryStore, View};

const START: i64 = 1_767_225_600_000_000;

fn set(rules: &str) -> RuleSet {
    let rules = text::parse("rules", rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let watcher = Watcher { name: "guard".to_owned(), subscriptions: Vec::new(), rules };
    RuleSet { name: "set".to_owned(), watchers: vec![watcher] }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(START + second * 1_000_000).unwrap()
}

/// Stage one, each record a batch of its own.
struct Pipeline {
    plan: Arc<Plan>,
    stores: Vec<MemoryStore>,
    offset: i64,
    places: u64,
    rows: Vec<Row>,
}

impl Pipeline {
    fn of(rules: &str) -> Self {
        Self::with(rules, Limits::default(), 1)
    }

    fn with(rules: &str, limits: Limits, partitions: usize) -> Self {
        let options = Options { limits, ..Options::default() };
        let plan = Plan::compile(&set(rules), &[], &options).unwrap_or_else(|problems| panic!("{problems:?}"));
        let stores = vec![MemoryStore::default(); partitions];
        Self { plan: Arc::new(plan), stores, offset: 0, places: 0, rows: Vec::new() }
    }

    /// An event observed at one second and appended at another.
    fn event(&mut self, appended: i64, observed: i64, endpoint: &str, topic: &str, payload: &str) -> Vec<Row> {
        let endpoint_id = EndpointId::new(endpoint);
        self.places += 1;
        let fill = Fill { endpoint_id: &endpoint_id, now: at(observed), source: "test", place: self.places };
        let text = format!(r#"{{"topic":"{topic}","payload":{payload}}}"#);
        let body = body(&event_from_json(text.as_bytes(), &fill).unwrap());
        let partition = partition_of(endpoint.as_bytes(), self.partitions()) as usize;
        self.apply(partition, appended, &What::Event(&EventView::read(&body).unwrap()))
    }

    fn tick(&mut self, appended: i64) -> Vec<Row> {
        (0..self.stores.len()).flat_map(|partition| self.apply(partition, appended, &What::Tick)).collect()
    }

    fn command(&mut self, appended: i64, order: Order, parameters: &str, set: Option<&RuleSet>) -> Vec<Row> {
        let command = ControlCommand {
            command_id: CommandId::new(format!("command-{}", self.offset)),
            command: order,
            parameters: JsonObject::new(parameters.to_owned()).unwrap(),
            issued_by: "olga".to_owned(),
            issued_at: at(appended),
            reason: None,
        };
        let what = What::Command(Command { offset: self.offset, command: &command, set: set.map(Ok) });
        self.offset += 1;
        (0..self.stores.len()).flat_map(|partition| self.apply(partition, appended, &what)).collect()
    }

    fn partitions(&self) -> NonZeroU32 {
        NonZeroU32::new(u32::try_from(self.stores.len()).unwrap()).unwrap()
    }

    fn apply(&mut self, partition: usize, appended: i64, what: &What<'_>) -> Vec<Row> {
        let partitions = self.partitions();
        let task = Task { stage: Stage::One, partition: u32::try_from(partition).unwrap(), partitions };
        let mut view = View::over(&self.stores[partition]);
        let effects = step(&self.plan, &mut view, &Input { task, appended_at: at(appended), what: what.clone() });
        let changes = view.into_changes().unwrap_or_else(|error| panic!("{error}"));
        self.stores[partition].apply(changes);
        if let Some(plan) = effects.plan {
            self.plan = plan;
        }
        self.rows.extend(effects.rows.clone());
        effects.rows
    }

    fn alerts_of(&self, rule: &str) -> Vec<&Alert> {
        alerts(&self.rows).into_iter().filter(|alert| alert.rule_id.as_str() == rule).collect()
    }
}

fn alerts(rows: &[Row]) -> Vec<&Alert> {
    let alerts = rows.iter().filter_map(|row| match &row.record {
        AnyRecord::Alert(alert) => Some(&**alert),
        _ => None,
    });
    alerts.collect()
}

fn told<'r>(rows: &'r [Row], event_type: &str) -> Vec<&'r TelemetryEvent> {
    let events = rows.iter().filter_map(|row| match &row.record {
        AnyRecord::TelemetryEvent(event) if event.event_type == event_type => Some(&**event),
        _ => None,
    });
    events.collect()
}

fn about(alert: &Alert) -> String {
    let group_key = alert.group_key.replace('"', "\\\"");
    format!(
        r#"{{"alert_id":"{}","rule_id":"{}","group_key":"{group_key}","endpoint_id":"{}"}}"#,
        alert.alert_id, alert.rule_id, alert.trigger_event.endpoint_id
    )
}

const FAILURES: &str = r#"rule failures { topic: "login" filter: "count_in_window(60s, by: $.user) >= 3" severity: info category: security alert: "{count}" }"#;

#[test]
fn what_a_spool_brings_of_one_group_counts_although_others_of_its_endpoint_are_far_ahead() {
    for live_between in [false, true] {
        let mut pipeline = Pipeline::of(FAILURES);
        pipeline.event(7_200, 7_200, "host", "login", r#"{"user":"live"}"#);
        for second in 0..3 {
            pipeline.event(7_201 + second, second, "host", "login", r#"{"user":"old"}"#);
            if live_between {
                pipeline.event(7_201 + second, 7_201 + second, "host", "other", "{}");
            }
        }
        assert_eq!(pipeline.alerts_of("failures").len(), 1, "live events between: {live_between}");
    }
}

#[test]
fn a_wait_that_a_swap_ends_leaves_nothing_that_the_rule_after_it_trips_over() {
    let absent = r#"rule r { topic: "*" filter: "absent(10s, topic \"b\", after: topic \"a\", by: $.user)" lateness: 0s severity: info category: security alert: "none" }"#;
    let count = r#"rule r { topic: "*" filter: "count_in_window(600s, by: $.user) >= 9" severity: info category: security alert: "{count}" }"#;
    let mut pipeline = Pipeline::of(absent);
    pipeline.event(0, 0, "host", "a", r#"{"user":"ann"}"#);
    let new = set(count);
    let digest = detection::json_form::set_to_json(&new).digest();
    let rows = pipeline.command(1, Order::SwapRuleSet, &format!(r#"{{"digest":"{digest}"}}"#), Some(&new));
    assert_eq!(told(&rows, "rule_set.swapped").len(), 1);
    pipeline.event(2, 2, "host", "c", r#"{"user":"ann"}"#);
    pipeline.event(60, 60, "host", "c", r#"{"user":"ann"}"#);
    pipeline.tick(120);
    assert_eq!(alerts(&pipeline.rows).len(), 0);
}

#[test]
fn a_rule_that_is_switched_off_misses_nothing_and_nobody() {
    let rules = r#"rule r { topic: "*" filter: "absent(10s, topic \"b\", after: topic \"a\", by: $.user)" lateness: 0s severity: info category: security alert: "none" }"#;
    for (is_off, expected) in [(false, 1), (true, 0)] {
        let mut pipeline = Pipeline::of(rules);
        pipeline.event(0, 0, "host", "a", r#"{"user":"ann"}"#);
        if is_off {
            pipeline.command(1, Order::DisableRule, r#"{"rule_id":"r"}"#, None);
        }
        pipeline.tick(60);
        assert_eq!(alerts(&pipeline.rows).len(), expected, "switched off: {is_off}");
    }
}

#[test]
fn a_rule_that_is_switched_off_opens_no_breaker() {
    let rules = r#"
        rule costly { topic: "*" filter: "$..a == 1" severity: info category: security alert: "costly" }
        rule cheap { topic: "cheap" severity: info category: security alert: "cheap" dedup_window: 0s }"#;
    for (is_off, expected) in [(false, 0), (true, 1)] {
        let limits = Limits { work_per_event_max: 200, breaker_failures_max: 3, ..Limits::default() };
        let mut pipeline = Pipeline::with(rules, limits, 1);
        if is_off {
            pipeline.command(0, Order::DisableRule, r#"{"rule_id":"costly"}"#, None);
        }
        let payload = format!(r#"{{"b":[{}{{"a":1}}]}}"#, "0,".repeat(1_000));
        for second in 0..5 {
            pipeline.event(second, second, "host", "large", &payload);
        }
        pipeline.event(6, 6, "host", "cheap", "{}");
        assert_eq!(pipeline.alerts_of("cheap").len(), expected, "switched off: {is_off}");
    }
}

const ACKNOWLEDGED: &str = r#"
    rule seed { topic: "seed" severity: high category: security alert: "seed" }
    rule answered { topic: "alert.acknowledged" filter: "count_in_window(1h) >= 2" severity: info category: system alert: "{count}" }"#;

#[test]
fn what_commands_tell_of_an_endpoint_is_counted_with_that_endpoint() {
    // "host-1" and "host-6" are of different partitions, of two.
    let raise = |partitions, endpoints: [&str; 2]| {
        let mut pipeline = Pipeline::with(ACKNOWLEDGED, Limits::default(), partitions);
        for (second, endpoint) in (0..).zip(endpoints) {
            let payload = format!(r#"{{"n":{second}}}"#);
            let rows = pipeline.event(second, second, endpoint, "seed", &payload);
            let about = about(alerts(&rows)[0]);
            let rows = pipeline.command(second, Order::Acknowledge, &about, None);
            assert_eq!(told(&rows, "alert.acknowledged").len(), 1);
        }
        pipeline.alerts_of("answered").len()
    };
    let two = NonZeroU32::new(2).unwrap();
    let other = (2..).map(|number| format!("host-{number}"));
    let other = other.into_iter().find(|other| partition_of(other.as_bytes(), two) != partition_of(b"host-1", two));
    let other = other.unwrap();
    assert_eq!(raise(1, ["host-1", &other]), 0, "each endpoint has its own count");
    assert_eq!(raise(2, ["host-1", &other]), 0);
    assert_eq!(raise(1, ["host-1", "host-1"]), 1);
    assert_eq!(raise(2, ["host-1", "host-1"]), 1);
}

#[test]
fn what_is_held_back_of_commands_is_told_by_ticks() {
    let rules = r#"
        rule seed { topic: "seed" severity: info category: security alert: "seed" }
        rule switched { topic: "rule.state_change" severity: info category: system alert: "switched" suppression_window: 60s }"#;
    let mut pipeline = Pipeline::of(rules);
    let switch = [(0, Order::DisableRule, 1), (10, Order::EnableRule, 1), (70, Order::DisableRule, 2)];
    for (second, order, expected) in switch {
        pipeline.command(second, order, r#"{"rule_id":"seed"}"#, None);
        assert_eq!(pipeline.alerts_of("switched").len(), expected, "second {second}");
    }
    pipeline.command(80, Order::EnableRule, r#"{"rule_id":"seed"}"#, None);
    pipeline.tick(500);
    assert_eq!(told(&pipeline.rows, "alert.suppressed").len(), 2);
}

#[test]
fn a_rule_does_not_hear_that_its_own_alert_opened_the_breaker_over_all_rules() {
    let rules = r#"
        rule other { topic: "other" severity: info category: system alert: "other" dedup_window: 0s }
        rule r { topic: ["seed", "system.circuit_breaker"] severity: info category: system alert: "r" dedup_window: 0s }"#;
    let limits = Limits { breaker_failures_max: 2, ..Limits::default() };
    let mut pipeline = Pipeline::with(rules, limits, 1);
    for (second, topic) in (0..).zip(["other", "other", "seed"]) {
        pipeline.event(second, second, "host", topic, "{}");
    }
    let tripped = told(&pipeline.rows, "circuit_breaker.tripped");
    assert!(!tripped.is_empty());
    for event in tripped {
        assert_eq!(event.ancestry, ["r"], "{}", event.payload.as_str());
    }
}

#[test]
fn a_match_carries_one_value_so_a_routed_rule_counts_one_kind_of_them() {
    let rule = |scope, filter| {
        format!(
            r#"rule r {{ topic: "*" scope: {scope} filter: "{filter}" severity: info category: system alert: "r" }}"#
        )
    };
    let two = "distinct_in_window($.a, 60s) >= 3 and distinct_in_window($.b, 60s) >= 3";
    let one = "distinct_in_window($.a, 60s) >= 3 and count_in_window(60s) >= 3";
    for (scope, filter, is_refused) in [("fleet", two, true), ("endpoint", two, false), ("fleet", one, false)] {
        let compiled = Plan::compile(&set(&rule(scope, filter)), &[], &Options::default());
        assert_eq!(compiled.is_err(), is_refused, "{scope}: {filter}");
    }
}

#[test]
fn an_endpoint_that_fell_silent_leaves_nothing_behind_of_a_rate() {
    let mut pipeline =
        Pipeline::of(r#"rule r { topic: "*" filter: "$.a == 1" severity: info category: system alert: "r" }"#);
    let subscribe = r#"{"watcher":"guard","subscription_id":"s","subscription":{"topic":"*","max_events_per_sec":1},"rules":["r"]}"#;
    let rows = pipeline.command(0, Order::Subscribe, subscribe, None);
    assert_eq!(told(&rows, "subscription.created").len(), 1, "{rows:#?}");
    let before = pipeline.stores[0].len();
    pipeline.event(1, 1, "host", "a", "{}");
    assert!(pipeline.stores[0].len() > before);
    pipeline.tick(8 * 86_400);
    assert_eq!(pipeline.stores[0].len(), before);
}

#[test]
fn a_subscription_of_no_watcher_is_refused_with_the_nearest() {
    let mut pipeline = Pipeline::of(r#"rule r { topic: "*" severity: info category: system alert: "r" }"#);
    for (watcher, is_refused) in [("gaurd", true), ("guard", false)] {
        let subscribe =
            format!(r#"{{"watcher":"{watcher}","subscription_id":"s","subscription":{{"topic":"*"}},"rules":["r"]}}"#);
        let rows = pipeline.command(0, Order::Subscribe, &subscribe, None);
        let refused = told(&rows, "command.refused");
        assert_eq!(refused.len(), usize::from(is_refused), "{watcher}");
        assert!(refused.iter().all(|event| event.payload.as_str().contains("did you mean")), "{refused:?}");
    }
}

/// The ends of the calendar, the longest windows, and clocks that jump from one to the other.
#[test]
fn no_time_that_can_be_written_is_too_early_or_too_late() {
    let rules = r#"
        rule counted { topic: "*" lateness: 7d filter: "count_in_window(7d) >= 2" severity: critical category: system alert: "{count}" suppression_window: 7d }
        rule distinct { topic: "*" lateness: 7d filter: "distinct_in_window($.n, 1ms) >= 2" severity: critical category: system alert: "{count}" max_alerts_per_window: 1 window: 7d }
        rule ordered { topic: "*" lateness: 0s filter: "sequence(7d, by: $.u, topic \"a\", topic \"a\")" severity: critical category: system alert: "r" }
        rule missed { topic: "*" lateness: 7d filter: "absent(7d, topic \"b\", after: topic \"a\", by: $.u)" severity: critical category: system alert: "r" }"#;
    let (first, last) = (Timestamp::MIN.micros(), Timestamp::MAX.micros());
    let second = |micros: i64| (micros - START).div_euclid(1_000_000) + 1;
    let (first, last) = (second(first), second(last) - 1);
    let orders = [[first, first, last, last], [last, first, first, last], [first, last, last, first]];
    for (case, order) in orders.into_iter().enumerate() {
        let mut pipeline = Pipeline::of(rules);
        for (n, observed) in order.into_iter().enumerate() {
            let payload = format!(r#"{{"n":{n},"u":1}}"#);
            pipeline.event(if case == 0 { observed } else { last }, observed, "host", "a", &payload);
            pipeline.tick(if case == 0 { observed } else { last });
        }
        assert!(!alerts(&pipeline.rows).is_empty());
    }
}
