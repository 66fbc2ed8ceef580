//! Recorded input through the cores once more: the same records, the same rows, and nothing written to any log.
//!
//! Invariant: what comes out follows from the records, their append times and the rules alone: not from how the input is cut
//! into chunks and batches, how many threads apply it, or when its state was stored and opened again. Rows come out in the
//! order of the records they follow from.
//!
//! Commands lie in the input, too, each before its marker.
//!
//! Where stage two is not fed what was recorded, it is fed the matches of stage one, each with the append time of the record
//! it follows from, and the ticks of the input; so is risk, always, with the alerts.
//!
//! Absent on purpose: a log. A replay holds readers, and so has nothing that it could publish with.

mod chunk;
mod compare;
mod digest;

mod run;
mod shelf;
mod span;
mod tally;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use bus::{Batch, BatchLimit, Progress, Reader};

use crate::ProcessorError;
use crate::task::Stage;

pub use compare::{Change, Comparison, Difference, EXAMPLES_MAX, Example, PENDING_BYTES_MAX, Side};
pub use digest::MultisetDigest;
pub use run::{Run, RunSettings};
pub use span::{Reads, Span};
pub use tally::{RuleTally, Tally};

/// Records that are applied before their rows come out; two such chunks are in memory.
pub const CHUNK: BatchLimit =
    BatchLimit { records_max: 8_192, bytes_max: 4 * 1024 * 1024, wait: std::time::Duration::from_millis(200) };

/// How records find their task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Of the input of each kind of task.
    pub partitions: BTreeMap<Stage, NonZeroU32>,
    pub placing: Placing,
    pub matches: Matches,
    pub swaps: Swaps,
}

/// Which partition a recorded record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    AsRecorded,
    /// The one its key hashes to among those of the course. Ticks and markers go to every partition: an endpoint then sees
    /// more of them than it did, and the first marker of a command counts.
    ByKey,
}

/// What stage two is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matches {
    /// The recorded `rule.matches.v1`: exact, for the rules that were in force then.
    Recorded,
    /// The matches of stage one.
    Derived,
}

/// What becomes of recorded commands that swap the rule set. All others take effect where their markers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swaps {
    /// As they were commanded: the rules that ran then.
    Followed,
    /// The rules of the run stay.
    LeftOut,
}

/// An input and the runs over it.
#[derive(Debug)]
pub struct Replay {
    input: Box<dyn Reader>,
    pub runs: Vec<Run>,
    limit: BatchLimit,
    /// Read, to be applied in the next turn.
    ahead: Batch,
    current: Batch,
    is_read: bool,
}

impl Replay {
    pub fn new(input: Box<dyn Reader>, runs: Vec<Run>) -> Self {
        Self::in_chunks(input, runs, CHUNK)
    }

    pub fn in_chunks(input: Box<dyn Reader>, runs: Vec<Run>, limit: BatchLimit) -> Self {
        Self { input, runs, limit, ahead: Batch::default(), current: Batch::default(), is_read: false }
    }

    /// Applies a chunk in each run, and reads the next one meanwhile. [`Run::rows`] has what follows from it.
    pub fn turn(&mut self) -> Result<Progress, ProcessorError> {
        if !self.is_read {
            self.is_read = true;
            read(&mut *self.input, &mut self.ahead, &self.limit)?;
        }
        std::mem::swap(&mut self.ahead, &mut self.current);
        let Self { input, runs, limit, ahead, current, .. } = self;
        if current.is_empty() {
            return Ok(Progress::Done);
        }
        let current: &Batch = current;
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| read(&mut **input, ahead, limit));
            let runs: Vec<_> = runs.iter_mut().map(|run| scope.spawn(|| run.apply(current))).collect();
            for run in runs {
                joined(run)?;
            }
            joined(reading)
        })?;
        Ok(Progress::More)
    }

    /// The records of the last turn.
    pub fn records(&self) -> &Batch {
        &self.current
    }
}

/// Until there is something, or the end: an empty chunk says that the input is over.
fn read(input: &mut dyn Reader, batch: &mut Batch, limit: &BatchLimit) -> Result<(), ProcessorError> {
    while input.next(batch, limit)? == Progress::More && batch.is_empty() {}
    Ok(())
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, ProcessorError>>) -> Result<T, ProcessorError> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
