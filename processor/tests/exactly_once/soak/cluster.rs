//! A broker behind a proxy, the processors on it, and how far they are.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{Batch, BatchLimit, Bus, Instance, Offset, Partition, Progress, Start, Until};
use contracts::topics;
use detection::rule::RuleSet;
use processor::Stage;
use processor::settings::GROUP;
use rustix::process::Signal;
use tempfile::TempDir;
use testbed::kafka::Options;
use testbed::kafka::proxy::Proxy;
use testbed::process::{Lifetime, Process, tail};

use super::{inputs, load, until};

pub const PARTITIONS: u32 = 4;
/// The least that a broker takes.
pub const SESSION: Duration = Duration::from_secs(6);
/// A shared machine may be slow; what hangs is found all the same.
const PATIENCE: Duration = Duration::from_mins(3);
/// Those who are there all the time, and those who come and go.
const NAMES: [&str; 2] = ["a", "b"];
const GUESTS: [&str; 2] = ["c", "d"];
/// What a processor may end with by itself, for whoever supervises it to start it again: there is no cluster.
const CANNOT_REACH: i32 = 3;
/// That is no such end, though it has the same status: nobody else has a seat's name.
const NAME_TAKEN: &str = "is the name of another process";

pub type Positions = BTreeMap<Partition, Offset>;

pub struct Cluster {
    // Processes before what they are on.
    pub seats: Vec<Seat>,
    pub guests: Vec<Seat>,
    pub proxy: Proxy,
    folder: TempDir,
}

/// A processor, whichever process it is now.
pub struct Seat {
    pub name: &'static str,
    folder: PathBuf,
    running: Option<Process>,
    /// How often its supervisor had to start it again.
    pub ended_by_itself: u32,
}

impl Cluster {
    pub fn start() -> Self {
        let proxy = Proxy::start(Options::default());
        let bus = Self::reach(proxy.address());
        for topic in topics::ALL {
            bus.create(&topic.declare(NonZeroU32::new(PARTITIONS).unwrap())).unwrap();
        }
        let folder = TempDir::with_prefix("tripline-soak-").unwrap();
        let seat = |name, is_static| Seat::new(name, folder.path(), proxy.address(), is_static);
        let (seats, guests) = (NAMES.map(|name| seat(name, true)), GUESTS.map(|name| seat(name, false)));
        Self { seats: seats.into(), guests: guests.into(), proxy, folder }
    }

    pub fn reach(brokers: &str) -> Arc<dyn Bus> {
        let connection = KafkaConnection { brokers: brokers.to_owned(), security: Security::Plaintext };
        Arc::new(Kafka::connect(connection, "soak").unwrap())
    }

    /// Everything that was sent is applied and published, everything that was commanded is in force, and nobody runs any more.
    /// Answers N of every input.
    pub fn settle(&mut self, set: &RuleSet) -> Positions {
        let bus = Self::reach(self.proxy.address());
        self.proxy.pass_all();
        self.guests.iter_mut().for_each(Seat::kill);
        for guest in &self.guests {
            // What it left open is decided, and holds up no reader.
            drop(bus.publisher(&Instance::new(guest.name).unwrap()).unwrap());
        }
        self.seats.iter_mut().for_each(Seat::start);
        load::swap_everywhere(&*bus, "last", set, &mut self.seats);
        for stage in Stage::ALL {
            let mut lasts = lasts(&*bus, stage);
            until(PATIENCE, "all that was sent is published", || {
                self.seats.iter_mut().for_each(Seat::supervise);
                let committed = positions(&*bus).unwrap_or_default();
                lasts.retain(|input, last| committed.get(input).is_none_or(|committed| committed <= last));
                lasts.is_empty()
            });
        }
        self.seats.iter_mut().for_each(Seat::stop);
        let mut last = positions(&*bus).unwrap();
        for input in inputs() {
            last.entry(input).or_insert(Offset(0));
        }
        last
    }
}

/// What processors said is wanted when something went wrong.
impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("the processors' logs stay in {}", self.folder.path().display());
        }
    }
}

impl Seat {
    fn new(name: &'static str, folder: &Path, brokers: &str, is_static: bool) -> Self {
        let checkpoints = folder.join("checkpoints");
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        let config = format!(
            "instance = {name:?}\ndir = \"{}\"\n[kafka]\nbrokers = [{brokers:?}]\n[processor]\nlisten = \"127.0.0.1:0\"\n\
             session_timeout = \"{}s\"\nstatic_membership = {is_static}\ntick_every = \"500ms\"\n\
             checkpoints = \"{}\"\ncheckpoint_every = \"10s\"\n",
            folder.join("data").display(),
            SESSION.as_secs(),
            checkpoints.display(),
        );
        std::fs::write(folder.join("config.toml"), config).unwrap();
        Self { name, folder, running: None, ended_by_itself: 0 }
    }

    pub fn start(&mut self) {
        if self.running.is_none() {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tripline-processor"));
            // What is said to tests is no setting of a processor's.
            command.env_remove("TRIPLINE_SEED").env_remove("TRIPLINE_KILLS");
            command.arg("--config").arg(self.folder.join("config.toml"));
            let log = self.log();
            let started = Process::start("tripline-processor", &command, &self.folder, &log, Lifetime::Owner);
            self.running = Some(started.unwrap());
        }
    }

    pub fn kill(&mut self) {
        self.supervise_end();
        self.running.take().into_iter().for_each(Process::kill);
    }

    /// SIGTERM: it publishes what is ready and says that all went well.
    pub fn stop(&mut self) {
        self.supervise_end();
        let Some(process) = &mut self.running else { return };
        process.signal(Signal::TERM).unwrap();
        let mut status = None;
        until(PATIENCE, "a processor ends as it is asked to", || {
            status = process.ended().unwrap();
            status.is_some()
        });
        self.running = None;
        self.expect(status.unwrap(), |status| status == 0);
    }

    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub fn lose_state(&self) {
        assert!(self.running.is_none(), "somebody works in it");
        let dir = self.folder.join("data");
        if dir.exists() {
            std::fs::remove_dir_all(dir).unwrap();
        }
    }

    /// Starts it again if it ended by itself, as it may.
    pub fn supervise(&mut self) {
        if self.supervise_end() {
            self.start();
        }
    }

    fn supervise_end(&mut self) -> bool {
        let Some(status) = self.running.as_mut().and_then(|process| process.ended().unwrap()) else { return false };
        self.running = None;
        self.ended_by_itself += 1;
        let last_words = tail(&self.log()).lines().last().unwrap_or_default().to_owned();
        println!("{} ended by itself: {last_words}", self.name);
        let is_taken = last_words.contains(NAME_TAKEN);
        self.expect(status, |status| status == CANNOT_REACH && !is_taken);
        true
    }

    fn expect(&self, status: ExitStatus, is_fine: impl FnOnce(i32) -> bool) {
        assert!(status.code().is_some_and(is_fine), "{} ended with {status}:\n{}", self.name, tail(&self.log()));
    }

    fn signal(&self, signal: Signal) {
        self.running.as_ref().expect("it runs").signal(signal).unwrap();
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// N of every input that has one; none if the broker cannot be asked.
fn positions(bus: &dyn Bus) -> Option<Positions> {
    let inputs = inputs();
    let committed = bus.committed(GROUP, &inputs).ok()?;
    Some(inputs.into_iter().zip(committed).filter_map(|(input, committed)| Some((input, committed?))).collect())
}

/// The last record of every input of a stage that has records beyond N. An end would not do: markers of transactions follow the
/// last record.
fn lasts(bus: &dyn Bus, stage: Stage) -> Positions {
    let committed = positions(bus).unwrap();
    let mut lasts = Positions::new();
    for input in inputs().into_iter().filter(|input| *input.topic == *stage.topic()) {
        let start = committed.get(&input).map_or(Start::Earliest, |at| Start::At(*at));
        let mut reader = bus.read(&[(input.clone(), start)], Until::End).unwrap();
        let mut batch = Batch::default();
        while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            lasts.extend(batch.records().last().map(|record| (input.clone(), record.offset)));
        }
    }
    lasts
}

/// Looks at N all the time; answers where it fell.
pub fn watch_positions(bus: &dyn Bus, stop: &AtomicBool) -> Vec<String> {
    let (mut known, mut fell) = (Positions::new(), Vec::new());
    while !stop.load(Ordering::SeqCst) {
        if let Some(now) = positions(bus) {
            for (input, before) in &known {
                if now.get(input).is_none_or(|now| now < before) {
                    fell.push(format!("{input}: from {before} to {:?}", now.get(input)));
                }
            }
            known.extend(now);
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    fell
}
