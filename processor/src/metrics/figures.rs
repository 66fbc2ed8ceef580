//! Where the threads of a processor note what they did, until somebody asks.
//!
//! Invariant: noted once a batch, a publication or a look, never once a record; what is noted about a batch was written.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::{Extent, Offset, Outcome};

use super::{Alarm, Checkpoint, Publications, StageTotals};
use crate::metrics::Histogram;
use crate::readiness::Waiting;
use crate::task::{Applied, Stage, TaskId};

#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Table>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub stages: BTreeMap<Stage, StageTotals>,
    pub applying: Histogram,
    pub writing: Histogram,
    pub publications: Publications,
    pub ticks: u64,
    /// Of the tasks that run; one entry each.
    pub seen: BTreeMap<TaskId, Seen>,
    group: Group,
    restoring: Vec<TaskId>,
    /// What each thread fails at just now.
    trouble: BTreeMap<Doing, String>,
}

/// What is known of a task beside its state.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Of its input, as it was seen last.
    pub extent: Option<Extent>,
    /// How far the input was read when its end was reached last: beyond L where markers leave holes.
    pub read_to: Option<Offset>,
    /// The newest that can be seen.
    pub checkpoint: Option<Checkpoint>,
    pub alarm: Option<Alarm>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Group {
    #[default]
    Silent,
    Answered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doing {
    Applying,
    Publishing,
    /// Writing ticks and markers.
    Pulsing,
    /// Where nothing comes, nothing is published: only who looks finds that the log is gone.
    Looking,
}

impl Figures {
    /// A batch was written.
    pub fn batch(&self, applied: &[(TaskId, Applied)], applying: Duration, writing: Duration) {
        let mut table = self.table();
        for (task, applied) in applied {
            let stage = table.stages.entry(task.stage).or_default();
            stage.records += applied.records;
            stage.repeated += applied.repeated;
            stage.counted += applied.counted;
        }
        table.applying.observe(applying);
        table.writing.observe(writing);
    }

    pub fn publication(&self, outcome: &Outcome, took: Duration, rows: usize) {
        let mut table = self.table();
        let publications = &mut table.publications;
        publications.took.observe(took);
        match outcome {
            Outcome::Committed => {
                publications.committed += 1;
                publications.rows += rows as u64;
            }
            Outcome::Fenced(_) => publications.fenced += 1,
            Outcome::Aborted(_) => publications.aborted += 1,
            Outcome::Unknown(_) => publications.unknown += 1,
        }
    }

    pub fn ticks(&self, count: usize) {
        self.table().ticks += count as u64;
    }

    pub fn restoring(&self, tasks: &[TaskId]) {
        self.table().restoring = tasks.to_vec();
    }

    /// The group's answer was dealt with: all that is ours runs.
    pub fn assigned(&self, tasks: &[TaskId]) {
        let mut table = self.table();
        (table.group, table.restoring) = (Group::Answered, Vec::new());
        table.seen.extend(tasks.iter().map(|task| (*task, Seen::default())));
    }

    pub fn released(&self, tasks: &[TaskId]) {
        self.table().seen.retain(|task, _| !tasks.contains(task));
    }

    /// The group went on without this member.
    pub fn lost(&self) {
        self.table().group = Group::Silent;
    }

    /// What this thread fails at now, if anything; whether that is news.
    pub fn trouble(&self, doing: Doing, reason: Option<String>) -> bool {
        let mut table = self.table();
        let is_news = table.trouble.get(&doing) != reason.as_ref();
        match reason {
            Some(reason) => drop(table.trouble.insert(doing, reason)),
            None => drop(table.trouble.remove(&doing)),
        }
        is_news
    }

    /// Notes something about a task, if it runs.
    pub fn see(&self, task: TaskId, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.table().seen.get_mut(&task) {
            note(seen);
        }
    }

    pub fn copy(&self) -> Table {
        self.table().clone()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// What is waited for, as far as it is noted here.
    pub fn waiting(&self) -> Vec<Waiting> {
        let unassigned = (self.group == Group::Silent && self.restoring.is_empty()).then_some(Waiting::Unassigned);
        let restoring = (!self.restoring.is_empty()).then(|| Waiting::Restoring(self.restoring.clone()));
        let trouble = self.trouble.values().cloned().map(Waiting::Trouble);
        unassigned.into_iter().chain(restoring).chain(trouble).collect()
    }
}
