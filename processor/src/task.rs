//! One task: the single writer of one input partition's state.
//!
//! Invariant: a task's state, its position L and the rows that follow from what it applied change in one write, by one thread.

use std::fmt;
use std::time::Instant;

use bus::{Offset, Partition, Record};
use contracts::topics;
use detection::view::View;

use crate::ProcessorError;
use crate::core::{Core, CoreError, Cores, Standing};
use crate::metrics::Counted;
use crate::outbox::Rows;
use crate::store::{self, Store};

/// What kind of task; its number stands in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Stage one: `telemetry.events.v1`.
    Events = 1,
    /// Stage two: `rule.matches.v1`.
    Matches = 2,
    /// Risk: `alerts.v1`.
    Alerts = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId {
    pub stage: Stage,
    pub partition: u32,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub id: TaskId,
    /// L.
    pub position: Offset,
    core: Box<dyn Core>,
}

/// What a task makes of a run of records.
#[derive(Debug)]
pub(crate) struct Applied {
    pub position: Offset,
    /// Rows of outbox, encoded.
    pub bytes: usize,
    pub records: u64,
    /// Of these, applied in silence.
    pub repeated: u64,
    /// By the others.
    pub counted: Counted,
}

impl Task {
    pub fn open(id: TaskId, position: Offset, store: &Store, cores: &dyn Cores) -> Result<Self, ProcessorError> {
        Ok(Self { id, position, core: cores.core(id, &store.state(id))? })
    }

    /// Applies records in memory until none are left or the time is over, at least one, and puts all that follows into `batch`.
    /// Rows of offsets below `published` are visible already and are left out. Nothing of this task has changed until the batch is written and [`Task::written`] said so.
    pub fn apply<'r>(
        &mut self,
        records: impl Iterator<Item = Record<'r>>,
        until: Instant,
        published: Offset,
        store: &Store,
        batch: &mut store::Batch,
    ) -> Result<Applied, ProcessorError> {
        let state = store.state(self.id);
        let mut view = View::over(&state);
        let mut applied =
            Applied { position: self.position, bytes: 0, records: 0, repeated: 0, counted: Counted::default() };
        let mut rows = Rows::default();
        for record in records {
            if record.offset < applied.position {
                let (expected, found) = (applied.position, record.offset);
                return Err(ProcessorError::WentBack { partition: self.id.input(), expected, found });
            }
            rows.clear();
            self.core.apply(&record, &mut view, &mut rows)?;
            applied.records += 1;
            if record.offset < published {
                applied.repeated += 1;
            } else {
                applied.counted += rows.counted;
                for (index, row) in rows.encoded().enumerate() {
                    let index = u32::try_from(index).expect("invariant: a record's rows are far fewer");
                    applied.bytes += row.len();
                    batch.put_row(self.id, record.offset, index, row);
                }
            }
            applied.position = Offset(record.offset.0 + 1);
            if Instant::now() >= until {
                break;
            }
        }
        let changes = view.into_changes().map_err(|unreadable| state.unreadable(unreadable));
        state.check().map_err(CoreError::from)?;
        batch.put_state(self.id, changes.map_err(CoreError::from)?);
        batch.put_position(self.id, applied.position);
        Ok(applied)
    }

    pub fn written(&mut self, applied: &Applied) {
        self.position = applied.position;
    }

    pub fn standing(&self) -> Option<Standing> {
        self.core.standing()
    }
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::Events, Self::Matches, Self::Alerts];

    /// In words of ours: settings, labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Matches => "matches",
            Self::Alerts => "risk",
        }
    }

    pub fn topic(self) -> &'static str {
        match self {
            Self::Events => topics::TELEMETRY_EVENTS,
            Self::Matches => topics::RULE_MATCHES,
            Self::Alerts => topics::ALERTS,
        }
    }

    pub(crate) fn topics() -> [&'static str; 3] {
        Self::ALL.map(Self::topic)
    }
}

impl TaskId {
    pub fn of(partition: &Partition) -> Result<Self, ProcessorError> {
        let stage = Stage::ALL.into_iter().find(|stage| stage.topic() == &*partition.topic);
        let stage = stage.ok_or_else(|| ProcessorError::ForeignPartition { partition: partition.clone() })?;
        Ok(Self { stage, partition: partition.index })
    }

    pub fn input(self) -> Partition {
        Partition::new(self.stage.topic(), self.partition)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.stage.topic(), self.partition)
    }
}
