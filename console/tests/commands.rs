//! Commands over an embedded log: who has to answer, what counts as an answer, and what is said where nobody does.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::num::NonZeroU32;
use std::sync::mpsc;
use std::time::Duration;

use bus::embedded::{Embedded, Options};
use bus::{Batch, BatchLimit, Bus, Partition, ProducerSettings, Progress, Row, Start, To, Until};
use console::control::{self, Answerers, CommandError, Desk, Missing};
use contracts::avro::Framing;
use contracts::codec;
use contracts::json::Object;
use contracts::json_face;
use contracts::records::{ControlCommand, ControlCommandType, TelemetryEvent};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::topics::{self, CONTROL, RULE_MATCHES, TELEMETRY_EVENTS, WATCHER_EVENTS};
use serde_json::{Value, json};

/// What a task says: the type of the event, the command it names as its cause (the one at hand without), its payload.
type Said = (&'static str, Option<&'static str>, Value);

fn log(folder: &tempfile::TempDir) -> Embedded {
    let log = Embedded::open(&folder.path().join("log"), Options::default()).unwrap();
    let declare = |name, partitions| topics::find(name).unwrap().declare(NonZeroU32::new(partitions).unwrap());
    let declared = [(TELEMETRY_EVENTS, 2), (RULE_MATCHES, 1), (WATCHER_EVENTS, 3), (CONTROL, 1)]
        .map(|(name, count)| declare(name, count));
    bus::topic::apply(&log, &declared).unwrap();
    log
}

fn append(log: &Embedded, topic: &str, key: &str, value: &[u8]) {
    let (fates, heard) = mpsc::channel();
    let mut producer =
        Bus::producer(log, &ProducerSettings::default(), Box::new(move |fate| fates.send(fate).unwrap()));
    let producer = producer.as_mut().unwrap();
    producer.send(&Row { topic, to: To::Key(key.as_bytes()), value: Some(value), headers: &[] }, 0).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    heard.recv().unwrap().result.unwrap();
}

fn event(event_type: &str, cause: &str, payload: &Value) -> TelemetryEvent {
    let event = json!({
        "schema_version": 1, "event_id": "an-event-id", "event_type": event_type, "topic": event_type,
        "endpoint_id": "_", "source": "watcher", "source_type": "watcher", "is_watcher_generated": true,
        "event_depth": 1, "causation_id": cause, "ancestry": [], "correlation_id": null, "actor_id": null,
        "scope": {"session_id": null, "thread_id": null}, "observed_at": 0, "ingested_at": 0, "stream": null,
        "labels": {}, "payload": payload,
    });
    json_face::from_json(event.to_string().as_bytes()).unwrap()
}

/// Waits for the command, as a processor does, and says what it is told to.
fn answer(log: &Embedded, said: &[Said]) {
    let mut reader = Bus::read(log, &[(Partition::new(CONTROL, 0), Start::Earliest)], Until::Forever).unwrap();
    let mut batch = Batch::default();
    let limit = BatchLimit { wait: LONG, ..BatchLimit::default() };
    // The first news is that there is nothing yet.
    while batch.is_empty() {
        assert_eq!(reader.next(&mut batch, &limit).unwrap(), Progress::More);
    }
    let value = batch.records().next().unwrap().value.unwrap();
    let command: ControlCommand = codec::decode(value, &BuiltIn).unwrap();
    for (place, (event_type, cause, payload)) in said.iter().enumerate() {
        let cause = cause.map_or_else(|| format!("command:{}", command.command_id), str::to_owned);
        let mut value = Vec::new();
        codec::encode(&event(event_type, &cause, payload), Framing::SingleObject, &mut value).unwrap();
        append(log, WATCHER_EVENTS, &place.to_string(), &value);
    }
}

fn send(said: &[Said], answerers: fn(&Embedded) -> Answerers, within: Duration) -> Result<usize, CommandError> {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let parameters = Object::new().with("rule_id", "r");
    let command = control::command(ControlCommandType::DisableRule, &parameters, "ann", Timestamp::MIN, None).unwrap();
    // An answer of before, to the very same command, was given to somebody else.
    let mut before = Vec::new();
    let cause = format!("command:{}", command.command_id);
    codec::encode(&event("rule.enabled", &cause, &json!({})), Framing::SingleObject, &mut before).unwrap();
    append(&log, WATCHER_EVENTS, "w", &before);

    std::thread::scope(|scope| {
        scope.spawn(|| answer(&log, said));
        let desk = Desk { log: &log, schemas: &BuiltIn, framing: Framing::SingleObject };
        let mut most = 0;
        let done = desk.send(&command, &answerers(&log), within, &mut |waiting| {
            assert!(waiting.answered <= waiting.expected, "{waiting:?}");
            most = most.max(waiting.answered);
        })?;
        assert_eq!((done.command_id, done.offset.0), (command.command_id.clone(), 0));
        assert_eq!(most, done.answers.len(), "whoever waits hears of each answer");
        Ok(done.answers.len())
    })
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

fn of_task(topic: &str, partition: u32) -> Value {
    json!({"command_id": "c", "subject": "s", "position": {"control_offset": 0, "topic": topic, "partition": partition}})
}

#[test]
fn a_command_is_done_when_its_owner_says_so() {
    let said: [Said; 4] = [
        ("rule.disabled", Some("command:another"), json!({"rule_id": "r"})),
        ("alert.suppressed", None, json!({"rule_id": "r"})),
        ("rule.disabled", Some("an event of the same name"), json!({"rule_id": "r"})),
        ("rule.disabled", None, json!({"rule_id": "r"})),
    ];
    assert_eq!(send(&said, |_| Answerers::Owner, LONG).unwrap(), 1);
    let unanswered = send(&said[..3], |_| Answerers::Owner, SHORT).unwrap_err();
    assert!(
        matches!(&unanswered, CommandError::Unanswered { missing: Missing::Owner, offset, .. } if offset.0 == 0),
        "{unanswered}"
    );
    assert!(unanswered.to_string().contains("stays valid"), "{unanswered}");
}

#[test]
fn a_refusal_comes_with_its_reason() {
    let said: [Said; 1] = [("command.refused", None, json!({"subject": "r", "reason": "no such rule"}))];
    let refused = send(&said, |_| Answerers::Owner, LONG).unwrap_err();
    assert_eq!(refused.to_string(), "refused (r): no such rule");
}

#[test]
fn a_command_for_all_is_done_when_each_task_says_so() {
    let every = |log: &Embedded| Answerers::every_task(log).unwrap();
    let said: [Said; 4] = [
        ("rule_set.swapped", None, of_task(TELEMETRY_EVENTS, 1)),
        ("rule_set.swapped", None, of_task(RULE_MATCHES, 0)),
        ("rule_set.swapped", Some("command:another"), of_task(TELEMETRY_EVENTS, 0)),
        ("rule_set.swapped", None, of_task(TELEMETRY_EVENTS, 0)),
    ];
    assert_eq!(send(&said, every, LONG).unwrap(), 3);

    let error = send(&said[..3], every, SHORT).unwrap_err();
    let missing = Missing::Tasks { missing: vec![Partition::new(TELEMETRY_EVENTS, 0)], of: 3 };
    assert!(matches!(&error, CommandError::Unanswered { missing: found, .. } if *found == missing), "{error}");

    let mut refused = said.clone();
    refused[3] = ("command.refused", None, {
        let mut payload = of_task(TELEMETRY_EVENTS, 0);
        payload["reason"] = "it does not compile".into();
        payload
    });
    let error = send(&refused, every, LONG).unwrap_err();
    assert_eq!(error.to_string(), "refused (s) by 1 of 3 tasks: it does not compile");
}
