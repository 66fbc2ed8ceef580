//! Detection over the log: the scenarios of `detection`, sent as records and read back as records, give what its rig in memory
//! gives; and what cannot be read stops nothing.
//!
//! The log's clock is the scenario's, and each record is applied and published before the next is sent: matches that travel
//! between stages then have the append times that the rig gives them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "../clocked/mod.rs"]
mod clocked;
mod control;
mod figures;
mod pipeline;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::records::{AnyRecord, DeadLetter};
use contracts::time::Timestamp;
use contracts::topics;
use detection::plan::Plan;
use detection::scenario::{Case, Entry, Rig, What, read};
use processor::Stage;

use pipeline::{Pipeline, compiled, is_owners, pack};

/// The topics that a rig tells of.
const TOLD: [&str; 5] =
    [topics::ALERTS, topics::RULE_MATCHES, topics::WATCHER_EVENTS, topics::GUARDRAIL_REQUESTS, topics::DEAD_LETTERS];

fn check(plan: &Arc<Plan>, case: &Case<'_>) -> usize {
    let mut rig = Rig::new(Arc::clone(plan));
    let mut pipeline = Pipeline::new(plan);
    for entry in &case.entries {
        rig.feed(entry);
        pipeline.feed(entry);
    }
    for topic in TOLD {
        let text = |(key, record): (&str, &AnyRecord)| format!("{key} {}", record.to_json());
        let of_topic = rig.rows.iter().filter(|row| row.topic == topic);
        let expected: Vec<String> = of_topic.map(|row| text((&row.key, &row.record))).collect();
        let found = pipeline.records(topic);
        let found: Vec<String> =
            found.iter().filter(|(_, record)| !is_owners(record)).map(|(key, record)| text((key, record))).collect();
        assert_eq!(found, expected, "{}: {topic}", case.name);
    }
    assert!(pipeline.records(topics::RISK_REPORTS).len() <= rig.alerts().count(), "risk follows alerts");
    rig.rows.len()
}

#[test]
fn scenarios_give_on_the_log_what_they_give_in_memory() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../detection/tests/scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    let mut rows = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let rules = std::fs::read_to_string(file.with_extension("rules"));
        let plan = rules.map_or_else(|_| pack(), |rules| compiled(&rules));
        for case in read(&text).unwrap() {
            rows += check(&plan, &case);
        }
    }
    assert!(rows > 0, "nothing was compared");
}

/// After each record of a scenario time is told, by a log whose clock was set back an hour for it.
#[test]
fn ticks_of_a_clock_that_was_set_back_say_what_they_would_have() {
    let text = include_str!("../../../detection/tests/scenarios/held_back_and_told.json");
    let plan = pack();
    let mut alerts = 0;
    for case in read(text).unwrap() {
        let (mut even, mut falling) = (Pipeline::new(&plan), Pipeline::new(&plan));
        for entry in &case.entries {
            let tick = |back_micros| {
                let appended_at = Timestamp::from_micros(entry.appended_at.micros() - back_micros).unwrap();
                Entry { appended_at, what: What::Tick }
            };
            even.feed(entry);
            even.feed(&tick(0));
            falling.feed(entry);
            falling.feed(&tick(3_600_000_000));
        }
        let expected = even.records(topics::ALERTS);
        assert_eq!(falling.records(topics::ALERTS), expected, "{}", case.name);
        alerts += expected.len();
    }
    assert!(alerts > 0, "nothing was compared");
}

#[test]
fn what_cannot_be_read_becomes_a_dead_letter_and_stops_nothing() {
    let mut pipeline = Pipeline::new(&pack());
    let poison: [&[u8]; 6] = [b"", b"\0", b"\xC3\x01", b"not avro at all", &[0xFF; 300], b"\0\0\0\0\x07foreign id"];
    let inputs = Stage::ALL.map(Stage::topic);
    for topic in inputs {
        for value in poison {
            pipeline.send(topic, "k", value);
        }
    }
    pipeline.processor.pulse.tick().unwrap();
    pipeline.processor.pulse.flush().unwrap();
    pipeline.settle();
    let letters = pipeline.records(topics::DEAD_LETTERS);
    for topic in inputs {
        let of_topic = letters.iter().filter_map(|(_, record)| match record {
            AnyRecord::DeadLetter(letter) if letter.topic == topic => Some(&**letter),
            _ => None,
        });
        let raw: Vec<Vec<u8>> = of_topic.map(|letter: &DeadLetter| letter.raw.as_bytes().to_vec()).collect();
        assert_eq!(raw, poison, "{topic}");
    }
    let positions: Vec<_> = pipeline.processor.tasks.positions().map(|(_, position)| position.0).collect();
    assert_eq!(positions, [7, 7, 6], "each partition was applied to its end");
}
