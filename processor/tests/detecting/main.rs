//! Detection over the log: the scenarios of `detection`, sent as records and read back as records, give what its rig in memory
//! gives; and what cannot be read stops nothing.
//!
//! The log's clock is the scenario's, and each record is applied and published before the next is sent: matches that travel
//! between stages then have the append times that the rig gives them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bus::embedded::{Embedded, Options};
use bus::{Batch, BatchLimit, Bus, Instance, Partition, Progress, Row, Start, To, Until};
use contracts::avro::Framing;
use contracts::records::{AnyRecord, DeadLetter, TelemetryEvent};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::{codec, topics};
use detection::pack::PACK;
use detection::plan::{self, Plan};
use detection::risk::RiskPlan;
use detection::rule::{RuleSet, Watcher};
use detection::scenario::{Case, Entry, Rig, START_MICROS, What, read};
use processor::detecting::Detecting;
use processor::{Failpoints, Framings, Heard, Processor, Sent, Settings, Stage};
use tempfile::TempDir;

/// The topics that a rig tells of.
const TOLD: [&str; 5] =
    [topics::ALERTS, topics::RULE_MATCHES, topics::WATCHER_EVENTS, topics::GUARDRAIL_REQUESTS, topics::DEAD_LETTERS];

struct Pipeline {
    bus: Arc<dyn Bus>,
    clock: Arc<AtomicI64>,
    processor: Processor,
    _folder: TempDir,
}

impl Pipeline {
    fn new(plan: &Arc<Plan>) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(AtomicI64::new(START_MICROS));
        let reading = Arc::clone(&clock);
        let options = Options {
            clock: Arc::new(move || Timestamp::from_micros(reading.load(Ordering::SeqCst)).unwrap()),
            maintenance_interval: None,
            ..Options::default()
        };
        let bus: Arc<dyn Bus> = Arc::new(Embedded::open(&folder.path().join("log"), options).unwrap());
        for topic in topics::ALL {
            bus.create(&topic.declare(NonZeroU32::MIN)).unwrap();
        }
        let cores =
            Detecting::new(&*bus, Arc::clone(plan), RiskPlan::default(), Framings::default(), Arc::new(BuiltIn))
                .unwrap();
        let settings = Settings {
            batch: BatchLimit { wait: Duration::ZERO, ..BatchLimit::default() },
            offsets_every: Duration::ZERO,
            ..Settings::new(Instance::new("p").unwrap(), folder.path().join("state"))
        };
        let processor = Processor::start(Arc::clone(&bus), settings, Arc::new(cores), Failpoints::default()).unwrap();
        Self { bus, clock, processor, _folder: folder }
    }

    fn feed(&mut self, entry: &Entry) {
        self.clock.store(entry.appended_at.micros(), Ordering::SeqCst);
        match &entry.what {
            What::Event(event) => self.send(topics::TELEMETRY_EVENTS, event.endpoint_id.as_str(), &encoded(event)),
            What::Tick => {
                assert_eq!(self.processor.ticker.turn().unwrap(), 2, "one for each stage that goes by time");
                self.processor.ticker.flush().unwrap();
            }
            What::Command(_) => unreachable!("scenarios with commands are left out"),
        }
        self.settle();
    }

    fn send(&self, topic: &str, key: &str, value: &[u8]) {
        let mut producer = self.bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
        let row = Row { topic, to: To::Key(key.as_bytes()), value: Some(value), headers: &[] };
        producer.send(&row, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    }

    fn settle(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut quiet = 0;
        while quiet < 2 {
            let heard = self.processor.tasks.turn().unwrap();
            let sent = self.processor.outbound.turn(Instant::now()).unwrap();
            quiet = if (heard, sent) == (Heard::Records(0), Sent::Nothing) { quiet + 1 } else { 0 };
            assert!(Instant::now() < deadline, "not quiet");
        }
    }

    /// Everything on a topic, as the record that the topic carries.
    fn records(&self, topic: &str) -> Vec<(String, AnyRecord)> {
        let names = topics::find(topic).unwrap().records;
        let mut reader = self.bus.read(&[(Partition::new(topic, 0), Start::Earliest)], Until::End).unwrap();
        let (mut batch, mut records) = (Batch::default(), Vec::new());
        while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            for record in batch.records() {
                let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                let value = AnyRecord::decode_one_of(names, record.value.unwrap(), &BuiltIn).unwrap().unwrap();
                records.push((key, value));
            }
        }
        records
    }
}

fn encoded(event: &TelemetryEvent) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(event, Framing::SingleObject, &mut value).unwrap();
    value
}

fn is_tick(record: &AnyRecord) -> bool {
    matches!(record, AnyRecord::TelemetryEvent(event) if event.event_type == "system.tick")
}

fn pack() -> Arc<Plan> {
    compiled(&PACK.iter().map(|packed| packed.text).collect::<String>())
}

fn compiled(rules: &str) -> Arc<Plan> {
    let rules = detection::text::parse("rules", rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let watcher = Watcher { name: "supervised".to_owned(), subscriptions: Vec::new(), rules };
    let set = RuleSet { name: "scenarios".to_owned(), watchers: vec![watcher] };
    Arc::new(Plan::compile(&set, &[], &plan::Options::default()).unwrap())
}

fn check(plan: &Arc<Plan>, case: &Case<'_>) -> usize {
    let mut rig = Rig::new(Arc::clone(plan));
    let mut pipeline = Pipeline::new(plan);
    pipeline.settle();
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
            found.iter().filter(|(_, record)| !is_tick(record)).map(|(key, record)| text((key, record))).collect();
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
            let has_commands = case.entries.iter().any(|entry| matches!(entry.what, What::Command(_)));
            rows += if has_commands { 0 } else { check(&plan, &case) };
        }
    }
    assert!(rows > 0, "nothing was compared");
}

#[test]
fn what_cannot_be_read_becomes_a_dead_letter_and_stops_nothing() {
    let mut pipeline = Pipeline::new(&pack());
    pipeline.settle();
    let poison: [&[u8]; 6] = [b"", b"\0", b"\xC3\x01", b"not avro at all", &[0xFF; 300], b"\0\0\0\0\x07foreign id"];
    let inputs = Stage::ALL.map(Stage::topic);
    for topic in inputs {
        for value in poison {
            pipeline.send(topic, "k", value);
        }
    }
    pipeline.processor.ticker.turn().unwrap();
    pipeline.processor.ticker.flush().unwrap();
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
