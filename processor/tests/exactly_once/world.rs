//! A log, and processors on it that are started, stopped, crashed and starved, turn by turn.
//!
//! A crash is a processor dropped between two steps: what it wrote is in the store as the kernel has it, and what it held in
//! memory is gone. `kill` does the same to a whole process.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::config::Checkpoints;
use bus::embedded::{Embedded, Habits, Options};
use bus::{BatchLimit, Bus, Instance, Row, To};
use contracts::topics;
use processor::settings::APPLY_MAX;
use processor::store::Memory;
use processor::{Cores, Failpoints, Heard, Point, Processor, ProcessorError, Sent, Settings, Stopped, TaskId};
use tempfile::TempDir;

use crate::oracle;
use crate::standin::Standin;

pub const PARTITIONS: u32 = 2;
pub const PROCESSORS: usize = 2;
/// Short, so that a member can be missed by its group.
pub const SESSION: Duration = Duration::from_millis(150);
const TURNS_MAX: usize = 5_000;

/// Of each processor its own, as processes have them.
pub type MakeCores = fn(&Arc<dyn Bus>) -> Arc<dyn Cores>;

pub struct World {
    pub bus: Arc<dyn Bus>,
    make_cores: MakeCores,
    sent: usize,
    pub seats: [Seat; PROCESSORS],
    /// Last, so that nobody works in it any more when it goes.
    _folder: TempDir,
}

/// A place for a processor, whichever runs there now.
pub struct Seat {
    name: String,
    pub dir: PathBuf,
    checkpoints: Checkpoints,
    pub running: Option<Processor>,
    pub alarm: Arc<Mutex<Alarm>>,
    pub crashes: usize,
}

/// When the next crash is.
#[derive(Debug, Default)]
pub struct Alarm {
    pub at: Option<(Point, usize)>,
    /// How often each point was reached.
    pub hits: BTreeMap<Point, usize>,
}

impl World {
    pub fn new(habits: Habits) -> Self {
        Self::at(folder(), habits)
    }

    /// Whatever lies there already.
    pub fn at(folder: TempDir, habits: Habits) -> Self {
        let checkpoints = directory(folder.path());
        Self::storing(folder, habits, &checkpoints)
    }

    pub fn storing(folder: TempDir, habits: Habits, checkpoints: &Checkpoints) -> Self {
        Self::with(open_log(folder.path(), habits), folder, checkpoints, |_| Arc::new(Standin))
    }

    /// On this log, which lies in the folder.
    pub fn on(bus: Arc<dyn Bus>, folder: TempDir, make_cores: MakeCores) -> Self {
        let checkpoints = directory(folder.path());
        Self::with(bus, folder, &checkpoints, make_cores)
    }

    fn with(bus: Arc<dyn Bus>, folder: TempDir, checkpoints: &Checkpoints, make_cores: MakeCores) -> Self {
        declare(&*bus);
        let seats = ["a", "b"].map(|name| Seat::new(name, folder.path(), checkpoints.clone()));
        Self { bus, make_cores, _folder: folder, sent: 0, seats }
    }

    pub fn send(&mut self, partition: u32, count: usize) {
        send(&*self.bus, partition, self.sent, count);
        self.sent += count;
    }

    pub fn start(&mut self, seat: usize, records_max: usize) {
        self.seats[seat].start(&self.bus, self.make_cores, records_max);
    }

    /// Past the session timeout nobody but the others has polled.
    pub fn sleep() {
        std::thread::sleep(SESSION + Duration::from_millis(30));
    }

    /// What is on the topics when everything is settled is what should be there.
    pub fn settle_and_check(&mut self) {
        self.settle();
        oracle::check(&*self.bus);
    }

    /// All processors run, without further crashes, until everything that was sent and commanded is applied and published.
    pub fn settle(&mut self) {
        for seat in 0..PROCESSORS {
            self.seats[seat].alarm.lock().unwrap().at = None;
            self.start(seat, 100);
        }
        let mut quiet = 0;
        for _ in 0..TURNS_MAX {
            let mut is_quiet = true;
            for seat in &mut self.seats {
                is_quiet &= seat.turn() == Some(Heard::Records(0));
                is_quiet &= seat.publish() == Some(Sent::Nothing);
                is_quiet &= seat.mark() == Some(0);
            }
            quiet = if is_quiet && is_done(&*self.bus) { quiet + 1 } else { 0 };
            if quiet == 3 {
                let waiting = |seat: &Seat| seat.running.as_ref().map(|processor| processor.tasks.waiting_bytes());
                assert_eq!(self.seats.each_ref().map(waiting), [Some(0); PROCESSORS], "rows that nobody will publish");
                return;
            }
        }
        panic!("not done after {TURNS_MAX} turns");
    }
}

/// Events numbered from `from` on, of a few groups.
pub fn send(bus: &dyn Bus, partition: u32, from: usize, count: usize) {
    let mut producer = bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
    for number in from..from + count {
        let (key, value) = (format!("k{}", number % 7), format!("event {number}"));
        let to = To::Partition { index: partition, key: Some(key.as_bytes()) };
        let row = Row { topic: topics::TELEMETRY_EVENTS, to, value: Some(value.as_bytes()), headers: &[] };
        producer.send(&row, 0).unwrap();
    }
    assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
}

pub fn folder() -> TempDir {
    TempDir::with_prefix("tripline-processor-").unwrap()
}

pub fn directory(folder: &Path) -> Checkpoints {
    Checkpoints::Directory(folder.join("checkpoints"))
}

pub fn open_log(folder: &Path, habits: Habits) -> Arc<dyn Bus> {
    let options = Options { habits, maintenance_interval: None, ..Options::default() };
    Arc::new(Embedded::open(&folder.join("log"), options).unwrap())
}

/// N of every partition is behind its last record.
pub fn is_done(bus: &dyn Bus) -> bool {
    let stages = processor::Stage::ALL.into_iter();
    let mut tasks = stages.flat_map(|stage| (0..PARTITIONS).map(move |partition| TaskId { stage, partition }));
    tasks.all(|task| {
        let mut last = None;
        oracle::each(bus, &task.input(), &mut |record| last = Some(record.offset));
        let committed = bus.committed(processor::settings::GROUP, &[task.input()]).unwrap()[0];
        last.is_none_or(|last| committed.is_some_and(|committed| committed > last))
    })
}

pub fn declare(bus: &dyn Bus) {
    let found = bus.topics().unwrap();
    for topic in topics::ALL {
        if !found.iter().any(|found| found.name == topic.name) {
            let partitions = NonZeroU32::new(PARTITIONS).unwrap();
            bus.create(&topic.declare(partitions)).unwrap();
        }
    }
}

/// Small, and quick to commit. With an odd `records_max` each turn applies one record of each task, so that a poll is cut wherever
/// it can be.
pub fn settings(name: &str, dir: &Path, checkpoints: &Checkpoints, records_max: usize) -> Settings {
    Settings {
        is_static: false,
        session_timeout: SESSION,
        batch: BatchLimit { records_max, wait: Duration::ZERO, ..BatchLimit::default() },
        apply_max: if records_max.is_multiple_of(2) { APPLY_MAX } else { Duration::ZERO },
        memory: Memory { block_cache_bytes: 1 << 20, write_buffer_bytes: 3 << 20, ..Memory::default() },
        offsets_every: Duration::ZERO,
        checkpoints: Some(checkpoints.clone()),
        ..Settings::new(Instance::new(name).unwrap(), dir.to_owned())
    }
}

impl Seat {
    fn new(name: &str, folder: &Path, checkpoints: Checkpoints) -> Self {
        let dir = folder.join(name);
        Self { name: name.to_owned(), dir, checkpoints, running: None, alarm: Arc::default(), crashes: 0 }
    }

    fn start(&mut self, bus: &Arc<dyn Bus>, make_cores: MakeCores, records_max: usize) {
        if self.running.is_some() {
            return;
        }
        let settings = settings(&self.name, &self.dir, &self.checkpoints, records_max);
        let alarm = Arc::clone(&self.alarm);
        let failpoints = Failpoints::new(move |point| alarm.lock().unwrap().hit(point));
        self.running = Some(Processor::start(Arc::clone(bus), settings, make_cores(bus), failpoints).unwrap());
    }

    pub fn turn(&mut self) -> Option<Heard> {
        self.step(|processor| processor.tasks.turn())
    }

    pub fn publish(&mut self) -> Option<Sent> {
        self.step(|processor| processor.outbound.turn(Instant::now()))
    }

    /// Hears what was commanded and writes the markers for it; answers how many.
    pub fn mark(&mut self) -> Option<usize> {
        self.step(|processor| {
            processor.pulse.listen(Duration::ZERO)?;
            let written = processor.pulse.mark(Instant::now())?;
            processor.pulse.flush().map(|()| written)
        })
    }

    pub fn tick(&mut self) -> Option<usize> {
        self.step(|processor| {
            let written = processor.pulse.tick()?;
            processor.pulse.flush().map(|()| written)
        })
    }

    pub fn checkpoint(&mut self) -> Option<usize> {
        self.step(|processor| processor.checkpoints.as_mut().expect("settings name a folder").write())
    }

    pub fn show(&mut self) -> Option<usize> {
        self.step(|processor| processor.checkpoints.as_mut().expect("settings name a folder").show())
    }

    pub fn crash(&mut self) {
        if self.running.take().is_some() {
            self.crashes += 1;
        }
    }

    pub fn leave(&mut self) {
        if let Some(processor) = self.running.take() {
            processor.tasks.close().unwrap();
        }
    }

    pub fn lose_disk(&mut self) {
        self.crash();
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }

    /// `None`: nobody runs here, or not any more.
    fn step<T>(&mut self, step: impl FnOnce(&mut Processor) -> Result<T, ProcessorError>) -> Option<T> {
        match step(self.running.as_mut()?) {
            Ok(done) => Some(done),
            Err(ProcessorError::Stopped(_)) => {
                self.crash();
                None
            }
            Err(error) => panic!("{}: {error} ({error:?})", self.name),
        }
    }
}

impl Alarm {
    fn hit(&mut self, point: Point) -> Result<(), Stopped> {
        *self.hits.entry(point).or_default() += 1;
        match &mut self.at {
            Some((at, 0)) if *at == point => {
                self.at = None;
                Err(Stopped(point))
            }
            Some((at, left)) if *at == point => {
                *left -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
