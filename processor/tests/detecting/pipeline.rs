//! A log with a clock of its own and a processor on it, turn by turn.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, Bus, Instance, Partition, Progress, Start, To, Until};
use contracts::avro::Framing;
use contracts::records::AnyRecord;
use contracts::schema::BuiltIn;
use contracts::{codec, owner_event, record, topics};
use detection::limits::Limits;
use detection::pack::PACK;
use detection::plan::{self, Plan};
use detection::risk::RiskPlan;
use detection::rule::RuleSet;
use detection::scenario::{Entry, START_MICROS, What};
use processor::detecting::Detecting;
use processor::{Failpoints, Framings, Processor, Settings, Stage};
use tempfile::TempDir;

use crate::clocked::{self, Log};

pub struct Pipeline {
    log: Log,
    pub processor: Processor,
    cores: Arc<Detecting>,
    folder: TempDir,
}

impl Pipeline {
    pub fn new(plan: &Arc<Plan>) -> Self {
        let folder = TempDir::new().unwrap();
        let log = Log::new(folder.path(), NonZeroU32::MIN, START_MICROS);
        let cores =
            Detecting::new(&log.bus, Arc::clone(plan), RiskPlan::default(), Framings::default(), Arc::new(BuiltIn));
        let cores = Arc::new(cores.unwrap());
        let processor = start(&log.bus, &cores, folder.path());
        let mut pipeline = Self { log, processor, cores, folder };
        pipeline.settle();
        pipeline
    }

    /// Another processor on the state of this one.
    pub fn restart(self) -> Self {
        self.restart_after(|_| {})
    }

    /// Another processor, which finds no state.
    pub fn restart_without_state(self) -> Self {
        self.restart_after(|state| std::fs::remove_dir_all(state).unwrap())
    }

    fn restart_after(self, between: impl FnOnce(&Path)) -> Self {
        let Self { log, processor, cores, folder } = self;
        drop(processor);
        between(&folder.path().join("state"));
        let processor = start(&log.bus, &cores, folder.path());
        let mut pipeline = Self { log, processor, cores, folder };
        pipeline.settle();
        pipeline
    }

    pub fn feed(&mut self, entry: &Entry) {
        self.log.set_clock(entry.appended_at);
        match &entry.what {
            What::Event(event) => self.send(topics::TELEMETRY_EVENTS, event.endpoint_id.as_str(), &encoded(&**event)),
            What::Tick => {
                assert_eq!(self.processor.pulse.tick().unwrap(), 2, "one for each stage that goes by time");
                self.processor.pulse.flush().unwrap();
            }
            What::Command(command) => {
                self.append(topics::CONTROL, To::Partition { index: 0, key: None }, &encoded(&**command));
                assert_eq!(self.mark(), 2, "one for each stage that takes commands");
            }
        }
        self.settle();
    }

    pub fn send(&self, topic: &str, key: &str, value: &[u8]) {
        self.append(topic, To::Key(key.as_bytes()), value);
    }

    /// Writes the markers of what was commanded; answers how many.
    pub fn mark(&mut self) -> usize {
        self.mark_at(Instant::now())
    }

    pub fn mark_at(&mut self, now: Instant) -> usize {
        self.processor.pulse.listen(Duration::ZERO).unwrap();
        let marked = self.processor.pulse.mark(now).unwrap();
        self.processor.pulse.flush().unwrap();
        marked
    }

    pub fn append(&self, topic: &str, to: To<'_>, value: &[u8]) {
        self.log.send(topic, to, value);
    }

    pub fn settle(&mut self) {
        clocked::settle(&mut self.processor, Stage::ALL.len());
    }

    /// Everything on a topic, as the record that the topic carries.
    pub fn records(&self, topic: &str) -> Vec<(String, AnyRecord)> {
        let names = topics::find(topic).unwrap().records;
        let mut reader = self.log.bus.read(&[(Partition::new(topic, 0), Start::Earliest)], Until::End).unwrap();
        let (mut batch, mut records) = (Batch::default(), Vec::new());
        while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            for record in batch.records() {
                let key = String::from_utf8(record.key.unwrap_or_default().to_vec()).unwrap();
                let value = AnyRecord::decode_one_of(names, record.value.unwrap(), &BuiltIn).unwrap().unwrap();
                records.push((key, value));
            }
        }
        records
    }
}

fn start(bus: &Arc<dyn Bus>, cores: &Arc<Detecting>, folder: &Path) -> Processor {
    let settings = Settings {
        batch: BatchLimit { wait: Duration::ZERO, ..BatchLimit::default() },
        offsets_every: Duration::ZERO,
        ..Settings::new(Instance::new("p").unwrap(), folder.join("state"))
    };
    let cores = Arc::<Detecting>::clone(cores);
    Processor::start(Arc::clone(bus), settings, cores, Failpoints::default()).unwrap()
}

pub fn encoded<R: record::Record>(record: &R) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    value
}

pub fn is_owners(record: &AnyRecord) -> bool {
    matches!(record, AnyRecord::TelemetryEvent(event)
        if owner_event::is_owners(event.endpoint_id.as_str(), &event.event_type))
}

pub fn pack() -> Arc<Plan> {
    compiled(&PACK.iter().map(|packed| packed.text).collect::<String>())
}

pub fn compiled(rules: &str) -> Arc<Plan> {
    compiled_within(Limits::default(), rules)
}

pub fn compiled_within(limits: Limits, rules: &str) -> Arc<Plan> {
    let rules = detection::text::parse("rules", rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let set = RuleSet::of_one("supervised", rules);
    Arc::new(Plan::compile(&set, &[], &plan::Options { limits, ..plan::Options::default() }).unwrap())
}
