//! Whose rows may be published: the tasks that run here now, each with its epoch.
//!
//! Invariant: an epoch is given once. What was read under one epoch and is to be published under another was made by an
//! earlier owner, be it this very process before it slept, and is not published. A broker cannot tell: it checks who is a
//! member, never who owns what.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use bus::{Offset, Ownership as Verdict};

use crate::core::Standing;
use crate::recovery::Recovered;
use crate::task::TaskId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Epoch(u64);

/// A task that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    pub epoch: Epoch,
    /// N.
    pub published: Offset,
    /// Rows in its outbox, in bytes.
    pub waiting_bytes: usize,
    /// None of a task that takes no commands.
    pub standing: Option<Standing>,
}

#[derive(Debug, Default)]
pub(crate) struct Ownership {
    table: Mutex<Table>,
    /// There may be something to publish.
    news: Condvar,
    /// Held as long as a publication runs: from the moment rows are taken until what became of them is known and noted.
    publishing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Table {
    live: BTreeMap<TaskId, Live>,
    last: u64,
    has_news: bool,
}

impl Ownership {
    /// A partition was assigned and its task is ready.
    pub fn grant(&self, task: TaskId, recovered: Recovered, standing: Option<Standing>) {
        let mut table = self.table();
        table.last += 1;
        let epoch = Epoch(table.last);
        let Recovered { published, waiting_bytes, .. } = recovered;
        table.live.insert(task, Live { epoch, published, waiting_bytes, standing });
        self.wake(table);
    }

    /// Partitions are to be given back: what runs is waited for, then nothing more of them is published.
    pub fn give_back(&self, tasks: &[TaskId]) {
        let _running = self.publishing();
        self.end(tasks);
    }

    /// Nothing more of these is published: what runs is stopped by its own check.
    pub fn end(&self, tasks: &[TaskId]) {
        let mut table = self.table();
        table.last += 1;
        table.live.retain(|task, _| !tasks.contains(task));
        self.wake(table);
    }

    /// All that runs now.
    pub fn live(&self) -> BTreeMap<TaskId, Live> {
        self.table().live.clone()
    }

    /// Grows whenever anything was assigned, revoked or lost.
    pub fn changes(&self) -> u64 {
        self.table().last
    }

    pub fn check(&self, epochs: &[(TaskId, Epoch)]) -> Verdict {
        let table = self.table();
        let unchanged =
            epochs.iter().all(|(task, epoch)| table.live.get(task).is_some_and(|live| live.epoch == *epoch));
        if unchanged { Verdict::Unchanged } else { Verdict::Changed }
    }

    pub fn published(&self, task: TaskId) -> Option<Offset> {
        self.table().live.get(&task).map(|live| live.published)
    }

    /// Rows come into the outboxes of these tasks, so many bytes. Counted before they are written: once they are, they may be
    /// published, and what was never added cannot be taken off.
    pub fn rows_made(&self, made: impl Iterator<Item = (TaskId, usize)>) {
        let mut table = self.table();
        for (task, bytes) in made {
            if let Some(live) = table.live.get_mut(&task) {
                live.waiting_bytes += bytes;
            }
        }
    }

    /// Batches of these tasks were written.
    pub fn batch_written(&self, written: impl Iterator<Item = (TaskId, Option<Standing>)>) {
        let mut table = self.table();
        for (task, standing) in written {
            if let Some(live) = table.live.get_mut(&task) {
                live.standing = standing;
            }
        }
        self.wake(table);
    }

    pub fn rows_published(&self, task: TaskId, published: Offset, bytes: usize) {
        if let Some(live) = self.table().live.get_mut(&task) {
            live.published = published;
            live.waiting_bytes = live.waiting_bytes.saturating_sub(bytes);
        }
    }

    /// N as the group has it, after an answer was lost.
    pub fn settled(&self, task: TaskId, published: Offset, waiting_bytes: usize) {
        if let Some(live) = self.table().live.get_mut(&task) {
            (live.published, live.waiting_bytes) = (published, waiting_bytes);
        }
    }

    pub fn waiting_bytes(&self) -> usize {
        self.table().live.values().map(|live| live.waiting_bytes).sum()
    }

    pub fn publishing(&self) -> MutexGuard<'_, ()> {
        self.publishing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Until there may be something to publish, at most this long.
    pub fn wait(&self, at_most: Duration) {
        let table = self.table();
        let waited = self.news.wait_timeout_while(table, at_most, |table| !table.has_news);
        waited.expect("invariant: arithmetic on this table does not panic").0.has_news = false;
    }

    pub fn interrupt(&self) {
        self.wake(self.table());
    }

    fn wake(&self, mut table: MutexGuard<'_, Table>) {
        table.has_news = true;
        drop(table);
        self.news.notify_all();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("invariant: arithmetic on this table does not panic")
    }
}
