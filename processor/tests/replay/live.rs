//! A run that is recorded: a log whose clock is the script's, and a processor on it that is crashed and started again.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::recording::{Partitions, Recorder};
use bus::{Batch, BatchLimit, Instance, Merged, Partition, Progress, Reader, Start, To, Until};
use contracts::schema::BuiltIn;
use contracts::topics;
use detection::risk::RiskPlan;
use processor::detecting::Detecting;
use processor::store::Memory;
use processor::{Failpoints, Framings, Processor, Settings};
use tempfile::TempDir;

use crate::clocked::{self, Log};
use crate::script::{self, Happening, Numbers, What};

pub struct Live {
    pub log: Log,
    pub partitions: NonZeroU32,
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
            live.log.set_clock(happening.at);
            match &happening.what {
                What::Event(key, value) => live.log.send(topics::TELEMETRY_EVENTS, To::Key(key.as_bytes()), value),
                What::Command(value) => {
                    live.log.send(topics::CONTROL, To::Partition { index: 0, key: None }, value);
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
        let log = Log::new(folder.path(), partitions, 0);
        Self { log, partitions, running: None, folder }
    }

    fn start(&mut self, records_max: usize) {
        let cores =
            Detecting::new(&self.log.bus, script::plan(), RiskPlan::default(), Framings::default(), Arc::new(BuiltIn));
        let settings = Settings {
            is_static: false,
            batch: BatchLimit { records_max, wait: Duration::ZERO, ..BatchLimit::default() },
            memory: MEMORY,
            offsets_every: Duration::ZERO,
            ..Settings::new(Instance::new("p").unwrap(), self.folder.path().join("state"))
        };
        let cores = Arc::new(cores.unwrap());
        self.running =
            Some(Processor::start(Arc::clone(&self.log.bus), settings, cores, Failpoints::default()).unwrap());
    }

    fn settle(&mut self) {
        clocked::settle(self.running.as_mut().unwrap(), 3 * self.partitions.get() as usize);
    }

    /// Commands and the inputs of both stages, in the order of their times.
    pub fn input(&self) -> Merged {
        let each = |topic: &'static str| (0..self.partitions.get()).map(move |index| Partition::new(topic, index));
        let stages = [topics::TELEMETRY_EVENTS, topics::RULE_MATCHES].into_iter().flat_map(each);
        // Of equal times first: a command is there before its markers.
        let partitions = std::iter::once(Partition::new(topics::CONTROL, 0)).chain(stages);
        let read = |partition| self.log.bus.read(&[(partition, Start::Earliest)], Until::End).unwrap();
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
