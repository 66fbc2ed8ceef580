//! The applying half of a processor: one thread that polls, applies and writes, and answers what the group says.
//!
//! Invariant: a record is applied by the task of its partition, in offset order, and only while the partition is owned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bus::{Batch, BusError, Member, Offset, Partition, Polled, Record};

use crate::ProcessorError;
use crate::failpoint::Point;
use crate::metrics::Doing;
use crate::ownership::Written;
use crate::recovery;
use crate::shared::Shared;
use crate::store;
use crate::task::{Applied, Task, TaskId};
use crate::traces::Begun;

#[derive(Debug)]
pub struct TaskLoop {
    shared: Arc<Shared>,
    member: Box<dyn Member>,
    tasks: BTreeMap<TaskId, Task>,
    batch: Batch,
    pending: Pending,
    flow: Flow,
    trouble: Option<String>,
}

/// What a turn could not finish because something outside could not be reached; it comes before the next poll.
#[derive(Debug)]
enum Pending {
    Nothing,
    Assigned(Vec<Partition>),
    /// The records of `batch`.
    Records,
}

/// Whether records are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    /// Too many rows wait to be published.
    Held,
}

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Records(usize),
    Assigned(usize),
    Revoked(usize),
    Lost(usize),
}

impl TaskLoop {
    pub(crate) fn new(shared: Arc<Shared>, member: Box<dyn Member>) -> Self {
        Self {
            shared,
            member,
            tasks: BTreeMap::new(),
            batch: Batch::default(),
            pending: Pending::Nothing,
            flow: Flow::Open,
            trouble: None,
        }
    }

    /// One poll and all that follows from it. After an error that [is passing](ProcessorError::is_passing) the next turn tries
    /// again what this one could not do.
    pub fn turn(&mut self) -> Result<Heard, ProcessorError> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => {}
            Pending::Assigned(partitions) => return self.assigned(partitions),
            Pending::Records => return self.apply().map(Heard::Records),
        }
        self.regulate()?;
        match self.member.poll(&mut self.batch, &self.shared.settings.batch).map_err(of_poll)? {
            Polled::Batch => {
                let applied = self.apply()?;
                self.note_ends()?;
                Ok(Heard::Records(applied))
            }
            Polled::Assigned(partitions) => self.assigned(partitions),
            Polled::Revoked(partitions) => {
                let tasks = ids(&partitions)?;
                self.shared.ownership.give_back(&tasks);
                self.shared.failpoints.hit(Point::Revoked)?;
                self.release(&partitions, &tasks)?;
                Ok(Heard::Revoked(tasks.len()))
            }
            Polled::Lost(partitions) => {
                let tasks = ids(&partitions)?;
                self.shared.ownership.end(&tasks);
                self.shared.figures.lost();
                self.shared.failpoints.hit(Point::Lost)?;
                // Only once it is over this member may join again: with fresh metadata old rows would be taken.
                drop(self.shared.ownership.publishing());
                self.release(&partitions, &tasks)?;
                Ok(Heard::Lost(tasks.len()))
            }
        }
    }

    /// The partitions whose tasks run here, and L of each.
    pub fn positions(&self) -> impl Iterator<Item = (TaskId, Offset)> {
        self.tasks.values().map(|task| (task.id, task.position))
    }

    /// Rows that wait to be published, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.shared.ownership.waiting_bytes()
    }

    /// Why the last turn failed, if it did; for whoever looks.
    pub(crate) fn in_trouble(&mut self, reason: Option<String>) {
        if self.trouble != reason {
            self.shared.figures.trouble(Doing::Applying, reason.clone());
            self.trouble = reason;
        }
    }

    pub(crate) fn interrupt(&self) {
        self.shared.ownership.interrupt();
    }

    /// Leaves the group.
    pub fn close(self) -> Result<(), ProcessorError> {
        let tasks: Vec<TaskId> = self.tasks.keys().copied().collect();
        self.shared.ownership.give_back(&tasks);
        Ok(self.member.close()?)
    }

    fn assigned(&mut self, partitions: Vec<Partition>) -> Result<Heard, ProcessorError> {
        self.shared.figures.restoring(&ids(&partitions)?);
        let outcome = self.take_over(&partitions);
        if outcome.as_ref().is_err_and(ProcessorError::is_passing) {
            self.pending = Pending::Assigned(partitions);
        }
        outcome
    }

    fn take_over(&mut self, partitions: &[Partition]) -> Result<Heard, ProcessorError> {
        let tasks = ids(partitions)?;
        let committed = recovery::committed(&self.shared, &tasks)?;
        self.shared.failpoints.hit(Point::PositionsRead)?;
        // All that can fail for now comes before the partitions are accepted: that is done once.
        let mut ready = Vec::with_capacity(tasks.len());
        for (task, committed) in committed {
            let recovered = recovery::recover(&self.shared, task, committed)?;
            let task = Task::open(task, recovered.applied, &self.shared.store, &*self.shared.cores)?;
            ready.push((task, recovered));
        }
        let starts: Vec<_> = ready.iter().map(|(task, recovered)| (task.id.input(), recovered.applied)).collect();
        self.member.accept(&starts)?;
        self.shared.failpoints.hit(Point::Accepted)?;
        for (task, recovered) in ready {
            tracing::info!(task = %task.id, applied = %recovered.applied, published = %recovered.published, "task starts");
            self.shared.ownership.grant(task.id, recovered, task.standing());
            self.tasks.insert(task.id, task);
        }
        if self.flow == Flow::Open {
            self.member.resume(partitions)?;
        }
        self.shared.figures.assigned(&tasks);
        Ok(Heard::Assigned(tasks.len()))
    }

    fn release(&mut self, partitions: &[Partition], tasks: &[TaskId]) -> Result<(), ProcessorError> {
        self.tasks.retain(|task, _| !tasks.contains(task));
        self.shared.figures.released(tasks);
        tracing::info!(?tasks, "tasks end");
        Ok(self.member.release(partitions)?)
    }

    fn apply(&mut self) -> Result<usize, ProcessorError> {
        if self.batch.is_empty() {
            return Ok(0);
        }
        let outcome = self.apply_batch();
        if outcome.as_ref().is_err_and(ProcessorError::is_passing) {
            // What cores keep in memory is of the batch that failed.
            for task in self.tasks.values_mut() {
                *task = Task::open(task.id, task.position, &self.shared.store, &*self.shared.cores)?;
            }
            self.pending = Pending::Records;
        }
        outcome
    }

    /// The end of an input may lie beyond the record after the last: markers leave holes.
    fn note_ends(&self) -> Result<(), ProcessorError> {
        for partition in self.batch.ends() {
            let task = TaskId::of(partition)?;
            if self.tasks.contains_key(&task) {
                let read_to = self.member.position(partition)?;
                self.shared.figures.see(task, |seen| seen.read_to = Some(read_to));
            }
        }
        Ok(())
    }

    /// All tasks' changes of one poll are one write.
    fn apply_batch(&mut self) -> Result<usize, ProcessorError> {
        self.shared.failpoints.hit(Point::BatchPolled)?;
        let headers = self.batch.records().map(|record| record.headers());
        let span = Begun::of(self.shared.settings.spans.as_ref(), "apply", headers);
        let began = Instant::now();
        let mut write = store::Batch::default();
        let mut applied: Vec<(TaskId, Applied)> = Vec::new();
        for (partition, records) in by_partition(&self.batch) {
            let id = TaskId::of(partition)?;
            let published = self.shared.ownership.published(id);
            let (Some(task), Some(published)) = (self.tasks.get_mut(&id), published) else { continue };
            applied.push((id, task.apply(records.into_iter(), published, &self.shared.store, &mut write)?));
        }
        self.shared.failpoints.hit(Point::BatchApplied)?;
        let writes = Instant::now();
        self.shared.store.write(&write)?;
        self.shared.figures.batch(&applied, writes - began, writes.elapsed());
        if let Some(span) = span {
            span.end(None);
        }
        let written = applied.iter().map(|(id, applied)| {
            let task = self.tasks.get_mut(id).expect("invariant: it was applied just now");
            task.written(applied);
            Written { task: *id, bytes: applied.bytes, standing: task.standing() }
        });
        let written: Vec<Written> = written.collect();
        self.shared.failpoints.hit(Point::BatchWritten)?;
        self.shared.ownership.batch_written(written.into_iter());
        Ok(self.batch.len())
    }

    /// Holds records back while the outbox is full, until half of it has gone.
    fn regulate(&mut self) -> Result<(), ProcessorError> {
        let (waiting, max) = (self.shared.ownership.waiting_bytes(), self.shared.settings.outbox_bytes_max);
        let partitions = || -> Vec<Partition> { self.tasks.keys().map(|task| task.input()).collect() };
        match self.flow {
            Flow::Open if waiting >= max => {
                self.member.pause(&partitions())?;
                self.flow = Flow::Held;
            }
            Flow::Held if waiting <= max / 2 => {
                self.member.resume(&partitions())?;
                self.flow = Flow::Open;
            }
            Flow::Open | Flow::Held => {}
        }
        Ok(())
    }
}

fn of_poll(error: BusError) -> ProcessorError {
    match error {
        BusError::Fenced { .. } => ProcessorError::Displaced(error),
        error => error.into(),
    }
}

fn ids(partitions: &[Partition]) -> Result<Vec<TaskId>, ProcessorError> {
    partitions.iter().map(TaskId::of).collect()
}

/// Runs of one partition may alternate in a batch; within a partition the order stays.
fn by_partition(batch: &Batch) -> BTreeMap<&Partition, Vec<Record<'_>>> {
    let mut records: BTreeMap<&Partition, Vec<Record<'_>>> = BTreeMap::new();
    for record in batch.records() {
        records.entry(record.partition).or_default().push(record);
    }
    records
}
