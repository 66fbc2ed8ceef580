//! What a processor says of itself: one snapshot of all figures, and its text for Prometheus.
//!
//! Invariants:
//! - a label is a stage, a partition, a severity or a word of ours: never an endpoint, the text of a rule or an indicator;
//! - what records led to is counted when their batch was written, and not again when they are applied again in silence. A
//!   process starts at zero: what the one before it counted is in its own counters.
//!
//! Absent on purpose: a registry of counters that code reaches from everywhere.

mod counted;
mod exposition;
mod figures;
mod histogram;
mod text;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bus::Offset;

pub use counted::{Counted, PerReason, PerSeverity};
pub(crate) use figures::{Doing, Figures, Seen};
pub use histogram::{BOUNDS_S, Histogram};

use crate::core::Standing;
use crate::readiness::{Readiness, Waiting};
use crate::shared::Shared;
use crate::store::Sizes;
use crate::task::{Stage, TaskId};

/// All figures as of one moment.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub readiness: Readiness,
    /// Since this process started.
    pub stages: BTreeMap<Stage, StageTotals>,
    /// The tasks that run here now.
    pub tasks: Vec<TaskFigures>,
    /// How long batches took to be applied, and to be written.
    pub applying: Histogram,
    pub writing: Histogram,
    pub publications: Publications,
    /// Ticks that were sent.
    pub ticks: u64,
    pub outbox_bytes_max: usize,
    /// `None`: the store could not say.
    pub store: Option<Sizes>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTotals {
    /// Applied, those in silence included.
    pub records: u64,
    /// Applied again in silence: what follows from them is visible already.
    pub repeated: u64,
    pub counted: Counted,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Publications {
    pub committed: u64,
    pub fenced: u64,
    pub aborted: u64,
    /// The answer was lost.
    pub unknown: u64,
    /// Of those that were committed.
    pub rows: u64,
    /// From the first row sent to the answer, whichever it was.
    pub took: Histogram,
}

#[derive(Debug, Clone, Copy)]
pub struct TaskFigures {
    pub task: TaskId,
    /// L.
    pub applied: Offset,
    /// N.
    pub published: Offset,
    /// Offsets that were not read yet, some seconds ago; `None` until it was looked.
    pub lag: Option<u64>,
    pub outbox_bytes: usize,
    pub checkpoint: Option<Checkpoint>,
    pub alarm: Option<Alarm>,
    /// What is in force; none of a task that takes no commands.
    pub standing: Option<Standing>,
}

/// A checkpoint that can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// S.
    pub at: Offset,
    pub bytes: u64,
    pub written_at: SystemTime,
}

impl Checkpoint {
    /// A clock that was set back makes it new.
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.written_at).unwrap_or_default()
    }
}

/// Why a task whose disk is lost could not be restored, or soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// There is none, and the beginning of the input is gone.
    NoCheckpoint,
    /// Input after the newest checkpoint is gone.
    InputGone,
    /// The input is kept for less than the age of the newest checkpoint and the time that a restore may take.
    KeptTooShort,
}

impl Alarm {
    pub const ALL: [Self; 3] = [Self::NoCheckpoint, Self::InputGone, Self::KeptTooShort];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCheckpoint => "no_checkpoint",
            Self::InputGone => "input_gone",
            Self::KeptTooShort => "kept_too_short",
        }
    }
}

impl Metrics {
    pub(crate) fn of(shared: &Shared) -> Self {
        let table = shared.figures.copy();
        let tasks = tasks(shared, &table.seen);
        Self {
            readiness: readiness(table.waiting(), &tasks),
            stages: table.stages,
            tasks,
            applying: table.applying,
            writing: table.writing,
            publications: table.publications,
            ticks: table.ticks,
            outbox_bytes_max: shared.settings.outbox_bytes_max,
            store: shared.store.sizes().ok(),
        }
    }

    /// For Prometheus; docs/processor.md lists the names.
    pub fn render(&self, now: SystemTime) -> String {
        text::of(self, now)
    }
}

fn tasks(shared: &Shared, seen: &BTreeMap<TaskId, Seen>) -> Vec<TaskFigures> {
    let live = shared.ownership.live().into_iter();
    live.filter_map(|(task, live)| {
        let applied = shared.store.positions(task).ok()??.applied;
        let seen = seen.get(&task).copied().unwrap_or_default();
        let read = seen.read_to.map_or(applied, |read_to| read_to.max(applied));
        Some(TaskFigures {
            task,
            applied,
            published: live.published,
            lag: seen.extent.map(|extent| extent.end.0.saturating_sub(read.0)),
            outbox_bytes: live.waiting_bytes,
            checkpoint: seen.checkpoint,
            alarm: seen.alarm,
            standing: live.standing,
        })
    })
    .collect()
}

fn readiness(mut waiting: Vec<Waiting>, tasks: &[TaskFigures]) -> Readiness {
    let repeating: Vec<TaskId> =
        tasks.iter().filter(|task| task.applied < task.published).map(|task| task.task).collect();
    if !repeating.is_empty() {
        waiting.push(Waiting::Repeating(repeating));
    }
    Readiness::of(waiting)
}
