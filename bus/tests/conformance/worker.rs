//! The processing protocol in miniature: a member that copies every record of its input to an output topic, each copy
//! in one publication with the offset it came from. Cases start, stop, kill and starve workers and then compare the
//! output with the input.
//!
//! Invariant: what is in `pending` was polled and not yet published; it survives a lost publisher and dies with its
//! partition's ownership.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bus::{
    Batch, BatchLimit, Bus, BusError, Inputs, Member, MemberSettings, Offset, Outcome, Ownership, Partition, Polled,
    Publication, Publisher, Row, To,
};

use crate::seen::{eventually, instance_of};
use crate::world::PATIENCE;

#[derive(Debug, Clone)]
pub struct Job {
    pub group: String,
    pub instance: String,
    pub input: String,
    pub output: String,
    pub is_static: bool,
    pub session_timeout: Duration,
    pub limit: BatchLimit,
}

impl Job {
    pub fn new(group: &str, instance: &str, input: &str, output: &str) -> Self {
        Self {
            group: group.into(),
            instance: instance.into(),
            input: input.into(),
            output: output.into(),
            is_static: false,
            session_timeout: Duration::from_secs(6),
            limit: BatchLimit { wait: Duration::from_millis(50), ..BatchLimit::default() },
        }
    }

    pub fn settings(&self) -> MemberSettings {
        MemberSettings {
            group: self.group.clone(),
            instance: instance_of(&self.instance),
            is_static: self.is_static,
            topics: vec![self.input.clone()],
            session_timeout: self.session_timeout,
        }
    }
}

/// The steps of a worker at which a case may want to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Polled,
    Publishing,
    /// Inside `still_owner`: the rows were handed over, the offsets not yet.
    CheckingOwnership,
    Published,
    Assigned,
    Revoked,
    Lost,
}

pub type Watch = Box<dyn FnMut(Step) + Send>;

pub struct Worker {
    bus: Arc<dyn Bus>,
    job: Job,
    member: Box<dyn Member>,
    /// `None` after a publication that was not committed, until another could be made.
    publisher: Option<Box<dyn Publisher>>,
    owned: Vec<Partition>,
    pending: BTreeMap<Partition, Vec<Pending>>,
    batch: Batch,
    watch: Watch,
    pub copied: usize,
}

struct Pending {
    offset: Offset,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

impl Worker {
    /// The publisher comes first: only after it are the committed offsets those of a closed past.
    pub fn start(bus: Arc<dyn Bus>, job: Job, watch: Watch) -> Result<Self, BusError> {
        let publisher = Some(bus.publisher(&instance_of(&job.instance))?);
        let member = bus.join(&job.settings())?;
        let (owned, pending, batch) = (Vec::new(), BTreeMap::new(), Batch::default());
        Ok(Self { bus, job, member, publisher, owned, pending, batch, watch, copied: 0 })
    }

    /// One poll and, if it brought anything, one publication.
    pub fn turn(&mut self) -> Result<(), BusError> {
        match self.member.poll(&mut self.batch, &self.job.limit)? {
            Polled::Batch => {
                self.keep_batch();
                if !self.batch.is_empty() {
                    (self.watch)(Step::Polled);
                }
                self.publish()
            }
            Polled::Assigned(partitions) => self.assigned(partitions),
            Polled::Revoked(partitions) => self.gone(&partitions, Step::Revoked),
            Polled::Lost(partitions) => self.gone(&partitions, Step::Lost),
        }
    }

    pub fn close(self) -> Result<(), BusError> {
        self.member.close()
    }

    fn assigned(&mut self, partitions: Vec<Partition>) -> Result<(), BusError> {
        let starts: Vec<_> = partitions.iter().cloned().zip(self.starts(&partitions)?).collect();
        self.member.accept(&starts)?;
        self.member.resume(&partitions)?;
        self.owned.extend(partitions);
        (self.watch)(Step::Assigned);
        Ok(())
    }

    fn starts(&self, partitions: &[Partition]) -> Result<Vec<Offset>, BusError> {
        let committed = self.bus.committed(&self.job.group, partitions)?;
        partitions
            .iter()
            .zip(committed)
            .map(|(partition, offset)| offset.map_or_else(|| Ok(self.bus.extent(partition)?.earliest), Ok))
            .collect()
    }

    fn gone(&mut self, partitions: &[Partition], step: Step) -> Result<(), BusError> {
        self.owned.retain(|partition| !partitions.contains(partition));
        self.pending.retain(|partition, _| !partitions.contains(partition));
        (self.watch)(step);
        self.member.release(partitions)
    }

    fn keep_batch(&mut self) {
        for record in self.batch.records() {
            assert!(self.owned.contains(record.partition), "{} came without being owned", record.partition);
            self.pending.entry(record.partition.clone()).or_default().push(Pending {
                offset: record.offset,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
            });
        }
    }

    fn publish(&mut self) -> Result<(), BusError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(mut publisher) = self.publisher.take() else {
            return self.recover();
        };
        (self.watch)(Step::Publishing);
        let outcome = self.attempt(&mut *publisher)?;
        (self.watch)(Step::Published);
        match outcome {
            Outcome::Committed => {
                self.publisher = Some(publisher);
                self.copied += self.pending.values().map(Vec::len).sum::<usize>();
                self.pending.clear();
                Ok(())
            }
            Outcome::Fenced(_) | Outcome::Aborted(_) | Outcome::Unknown(_) => self.recover(),
        }
    }

    fn attempt(&mut self, publisher: &mut dyn Publisher) -> Result<Outcome, BusError> {
        let rows: Vec<Row<'_>> = self.pending.values().flatten().map(|pending| pending.row(&self.job.output)).collect();
        let next = |rows: &Vec<Pending>| rows.last().map(|last| Offset(last.offset.0 + 1));
        let offsets: Vec<_> =
            self.pending.iter().filter_map(|(partition, rows)| Some((partition.clone(), next(rows)?))).collect();
        let membership = self.member.membership();
        let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
        // One thread polls and publishes, so ownership cannot have changed since the rows were made.
        let watch = &mut self.watch;
        publisher.publish(&Publication { rows: &rows, inputs }, &mut || {
            watch(Step::CheckingOwnership);
            Ownership::Unchanged
        })
    }

    /// A new publisher, and then the committed offsets decide what of `pending` is still to be published. The rows
    /// wait for the next turn: if the group went on without us, its news comes first.
    fn recover(&mut self) -> Result<(), BusError> {
        let publisher = self.bus.publisher(&instance_of(&self.job.instance))?;
        let partitions: Vec<_> = self.pending.keys().cloned().collect();
        for (partition, committed) in partitions.iter().zip(self.bus.committed(&self.job.group, &partitions)?) {
            if let (Some(committed), Some(rows)) = (committed, self.pending.get_mut(partition)) {
                let before = rows.len();
                rows.retain(|row| row.offset >= committed);
                self.copied += before - rows.len();
            }
        }
        self.pending.retain(|_, rows| !rows.is_empty());
        self.publisher = Some(publisher);
        Ok(())
    }
}

impl Pending {
    fn row<'a>(&'a self, topic: &'a str) -> Row<'a> {
        let to = match &self.key {
            Some(key) => To::Key(key),
            None => To::Partition { index: 0, key: None },
        };
        Row { topic, to, value: self.value.as_deref(), headers: &[] }
    }
}

/// A worker on a thread of its own.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Running {
    pub fn start(bus: Arc<dyn Bus>, job: Job) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || work(&bus, &job, &seen));
        Self { stop, thread }
    }

    /// Ends it after its turn; it leaves the group. How many records it copied.
    pub fn leave(self) -> usize {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn work(bus: &Arc<dyn Bus>, job: &Job, stop: &AtomicBool) -> usize {
    let mut worker =
        eventually("a worker starts", || patient(Worker::start(Arc::clone(bus), job.clone(), Box::new(drop))));
    let mut late = Instant::now() + PATIENCE;
    while !stop.load(Ordering::Acquire) {
        if patient(worker.turn()).is_some() {
            late = Instant::now() + PATIENCE;
        }
        assert!(Instant::now() < late, "{}: nothing but failures for {PATIENCE:?}", job.instance);
    }
    let copied = worker.copied;
    worker.close().unwrap();
    copied
}

/// `None` while the log cannot be reached; every other error is a failure of the case.
fn patient<T>(result: Result<T, BusError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(BusError::Unreachable { .. } | BusError::NotAcknowledged { .. }) => None,
        Err(error) => panic!("{error} ({error:?})"),
    }
}
