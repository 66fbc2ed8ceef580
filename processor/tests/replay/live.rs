//! A run that is recorded: a log whose clock is the script's, and a processor on it that is crashed and started again.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bus::embedded::{Embedded, Options};
use bus::recording::{Partitions, Recorder};
use bus::{Batch, BatchLimit, Bus, Instance, Merged, Partition, Progress, Reader, Row, Start, To, Until};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::topics;
use detection::risk::RiskPlan;
use processor::detecting::Detecting;
use processor::store::Memory;
use processor::{Failpoints, Framings, Heard, Processor, Sent, Settings};
use tempfile::TempDir;

use crate::script::{self, Happening, Numbers, What};

pub struct Live {
    pub bus: Arc<dyn Bus>,
    pub partitions: NonZeroU32,
    clock: Arc<AtomicI64>,
    running: Option<Processor>,
    folder: TempDir,
}

pub const MEMORY: Memory = Memory {
    block_cache_bytes: 1 << 20,
    write_buffer_bytes: 3 << 20,
    hot_rows_bytes: 1 << 20,
    open_files_max: 64,
    background_jobs_max: 1,
};

impl Live {
    /// Plays a script; `numbers` decides when the processor works, how much it takes, and when it is crashed.
    pub fn run(script: &[Happening], partitions: u32, mut numbers: Numbers) -> Self {
        let mut live = Self::new(NonZeroU32::new(partitions).unwrap());
        live.start(100);
        live.settle();
        for happening in script {
            live.clock.store(happening.at.micros(), Ordering::SeqCst);
            match &happening.what {
                What::Event(key, value) => live.send(topics::TELEMETRY_EVENTS, To::Key(key.as_bytes()), value),
                What::Command(value) => {
                    live.send(topics::CONTROL, To::Partition { index: 0, key: None }, value);
                    // The owner marks what it owns, up to where each task has come.
                    live.settle();
                    let pulse = &mut live.running.as_mut().unwrap().pulse;
                    pulse.listen(Duration::ZERO).unwrap();
                    assert_eq!(pulse.mark(Instant::now()).unwrap(), 2 * partitions as usize);
                    pulse.flush().unwrap();
                }
                What::Tick => {
                    // The owner ticks what it owns: it has to own all of it.
                    live.settle();
                    let pulse = &mut live.running.as_mut().unwrap().pulse;
                    assert_eq!(pulse.tick().unwrap(), 2 * partitions as usize);
                    pulse.flush().unwrap();
                }
            }
            match numbers.below(12) {
                0 => {
                    live.running = None;
                    live.start(numbers.pick(&[1, 3, 50, 1_000]));
                    live.settle();
                }
                1..6 => drop(live.running.as_mut().unwrap().tasks.turn().unwrap()),
                6..8 => drop(live.running.as_mut().unwrap().outbound.turn(Instant::now()).unwrap()),
                _ => {}
            }
        }
        live.settle();
        live
    }

    fn new(partitions: NonZeroU32) -> Self {
        let folder = TempDir::with_prefix("tripline-replay-").unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let reading = Arc::clone(&clock);
        let options = Options {
            clock: Arc::new(move || Timestamp::from_micros(reading.load(Ordering::SeqCst)).unwrap()),
            maintenance_interval: None,
            ..Options::default()
        };
        let bus: Arc<dyn Bus> = Arc::new(Embedded::open(&folder.path().join("log"), options).unwrap());
        for topic in topics::ALL {
            bus.create(&topic.declare(partitions)).unwrap();
        }
        Self { bus, partitions, clock, running: None, folder }
    }

    fn start(&mut self, records_max: usize) {
        let cores =
            Detecting::new(&self.bus, script::plan(), RiskPlan::default(), Framings::default(), Arc::new(BuiltIn));
        let settings = Settings {
            is_static: false,
            batch: BatchLimit { records_max, wait: Duration::ZERO, ..BatchLimit::default() },
            memory: MEMORY,
            offsets_every: Duration::ZERO,
            ..Settings::new(Instance::new("p").unwrap(), self.folder.path().join("state"))
        };
        let cores = Arc::new(cores.unwrap());
        self.running = Some(Processor::start(Arc::clone(&self.bus), settings, cores, Failpoints::default()).unwrap());
    }

    fn send(&self, topic: &str, to: To<'_>, value: &[u8]) {
        let mut producer = self.bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
        producer.send(&Row { topic, to, value: Some(value), headers: &[] }, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    }

    /// Until nothing is left to apply or to publish.
    fn settle(&mut self) {
        let processor = self.running.as_mut().unwrap();
        let owned = 3 * self.partitions.get() as usize;
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut quiet = 0;
        while quiet < 2 || processor.tasks.positions().count() < owned {
            let heard = processor.tasks.turn().unwrap();
            let sent = processor.outbound.turn(Instant::now()).unwrap();
            quiet = if (heard, sent) == (Heard::Records(0), Sent::Nothing) { quiet + 1 } else { 0 };
            assert!(Instant::now() < deadline, "not quiet");
        }
    }

    /// Commands and the inputs of both stages, in the order of their times.
    pub fn input(&self) -> Merged {
        let each = |topic: &'static str| (0..self.partitions.get()).map(move |index| Partition::new(topic, index));
        let stages = [topics::TELEMETRY_EVENTS, topics::RULE_MATCHES].into_iter().flat_map(each);
        // Of equal times first: a command is there before its markers.
        let partitions = std::iter::once(Partition::new(topics::CONTROL, 0)).chain(stages);
        let read = |partition| self.bus.read(&[(partition, Start::Earliest)], Until::End).unwrap();
        Merged::over(partitions.map(read).collect())
    }

    pub fn record(&self, path: &Path) {
        let partitions =
            [topics::TELEMETRY_EVENTS, topics::RULE_MATCHES].map(|topic| (topic.to_owned(), self.partitions));
        let mut recorder = Recorder::create(path, &Partitions::from(partitions)).unwrap();
        let (mut input, mut batch) = (self.input(), Batch::default());
        while input.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            batch.records().for_each(|record| recorder.push(&record).unwrap());
        }
        recorder.finish().unwrap();
    }
}
