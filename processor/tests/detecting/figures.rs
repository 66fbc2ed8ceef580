//! What a processor counts, and what it says of itself.

use contracts::field::Symbols;
use contracts::records::{AnyRecord, DeadLetterReason};
use contracts::topics;
use detection::limits::Limits;
use processor::{Counted, Readiness, Stage, Waiting};

use crate::control::drafted;
use crate::pipeline::{Pipeline, compiled_within, encoded, pack};

#[test]
fn what_is_applied_again_in_silence_is_not_counted_again() {
    let mut pipeline = Pipeline::new(&pack());
    for number in 0..3 {
        let text =
            format!(r#"{{"topic":"terminal.command","payload":{{"command":"rm -rf /"}},"endpoint_id":"e{number}"}}"#);
        let event = drafted(&text);
        pipeline.send(topics::TELEMETRY_EVENTS, event.endpoint_id.as_str(), &encoded(&event));
    }
    pipeline.send(topics::TELEMETRY_EVENTS, "k", b"not avro");
    pipeline.settle();
    let metrics = pipeline.processor.watch().metrics().unwrap();
    let (events, risk) = (metrics.stages[&Stage::Events], metrics.stages[&Stage::Alerts]);
    assert_eq!((events.records, events.repeated, events.counted.detection.events), (4, 0, 3));
    assert_eq!(events.counted.dead_letters[DeadLetterReason::Undecodable.place()], 1);
    let mut published = Counted::default();
    for (_, record) in pipeline.records(topics::ALERTS) {
        let AnyRecord::Alert(alert) = record else { panic!("{record:?}") };
        published.alerts[alert.severity.place()] += 1;
    }
    assert_eq!(events.counted.alerts, published.alerts, "by severity");
    assert_eq!(events.counted.detection.alerts, published.alerts.iter().sum::<u64>());
    assert_eq!(risk.counted.risk.alerts, risk.records);

    let pipeline = pipeline.restart_without_state();
    let metrics = pipeline.processor.watch().metrics().unwrap();
    let again = metrics.stages[&Stage::Events];
    assert_eq!((again.records, again.repeated, again.counted), (4, 4, Counted::default()));
    assert_eq!(metrics.readiness, Readiness::Ready);
}

/// One rule cannot afford what an endpoint sends it; another endpoint of the same partition does not notice.
#[test]
fn a_payload_over_the_budget_is_held_against_its_rule_and_its_partition_goes_on() {
    const FAILURES_MAX: u32 = 5;
    let limits = Limits { work_per_event_max: 100_000, breaker_failures_max: FAILURES_MAX, ..Limits::default() };
    let mut pipeline = Pipeline::new(&compiled_within(
        limits,
        r#"rule heavy {
            topic: "note"
            filter: "luhn($.text, '[0-9]{256}')"
            severity: low
            category: security
            alert: "a number"
        }
        rule light {
            topic: "note"
            filter: "$.last == true"
            severity: low
            category: security
            alert: "the last"
        }"#,
    ));
    let send = |endpoint: &str, number: u32, last: bool| {
        let digits = "4111111111111112".repeat(500);
        let event = drafted(&format!(
            r#"{{"topic":"note","endpoint_id":"{endpoint}","payload":{{"text":"{digits}","number":{number},"last":{last}}}}}"#
        ));
        pipeline.send(topics::TELEMETRY_EVENTS, endpoint, &encoded(&event));
    };
    (0..=FAILURES_MAX).for_each(|number| send("busy", number, false));
    send("other", 0, true);
    pipeline.settle();
    let events = pipeline.processor.watch().metrics().unwrap().stages[&Stage::Events];
    assert_eq!(events.counted.detection.over_budget, u64::from(FAILURES_MAX) + 2);
    let told = pipeline.records(topics::WATCHER_EVENTS);
    let tripped = told.iter().filter(|(_, record)| {
        matches!(record, AnyRecord::TelemetryEvent(event) if event.event_type == "circuit_breaker.tripped")
    });
    assert!(tripped.count() > 0, "a breaker opens over it: {told:?}");
    let alerts = pipeline.records(topics::ALERTS);
    let [(_, AnyRecord::Alert(alert))] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!((alert.rule_id.as_str(), alert.trigger_event.endpoint_id.as_str()), ("light", "other"));
}

#[test]
fn who_watches_keeps_nothing_open_and_sees_the_end() {
    let pipeline = Pipeline::new(&pack());
    let watch = pipeline.processor.watch();
    assert!(watch.readiness().is_ready());
    let pipeline = pipeline.restart();
    assert_eq!(watch.readiness(), Readiness::Waiting(vec![Waiting::NotRunning]), "of the one before");
    assert!(watch.metrics().is_none());
    assert!(pipeline.processor.watch().readiness().is_ready());
}
