//! The read model: the same whatever the order partitions are read in, and right about what became of things.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use bus::{Batch, Offset, Partition};
use console::model::{AlertFilter, Model, NoAlert, StatusFilter};
use console::wire::view::AlertStatus;
use contracts::avro::Framing;
use contracts::codec;
use contracts::json_face;
use contracts::record::Record;
use contracts::records::{Alert, ControlCommand, Severity, TelemetryEvent};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::topics::{ALERTS, CONTROL, RULE_SETS, WATCHER_EVENTS};
use detection::parts;
use detection::rule::{RuleSet, Watcher};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A record, where it goes, and when the log took it, in seconds.
#[derive(Debug, Clone)]
struct Row {
    topic: &'static str,
    partition: u32,
    at: i64,
    value: Vec<u8>,
}

fn row<R: Record>(topic: &'static str, partition: u32, at: i64, record: &R) -> Row {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    Row { topic, partition, at, value }
}

fn from_json<R: Record>(value: &Value) -> R {
    json_face::from_json(value.to_string().as_bytes()).unwrap()
}

fn event(at: i64, event_type: &str, cause: &str, payload: &Value) -> Row {
    let event: TelemetryEvent = from_json(&json!({
        "schema_version": 1, "event_id": "an-event-id", "event_type": event_type, "topic": event_type,
        "endpoint_id": "host", "source": "w", "source_type": "watcher", "is_watcher_generated": true,
        "event_depth": 1, "causation_id": cause, "ancestry": [], "correlation_id": null, "actor_id": null,
        "scope": {"session_id": null, "thread_id": null}, "observed_at": at * 1_000_000, "ingested_at": 0,
        "stream": null, "labels": {}, "payload": payload,
    }));
    row(WATCHER_EVENTS, u32::try_from(at % 2).unwrap(), at, &event)
}

fn alert(at: i64, id: &str, rule: &str, severity: &str) -> Row {
    let digest = "0".repeat(64);
    let alert: Alert = from_json(&json!({
        "alert_id": id, "rule_id": rule, "rule_name": rule, "rule_digest": digest,
        "rule_set": {"name": "set", "digest": digest},
        "trigger_event": {
            "schema_version": 1, "event_id": format!("event of {id}"), "event_type": "t", "topic": "t", "endpoint_id": "host",
            "source": "s", "source_type": "external", "is_watcher_generated": false, "event_depth": 0,
            "causation_id": null, "ancestry": [], "correlation_id": null, "actor_id": null,
            "scope": {"session_id": null, "thread_id": null}, "observed_at": 0, "ingested_at": 0, "stream": null,
            "labels": {}, "payload": {},
        },
        "severity": severity, "category": "security", "message": "m", "triggered_at": 0, "acknowledged": false,
        "acknowledged_by": null, "escalation_status": "none", "source": "w", "dedup_hash": digest,
        "suppressed_until": null, "occurrences": 1, "group_key": "[]", "window": null, "action": {"type": "Notify"},
        "evidence_refs": [], "attack": [], "confidence": 1, "complete": true, "episode": 0,
    }));
    row(ALERTS, u32::try_from(at % 2).unwrap(), at, &alert)
}

fn command(at: i64, id: &str, what: &str, parameters: &Value) -> Row {
    let command: ControlCommand = from_json(&json!({
        "command_id": id, "command": what, "parameters": parameters, "issued_by": "ann", "issued_at": 0, "reason": null,
    }));
    row(CONTROL, 0, at, &command)
}

/// A set of the first rule of the pack, with a subscription to it.
fn set() -> (String, Row) {
    let file = &detection::pack::PACK[0];
    let source = detection::reading::File { name: file.name, text: file.text, form: detection::reading::Form::Text };
    let rules = detection::reading::read(&[source]).rules().to_vec();
    let subscription = detection::json_form::subscription_from_json(
        "own",
        &json!({"subscription_id": "own", "topic": "chat.*", "rules": [rules[0].id.as_str()]}).to_string(),
    );
    let watcher = Watcher { name: "w".to_owned(), subscriptions: vec![subscription.unwrap()], rules };
    let (digest, parts) = parts::split(&RuleSet { name: "set".to_owned(), watchers: vec![watcher] }).unwrap();
    (digest.to_string(), row(RULE_SETS, 0, 1, &parts[0]))
}

fn fold(rows: &[Row]) -> Model {
    let mut model = Model::default();
    let mut ends = std::collections::BTreeMap::new();
    for row in rows {
        let partition = Partition::new(row.topic, row.partition);
        let end = ends.entry(partition.clone()).or_insert(0);
        let mut batch = Batch::default();
        let at = Timestamp::from_micros(row.at * 1_000_000).unwrap();
        batch.push(&partition, Offset(*end), at, None, Some(&row.value), std::iter::empty());
        *end += 1;
        let record = batch.records().next().unwrap();
        model.take(&record, &BuiltIn).unwrap();
        assert_eq!(model.take(&record, &BuiltIn).unwrap(), None, "a record that comes again changes nothing");
    }
    model
}

const ALL: AlertFilter =
    AlertFilter { rule_id: None, severity: None, endpoint_id: None, status: None, since: None, limit: 1_000 };

/// All that can be asked.
fn said(model: &Model) -> Value {
    let alerts = model.alerts(&ALL);
    let details: Vec<_> = alerts.alerts.iter().map(|alert| model.alert(&alert.alert_id).unwrap()).collect();
    json!([alerts, details, model.rules(Timestamp::MIN), model.subscriptions(), model.stats()])
}

/// A day with everything in it, in the order of its times.
fn day() -> Vec<Row> {
    let (digest, set) = set();
    let (first, rule) = ("a1", "pii_email");
    vec![
        set,
        command(2, "c-swap", "swap_rule_set", &json!({"digest": digest})),
        event(3, "rule_set.swapped", "command:c-swap", &json!({"command_id": "c-swap", "subject": digest})),
        alert(4, first, rule, "high"),
        event(4, "rule.matched", "an event", &json!({"rule_id": rule, "event_id": "event of a1", "match_details": {}})),
        event(5, "alert.emitted", "event of a1", &json!({"alert_id": first})),
        event(
            6,
            "escalation.sent",
            "event of a1",
            &json!({"alert_id": first, "target": "supervisor", "priority": "high", "block": "requested", "sent_at": "2026-01-31T12:00:00Z"}),
        ),
        event(
            7,
            "alert.suppressed",
            "event of a1",
            &json!({"alert_id": first, "rule_id": rule, "reason": "deduplication", "suppressed_until": "2026-01-31T12:01:00Z", "count": 7}),
        ),
        event(
            8,
            "alert.suppressed",
            "an event",
            &json!({"rule_id": rule, "reason": "mute", "suppressed_until": "2026-01-31T12:01:00Z", "count": 2}),
        ),
        command(9, "c-ack", "acknowledge", &json!({"alert_id": first})),
        event(
            10,
            "alert.acknowledged",
            "command:c-ack",
            &json!({"alert_id": first, "acknowledged_by": "ann", "acknowledged_at": "2026-01-31T12:02:00Z"}),
        ),
        alert(11, "a2", rule, "low"),
        command(12, "c-resolve", "resolve", &json!({"alert_id": "a2"})),
        event(
            13,
            "command.refused",
            "command:c-resolve",
            &json!({"command_id": "c-resolve", "subject": "a2", "reason": "no"}),
        ),
        alert(14, "b3", "gone", "critical"),
        command(15, "c-late", "resolve", &json!({"alert_id": "b3"})),
        command(16, "c-off", "disable_rule", &json!({"rule_id": rule})),
        event(17, "rule.disabled", "command:c-off", &json!({"rule_id": rule})),
        command(18, "c-on", "enable_rule", &json!({"rule_id": rule})),
        event(19, "command.refused", "command:c-on", &json!({"command_id": "c-on", "subject": rule, "reason": "no"})),
        command(
            20,
            "c-mute",
            "mute",
            &json!({"rule_id": rule, "endpoint_id": "host", "until": "2027-01-31T12:00:00Z"}),
        ),
        command(
            21,
            "c-sub",
            "subscribe",
            &json!({"watcher": "w", "subscription_id": "lab", "subscription": {"topic": "lab.*"}, "rules": [rule]}),
        ),
        command(22, "c-unsub", "unsubscribe", &json!({"subscription_id": "own"})),
        event(
            23,
            "circuit_breaker.tripped",
            "an event",
            &json!({"watcher_id": "w", "state": "open", "failure_count": 101, "threshold": 100, "triggered_at": "2026-01-31T12:00:00Z", "rule_id": rule, "group_key": "[]"}),
        ),
        event(
            24,
            "event.late",
            "an event",
            &json!({"endpoint_id": "host", "count": 3, "first_event_id": "1", "last_event_id": "2"}),
        ),
        event(
            25,
            "telemetry.gap",
            "an event",
            &json!({"source": "s", "boot_id": "b", "from_seq": 1, "to_seq": 4, "lost": 4}),
        ),
    ]
}

/// `rows` in another order that keeps that of each partition: the row to go on with is drawn among the partitions' next.
fn interleaved(rows: &[Row], draws: &[prop::sample::Index]) -> Vec<Row> {
    let mut lanes: std::collections::BTreeMap<(&str, u32), std::collections::VecDeque<&Row>> =
        std::collections::BTreeMap::new();
    for row in rows {
        lanes.entry((row.topic, row.partition)).or_default().push_back(row);
    }
    let mut mixed = Vec::new();
    for draw in draws.iter().cycle() {
        lanes.retain(|_, lane| !lane.is_empty());
        if lanes.is_empty() {
            break;
        }
        let count = lanes.len();
        let lane = lanes.values_mut().nth(draw.index(count)).unwrap();
        mixed.push(lane.pop_front().unwrap().clone());
    }
    assert_eq!(mixed.len(), rows.len());
    mixed
}

proptest! {
    #[test]
    fn the_model_is_the_same_in_whatever_order_partitions_are_read(
        draws in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let rows = day();
        prop_assert_eq!(said(&fold(&interleaved(&rows, &draws))), said(&fold(&rows)));
    }
}

#[test]
fn what_became_of_things_is_joined() {
    let model = fold(&day());
    let alerts = model.alerts(&ALL);
    let told: Vec<_> = alerts
        .alerts
        .iter()
        .map(|alert| (&*alert.alert_id, alert.status, alert.confirmed, alert.held_back, alert.escalations))
        .collect();
    let expected = [
        ("b3", AlertStatus::Resolved, false, 0, 0),
        ("a2", AlertStatus::Open, true, 0, 0),
        ("a1", AlertStatus::Acknowledged, true, 7, 1),
    ];
    assert_eq!(told, expected, "newest first; what was refused does not count, what nobody answered is not confirmed");

    let detail = model.alert("a1").unwrap();
    assert!(detail.compared.is_some(), "the values compared are found by rule and event");
    assert_eq!(detail.summary.acknowledged_by.as_deref(), Some("ann"));

    let rules = model.rules(Timestamp::MIN);
    let set = rules.set.unwrap();
    assert_eq!((set.name.as_deref(), set.confirmed), (Some("set"), true));
    let (first, gone) = (&rules.rules[1], &rules.rules[0]);
    assert_eq!((&*gone.rule_id, gone.severity.as_deref(), gone.alerts), ("gone", None, 1), "of no set in force");
    assert_eq!((first.is_on, first.mutes.len(), first.breakers_open), (false, 1, 1));
    assert_eq!((first.alerts, first.held_back), (2, 9));
    assert_eq!(model.rules(Timestamp::MAX).rules[1].mutes, [], "a mute that is past is none");

    let subscriptions: Vec<_> =
        model.subscriptions().subscriptions.into_iter().map(|one| (one.subscription_id, one.added_by)).collect();
    assert_eq!(subscriptions, [("lab".to_owned(), Some("ann".to_owned()))], "the set's own was removed");

    let stats = model.stats();
    assert_eq!((stats.alerts, stats.open, stats.acknowledged, stats.resolved), (3, 1, 1, 1));
    assert_eq!((stats.events_lost, stats.escalations, stats.breakers_open, stats.unreadable), (4, 1, 1, 0));
}

#[test]
fn a_rule_set_that_drops_a_rules_alerts_ends_those_that_were_raised_before() {
    let swap = |at, alerts| {
        let dropped = json!({"dropped": [{"rule_id": "r", "why": "gone", "active_alerts": alerts}]});
        event(at, "rule_set.swapped", "a command", &dropped)
    };
    let mut rows = vec![
        alert(1, "before", "r", "high"),
        alert(2, "another", "s", "high"),
        swap(3, 1),
        alert(4, "behind", "r", "high"),
        // Another task, which had none.
        swap(5, 0),
    ];
    for _ in 0..2 {
        let model = fold(&rows);
        let ids = |status| -> Vec<String> {
            let alerts = model.alerts(&AlertFilter { status: Some(StatusFilter::Only(status)), ..ALL }).alerts;
            alerts.into_iter().map(|alert| alert.alert_id).collect()
        };
        assert_eq!((ids(AlertStatus::Resolved), ids(AlertStatus::Open).len()), (vec!["before".to_owned()], 2));
        assert_eq!(model.alert("before").unwrap().resolved.unwrap().by, "a change of the rule set");
        rows.rotate_left(3);
    }
}

#[test]
fn alerts_are_found_by_what_is_asked_and_by_the_beginning_of_an_id() {
    let model = fold(&day());
    let ids = |filter: &AlertFilter| -> Vec<String> {
        model.alerts(filter).alerts.into_iter().map(|alert| alert.alert_id).collect()
    };
    let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
    let cases = [
        (AlertFilter { rule_id: Some("gone".to_owned()), ..ALL }, vec!["b3"]),
        (AlertFilter { severity: Some(Severity::High), ..ALL }, vec!["b3", "a1"]),
        (AlertFilter { endpoint_id: Some("other".to_owned()), ..ALL }, vec![]),
        (AlertFilter { status: Some(StatusFilter::Active), ..ALL }, vec!["a2", "a1"]),
        (AlertFilter { status: Some(StatusFilter::Only(AlertStatus::Open)), ..ALL }, vec!["a2"]),
        (AlertFilter { since: Some(at(11)), ..ALL }, vec!["b3", "a2"]),
        (AlertFilter { limit: 1, ..ALL }, vec!["b3"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&filter), expected, "{filter:?}");
    }
    assert_eq!(model.alert("b").unwrap().summary.alert_id, "b3");
    assert!(matches!(model.alert("c"), Err(NoAlert::Unknown { .. })));
    assert!(matches!(model.alert("a"), Err(NoAlert::Several { ids, .. }) if ids == ["a1", "a2"]));
}
