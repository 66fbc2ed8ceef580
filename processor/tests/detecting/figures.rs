//! What a processor counts, and what it says of itself.

use contracts::field::Symbols;
use contracts::records::{AnyRecord, DeadLetterReason};
use contracts::topics;
use processor::{Counted, Readiness, Stage, Waiting};

use crate::control::drafted;
use crate::pipeline::{Pipeline, encoded, pack};

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
