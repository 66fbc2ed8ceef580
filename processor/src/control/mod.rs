//! What people command: the records of `control.v1`, one total order, as tasks take them up.
//!
//! A command takes effect in a task where its [`Marker`] stands in the task's own input, so that the input alone says what
//! happened in which order, for restarts, restores and replays alike.
//!
//! Invariant: what is answered for a place of the control topic never changes: it is kept for ever and only grows at its end.
//!
//! Absent on purpose: who may command. Whoever may write to the control topic has been asked that by the log.

mod commands;
mod marker;
mod sets;
mod stretch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bus::{Batch, BatchLimit, Bus, BusError, ErrorKind, Offset, Partition, Progress, Reader, Record, Start, Until};
use contracts::canonical::Digest;
use contracts::codec::Schemas;
use contracts::topics::CONTROL;
use detection::parts::JoinError;
use detection::rule::RuleSet;

pub use commands::Given;
pub(crate) use marker::Marker;
use sets::Sets;
use stretch::{Next, Stretch};

/// Why what is commanded cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Not the record's fault: nothing may be concluded about it.
    #[error("a schema of {topic} could not be looked up: {reason}")]
    SchemaUnavailable { topic: &'static str, reason: String },
    #[error("rule set {digest} on rule.sets.v1: {source}; publish the set again: tripline rules apply")]
    Set { digest: Digest, source: JoinError },
}

impl ControlError {
    /// Whether asking again may help without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Bus(error) => error.kind() == ErrorKind::Unavailable,
            Self::SchemaUnavailable { .. } => true,
            Self::Set { .. } => false,
        }
    }
}

/// Records that one look at a part of the topic takes into memory.
const STRETCH_RECORDS_MAX: usize = 1_000;

/// The control topic and the rule sets it names. Shared by all tasks of a process.
pub struct Control {
    bus: Arc<dyn Bus>,
    schemas: Arc<dyn Schemas + Send + Sync>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// What was heard since the topic is followed.
    followed: Stretch,
    /// What was last read for a task that is behind.
    behind: Stretch,
    sets: Sets,
}

/// Hears what is commanded from now on.
#[derive(Debug)]
pub(crate) struct Follower {
    control: Arc<Control>,
    reader: Box<dyn Reader>,
    batch: Batch,
}

impl Control {
    pub fn new(bus: Arc<dyn Bus>, schemas: Arc<dyn Schemas + Send + Sync>) -> Self {
        Self { bus, schemas, kept: Mutex::default() }
    }

    /// The first command behind `after`, as far as it was heard of.
    pub(crate) fn heard_after(&self, after: i64) -> Result<Option<Arc<Given>>, ControlError> {
        let heard_to = i64::try_from(self.kept().followed.end().0).unwrap_or(i64::MAX);
        self.next_after(after, heard_to - 1)
    }

    /// The first command behind `after`. Whoever asks has seen a sign that there is one at `there` or before it.
    pub(crate) fn next_after(&self, after: i64, there: i64) -> Result<Option<Arc<Given>>, ControlError> {
        match self.kept().next(after) {
            Next::Command(given) => return Ok(Some(given)),
            Next::NoneBelow(end) if end > there => return Ok(None),
            Next::NoneBelow(_) | Next::Unknown => {}
        }
        self.read_behind(after)
    }

    /// The rule set of this digest, if all of its parts are on the log.
    pub(crate) fn set(&self, digest: Digest) -> Result<Arc<RuleSet>, ControlError> {
        let known = self.kept().sets.get(digest);
        if let Some(known) = known {
            return Ok(known);
        }
        let set = Arc::new(sets::read(&*self.bus, &*self.schemas, digest)?);
        self.kept().sets.keep(digest, &set);
        Ok(set)
    }

    fn read_behind(&self, after: i64) -> Result<Option<Arc<Given>>, ControlError> {
        let from = place(after);
        let extent = self.bus.extent(&partition())?;
        let mut stretch = Stretch::beginning_at(from.max(extent.earliest));
        if from < extent.end {
            let mut reader = self.bus.read(&[(partition(), Start::At(stretch.end()))], Until::End)?;
            let (mut batch, limit) = (Batch::default(), BatchLimit::default());
            while stretch.len() < STRETCH_RECORDS_MAX && reader.next(&mut batch, &limit)? == Progress::More {
                for record in batch.records() {
                    stretch.push(self.given(&record)?);
                }
            }
            if stretch.len() < STRETCH_RECORDS_MAX {
                stretch.nothing_below(extent.end);
            }
        }
        let next = stretch.first();
        self.kept().behind = stretch;
        Ok(next)
    }

    fn given(&self, record: &Record<'_>) -> Result<Given, ControlError> {
        Given::read(record, &*self.schemas)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("invariant: looking commands up does not panic")
    }
}

impl Kept {
    fn next(&self, after: i64) -> Next {
        match (self.followed.next(after), self.behind.next(after)) {
            // Where one ends the other may go on.
            (Next::Unknown, Next::NoneBelow(end)) => match self.followed.next(end - 1) {
                Next::Unknown => Next::NoneBelow(end),
                known => known,
            },
            (Next::Unknown, behind) => behind,
            (followed, _) => followed,
        }
    }
}

impl Follower {
    pub fn new(control: &Arc<Control>) -> Result<Self, BusError> {
        let end = control.bus.extent(&partition())?.end;
        let reader = control.bus.read(&[(partition(), Start::At(end))], Until::Forever)?;
        control.kept().followed = Stretch::beginning_at(end);
        Ok(Self { control: Arc::clone(control), reader, batch: Batch::default() })
    }

    /// Waits for a command, at most this long.
    ///
    /// After an error make a new one: records that this one had read and could not tell [`Control`] of are not read again.
    pub fn listen(&mut self, at_most: Duration) -> Result<(), ControlError> {
        self.reader.next(&mut self.batch, &BatchLimit { wait: at_most, ..BatchLimit::default() })?;
        let heard: Vec<Given> =
            self.batch.records().map(|record| self.control.given(&record)).collect::<Result<_, _>>()?;
        let mut kept = self.control.kept();
        for given in heard {
            kept.followed.push(given);
        }
        Ok(())
    }
}

fn partition() -> Partition {
    Partition::new(CONTROL, 0)
}

/// Of the record behind `after`, which is -1 before the first.
fn place(after: i64) -> Offset {
    Offset(u64::try_from(after + 1).unwrap_or(0))
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("bus", &self.bus).finish_non_exhaustive()
    }
}
