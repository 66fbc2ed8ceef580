//! The applying half of a processor: one thread that polls, applies and writes, and answers what the group says.
//!
//! Invariant: a record is applied by the task of its partition, in offset order, and only while the partition is owned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Batch, BusError, Member, Offset, Partition, Polled, Record};

use crate::ProcessorError;
use crate::backlog::Backlog;
use crate::failpoint::Point;
use crate::metrics::Doing;
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
    /// What the last poll brought.
    batch: Batch,
    /// What polls before it brought and is not applied yet.
    backlog: Backlog,
    pending: Pending,
    flow: Flow,
}

/// What a turn could not finish because something outside could not be reached; it comes before the next poll.
#[derive(Debug)]
enum Pending {
    Nothing,
    Assigned(Vec<Partition>),
    /// The records of `backlog` and `batch`.
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
            backlog: Backlog::default(),
            pending: Pending::Nothing,
            flow: Flow::Open,
        }
    }

    /// One poll and all that follows from it. After an error that [is passing](ProcessorError::is_passing) the next turn tries
    /// again what this one could not do.
    pub fn turn(&mut self) -> Result<Heard, ProcessorError> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => {}
            Pending::Assigned(partitions) => return self.assigned(partitions),
            Pending::Records => return self.apply_again().map(Heard::Records),
        }
        self.regulate()?;
        let mut limit = self.shared.settings.batch;
        if !self.backlog.is_empty() {
            limit.wait = Duration::ZERO;
        }
        match self.member.poll(&mut self.batch, &limit).map_err(of_poll)? {
            Polled::Batch => self.apply().map(Heard::Records),
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
    pub(crate) fn in_trouble(&self, reason: Option<String>) {
        self.shared.figures.trouble(Doing::Applying, reason);
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
        // Noted before they are live: whoever looks at what is live notes more of it.
        self.shared.figures.assigned(&tasks);
        for (task, recovered) in ready {
            tracing::info!(task = %task.id, applied = %recovered.applied, published = %recovered.published, "task starts");
            self.shared.ownership.grant(task.id, recovered, task.standing());
            self.tasks.insert(task.id, task);
        }
        if self.flow == Flow::Open {
            self.member.resume(partitions)?;
        }
        Ok(Heard::Assigned(tasks.len()))
    }

    fn release(&mut self, partitions: &[Partition], tasks: &[TaskId]) -> Result<(), ProcessorError> {
        self.tasks.retain(|task, _| !tasks.contains(task));
        self.backlog.forget(tasks);
        self.shared.figures.released(tasks);
        tracing::info!(?tasks, "tasks end");
        Ok(self.member.release(partitions)?)
    }

    fn apply(&mut self) -> Result<usize, ProcessorError> {
        let behind: Vec<TaskId> = self.tasks.keys().copied().filter(|task| self.backlog.has(*task)).collect();
        let outcome = self.apply_records();
        let applied = self.keep_records_unless_final(outcome)?;
        self.note_ends(behind)?;
        Ok(applied)
    }

    /// What failed, by cores made anew: what they kept in memory is of the records that failed.
    fn apply_again(&mut self) -> Result<usize, ProcessorError> {
        let outcome = self.tasks.values_mut().try_for_each(|task| {
            *task = Task::open(task.id, task.position, &self.shared.store, &*self.shared.cores)?;
            Ok(())
        });
        self.keep_records_unless_final(outcome)?;
        self.apply()
    }

    /// What was polled is not polled again: after an error that is passing it waits for the next turn.
    fn keep_records_unless_final<T>(&mut self, outcome: Result<T, ProcessorError>) -> Result<T, ProcessorError> {
        if outcome.as_ref().is_err_and(ProcessorError::is_passing) {
            self.pending = Pending::Records;
        }
        outcome
    }

    /// The end of an input may lie beyond the record after the last: markers leave holes. It is reached when all before it is
    /// applied, be that turns after the poll that said so.
    fn note_ends(&self, behind: Vec<TaskId>) -> Result<(), ProcessorError> {
        let ends = ids(self.batch.ends())?;
        for task in ends.into_iter().chain(behind) {
            if self.tasks.contains_key(&task) && !self.backlog.has(task) {
                let read_to = self.member.position(&task.input())?;
                self.shared.figures.see(task, |seen| seen.read_to = Some(read_to));
            }
        }
        Ok(())
    }

    /// All tasks' changes of one turn are one write.
    fn apply_records(&mut self) -> Result<usize, ProcessorError> {
        if self.batch.is_empty() && self.backlog.is_empty() {
            return Ok(0);
        }
        self.shared.failpoints.hit(Point::BatchPolled)?;
        let headers = self.batch.records().map(|record| record.headers());
        let span = Begun::of(self.shared.settings.spans.as_ref(), "apply", headers);
        let began = Instant::now();
        let ends = began + self.shared.settings.apply_max;
        let mut write = store::Batch::default();
        let mut applied: Vec<(TaskId, Applied)> = Vec::new();
        let mut waiting = Backlog::default();
        let runs = by_task(self.backlog.records().chain(self.batch.records()))?;
        let mut sharing = u32::try_from(runs.len()).expect("invariant: tasks are counted in partitions");
        for (id, records) in &runs {
            let now = Instant::now();
            let until = now + ends.saturating_duration_since(now) / sharing;
            sharing -= 1;
            let published = self.shared.ownership.published(*id);
            let (Some(task), Some(published)) = (self.tasks.get_mut(id), published) else { continue };
            let done = task.apply(records.iter().copied(), until, published, &self.shared.store, &mut write)?;
            for record in records.iter().filter(|record| record.offset >= done.position) {
                waiting.push(*id, record);
            }
            applied.push((*id, done));
        }
        self.shared.failpoints.hit(Point::BatchApplied)?;
        let writes = Instant::now();
        self.shared.ownership.rows_made(applied.iter().map(|(id, applied)| (*id, applied.bytes)));
        self.shared.store.write(&write)?;
        let polled: usize = runs.iter().map(|(_, records)| records.len()).sum();
        let applied_count = polled - waiting.len();
        drop(runs);
        self.backlog.replace(waiting);
        self.shared.figures.batch(&applied, writes - began, writes.elapsed());
        if let Some(span) = span {
            span.end(None);
        }
        let written = applied.iter().map(|(id, applied)| {
            let task = self.tasks.get_mut(id).expect("invariant: it was applied just now");
            task.written(applied);
            (*id, task.standing())
        });
        let written: Vec<_> = written.collect();
        self.shared.failpoints.hit(Point::BatchWritten)?;
        self.shared.ownership.batch_written(written.into_iter());
        Ok(applied_count)
    }

    /// Holds all records back while the outbox is full, until half of it has gone; and those of a task that is behind.
    fn regulate(&mut self) -> Result<(), ProcessorError> {
        let limit = self.shared.settings.batch;
        let (full, low) = (self.backlog.to_hold(&limit), self.backlog.to_free(&limit));
        if !full.is_empty() {
            self.member.pause(&inputs(&full))?;
            self.backlog.hold(&full);
        }
        if !low.is_empty() {
            if self.flow == Flow::Open {
                self.member.resume(&inputs(&low))?;
            }
            self.backlog.free(&low);
        }
        let (waiting, max) = (self.shared.ownership.waiting_bytes(), self.shared.settings.outbox_bytes_max);
        match self.flow {
            Flow::Open if waiting >= max => {
                self.member.pause(&inputs(self.tasks.keys()))?;
                self.flow = Flow::Held;
            }
            Flow::Held if waiting <= max / 2 => {
                self.member.resume(&inputs(self.tasks.keys().filter(|task| !self.backlog.holds(**task))))?;
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

fn inputs<'t>(tasks: impl IntoIterator<Item = &'t TaskId>) -> Vec<Partition> {
    tasks.into_iter().map(|task| task.input()).collect()
}

fn ids(partitions: &[Partition]) -> Result<Vec<TaskId>, ProcessorError> {
    partitions.iter().map(TaskId::of).collect()
}

/// Runs of one partition may alternate; within a partition the order stays. Those with the fewest records come first: what
/// they leave of their share of a turn is the others'.
fn by_task<'r>(records: impl Iterator<Item = Record<'r>>) -> Result<Vec<(TaskId, Vec<Record<'r>>)>, ProcessorError> {
    let mut runs: BTreeMap<&Partition, Vec<Record<'_>>> = BTreeMap::new();
    for record in records {
        runs.entry(record.partition).or_default().push(record);
    }
    let of_task = |(partition, records)| Ok((TaskId::of(partition)?, records));
    let mut runs = runs.into_iter().map(of_task).collect::<Result<Vec<_>, ProcessorError>>()?;
    runs.sort_by_key(|(_, records): &(TaskId, Vec<Record<'_>>)| records.len());
    Ok(runs)
}
