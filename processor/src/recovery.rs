//! Where a task goes on: from its own state, from a checkpoint, or from the beginning of its input.
//!
//! Invariant: N is read after this instance's publisher was made, so that nothing of ours is still undecided, and it never
//! falls. Rows below N are dropped, rows from N on are published again, the input is applied from L. Where L is behind N,
//! the input between them is applied in silence.

use bus::{Offset, Partition};

use crate::ProcessorError;
use crate::accepted_loss;
use crate::checkpoint;
use crate::failpoint::Point;
use crate::pulse;
use crate::settings::StateLoss;
use crate::shared::Shared;
use crate::store::{Batch, Positions};
use crate::task::TaskId;

/// A task as it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// L.
    pub applied: Offset,
    /// N.
    pub published: Offset,
    pub waiting_bytes: usize,
}

/// N of each task.
pub(crate) fn committed(shared: &Shared, tasks: &[TaskId]) -> Result<Vec<(TaskId, Option<Offset>)>, ProcessorError> {
    let partitions: Vec<Partition> = tasks.iter().map(|task| task.input()).collect();
    let committed = shared.bus.committed(&shared.settings.group, &partitions)?;
    Ok(tasks.iter().copied().zip(committed).collect())
}

pub(crate) fn recover(shared: &Shared, task: TaskId, committed: Option<Offset>) -> Result<Recovered, ProcessorError> {
    let local = shared.store.positions(task)?;
    never_falls(shared, task, local, committed)?;
    let earliest = shared.bus.extent(&task.input())?.earliest;
    let applied = match (local.map(|local| local.applied), committed) {
        // What this state lacks can still be read.
        (Some(applied), _) if applied >= earliest => applied,
        (Some(applied), Some(committed)) if applied < committed => rebuild(shared, task, committed, earliest)?,
        (Some(applied), _) => skip_removed(shared, task, applied, earliest)?,
        (None, Some(committed)) => rebuild(shared, task, committed, earliest)?,
        (None, None) => begin(shared, task, earliest)?,
    };
    let (published, waiting_bytes) = drop_published(shared, task, committed)?;
    shared.failpoints.hit(Point::RowsDropped)?;
    Ok(Recovered { applied, published, waiting_bytes })
}

/// N as it is now, of a task that runs; rows below it go. Answers N and what is left in the outbox.
pub(crate) fn settle(
    shared: &Shared,
    task: TaskId,
    committed: Option<Offset>,
) -> Result<(Offset, usize), ProcessorError> {
    never_falls(shared, task, shared.store.positions(task)?, committed)?;
    drop_published(shared, task, committed)
}

fn never_falls(
    shared: &Shared,
    task: TaskId,
    local: Option<Positions>,
    committed: Option<Offset>,
) -> Result<(), ProcessorError> {
    match local.and_then(|local| local.published) {
        Some(known) if committed.is_none_or(|committed| committed < known) => {
            let group = shared.settings.group.clone();
            Err(ProcessorError::PositionsFell { partition: task.input(), group, committed, known })
        }
        _ => Ok(()),
    }
}

/// Nothing committed yet is nothing visible.
fn drop_published(shared: &Shared, task: TaskId, committed: Option<Offset>) -> Result<(Offset, usize), ProcessorError> {
    if let Some(committed) = committed {
        shared.store.drop_published(task, committed)?;
    }
    Ok((committed.unwrap_or(Offset(0)), shared.store.waiting_bytes(task)?))
}

/// No state here, or one so old that the input after it is gone.
fn rebuild(shared: &Shared, task: TaskId, committed: Offset, earliest: Offset) -> Result<Offset, ProcessorError> {
    shared.store.wipe(task)?;
    if let Some(restored) = checkpoint::restore(shared, task, earliest, committed)? {
        tracing::info!(%task, checkpoint = restored.0, %committed, "state restored from a checkpoint");
        return Ok(restored);
    }
    // An input that still has its first record is a checkpoint at offset 0.
    if earliest == Offset(0) {
        tracing::info!(%task, %committed, "no state and no checkpoint: it is made again from the whole input");
        return begin(shared, task, earliest);
    }
    match shared.settings.state_loss {
        StateLoss::Accept => {
            tracing::warn!(%task, %committed, %earliest, "going on without the state of this partition, as was asked for");
            shared.store.wipe(task)?;
            accept_loss(shared, task, committed.max(earliest))
        }
        StateLoss::Refuse => Err(ProcessorError::StateMissing { partition: task.input(), committed, earliest }),
    }
}

/// The state is whole, and what comes next was removed from the input before it was applied.
fn skip_removed(shared: &Shared, task: TaskId, applied: Offset, earliest: Offset) -> Result<Offset, ProcessorError> {
    match shared.settings.state_loss {
        StateLoss::Accept => {
            tracing::warn!(%task, %applied, %earliest, "going on behind input that was never applied, as was asked for");
            accept_loss(shared, task, earliest)
        }
        StateLoss::Refuse => Err(ProcessorError::InputGone { partition: task.input(), applied, earliest }),
    }
}

fn accept_loss(shared: &Shared, task: TaskId, from: Offset) -> Result<Offset, ProcessorError> {
    let mut batch = Batch::default();
    batch.put_position(task, from);
    accepted_loss::tell(&shared.settings, task, from, pulse::now(), &mut batch);
    shared.store.write(&batch)?;
    Ok(from)
}

/// With no state. What is left of an earlier one that was not finished goes.
fn begin(shared: &Shared, task: TaskId, at: Offset) -> Result<Offset, ProcessorError> {
    shared.store.wipe(task)?;
    let mut batch = Batch::default();
    batch.put_position(task, at);
    shared.store.write(&batch)?;
    Ok(at)
}
