//! What a case is given: a log, names of its own, and what this log does in its own way.
//!
//! Invariant: a case never asks which log it runs on. Where the two must differ, [`Habits`] says in what and why.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bus::Bus;
use contracts::topics::{Compression, Declared, Keep, Partitioning};
use tempfile::TempDir;
use testbed::kafka::{Broker, Options};

use crate::place::Place;
use testbed::chance::Chance;

/// Longer than anything here takes on a busy machine: who waits this long waits for ever.
pub const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Embedded,
    Kafka,
}

/// In what the two logs differ. Everything else is the same, or a case fails.
#[derive(Debug)]
pub struct Habits {
    /// Kafka writes a marker at the end of a transaction and keeps the rows of an aborted one: offsets have holes there.
    pub has_holes: bool,
    /// Kafka stamps in milliseconds; the embedded log in microseconds, as `Timestamp` counts.
    pub stamp_micros: i64,
    /// Kafka asks the members of a group by heartbeat: news of it takes up to an interval. Only cases that measure use it.
    pub news_within: Duration,
}

const EMBEDDED: Habits = Habits { has_holes: false, stamp_micros: 1, news_within: Duration::from_secs(2) };
const KAFKA: Habits = Habits { has_holes: true, stamp_micros: 1_000, news_within: Duration::from_secs(15) };

#[derive(Debug)]
pub struct World {
    pub habits: &'static Habits,
    pub place: Place,
    bus: Arc<dyn Bus>,
    case: &'static str,
    names: AtomicU32,
    seed: u64,
    folder: Option<TempDir>,
}

/// Runs one case against one log. The seed is printed; the test harness shows it when the case fails.
pub fn check(log: Log, case: &'static str, run: fn(&World)) {
    let world = World::new(log, case);
    run(&world);
}

impl World {
    pub fn new(log: Log, case: &'static str) -> Self {
        match log {
            Log::Embedded => {
                let folder = tempfile::Builder::new().prefix("tripline-log-").tempdir().unwrap();
                let mut world = Self::at(Place::Embedded(folder.path().join("log")), case);
                world.folder = Some(folder);
                world
            }
            Log::Kafka => Self::at(Place::Kafka(shared_broker().bootstrap()), case),
        }
    }

    /// A log at a known place: of a child process, of its parent after it, or a broker of the case's own.
    pub fn at(place: Place, case: &'static str) -> Self {
        let seed = testbed::chance::seed();
        println!("{case}: TRIPLINE_SEED={seed}");
        let habits = match place {
            Place::Embedded(_) => &EMBEDDED,
            Place::Kafka(_) => &KAFKA,
        };
        let bus = place.open().unwrap_or_else(|error| panic!("{place}: {error}"));
        Self { habits, place, bus, case, names: AtomicU32::new(0), seed, folder: None }
    }

    /// A log that child processes may own in turn with this one: on the embedded log another folder.
    pub fn apart(&self) -> Place {
        match &self.place {
            Place::Embedded(path) => Place::Embedded(path.with_file_name("apart")),
            Place::Kafka(brokers) => Place::Kafka(brokers.clone()),
        }
    }

    pub fn bus(&self) -> &dyn Bus {
        &*self.bus
    }

    /// A second way to the same log. The embedded log has one owner process, so there it is the same handle.
    pub fn another_bus(&self) -> Arc<dyn Bus> {
        match &self.place {
            Place::Embedded(_) => Arc::clone(&self.bus),
            Place::Kafka(_) => self.place.open().unwrap_or_else(|error| panic!("{}: {error}", self.case)),
        }
    }

    pub fn chance(&self) -> Chance {
        Chance::new(self.seed)
    }

    /// A name that no other case uses.
    pub fn name(&self, what: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{}-{what}-{number}", self.case)
    }

    /// A new topic that keeps its records longer than any case takes.
    pub fn topic(&self, what: &str, partitions: u32) -> String {
        let declared = self.declared(what, partitions);
        self.bus.create(&declared).unwrap();
        declared.name
    }

    /// What [`World::topic`] creates, for cases that want it otherwise.
    pub fn declared(&self, what: &str, partitions: u32) -> Declared {
        Declared {
            name: self.name(what),
            partitions: partitions.try_into().unwrap(),
            replication: 1,
            keep: Keep::For(Duration::from_hours(1)),
            keep_bytes_max: None,
            compression: Compression::Lz4,
            partitioning: Partitioning::Stateful,
        }
    }
}

/// One broker for the whole binary; the testbed's watchdog ends it with this process.
pub fn shared_broker() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| Broker::start(options()))
}

/// Retention and compaction look every half second instead of every five minutes, segments end after a second, and
/// members are missed after a second instead of six.
pub fn options() -> Options {
    Options::default()
        .property("log.retention.check.interval.ms", 500)
        .property("log.initial.task.delay.ms", 500)
        .property("log.cleaner.backoff.ms", 200)
        .property("log.roll.ms", 1_000)
        .property("group.min.session.timeout.ms", 1_000)
}
