//! Copies of a task's state outside of its process, for whoever goes on with the partition elsewhere or after a lost disk.
//!
//! Invariant: a checkpoint at S holds the state after all records below S and is visible only once rows of all those records
//! are (N ≥ S): whoever restores it applies the input from S and repeats nothing. It is written where nobody looks, and shown
//! when it may be seen; nothing of it counts before its digest was verified.
//!
//! Absent on purpose: the outbox. Rows of records below S are visible, rows of later ones come out of applying them again.

mod directory;
mod file;
mod place;
mod s3;

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bus::Offset;
use bus::config::Checkpoints;

use crate::ProcessorError;
use crate::failpoint::Point;
use crate::metrics;
use crate::ownership::Epoch;
use crate::shared::Shared;
use crate::task::TaskId;
use directory::Directory;
use place::{Folder, Hidden, Name};
use s3::S3;

pub(crate) use place::Place;
pub use s3::S3Error;

/// Visible checkpoints of a task; older ones are removed.
const KEPT: usize = 2;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    #[error("{name}: {source}; is that place there, and may this process use it?")]
    Io { name: String, source: io::Error },
    #[error("checkpoints: {0}")]
    Place(S3Error),
    #[error("{name} is no checkpoint of {task} at {at}: expected {what} to be {expected}, found {found}")]
    Foreign { name: String, task: TaskId, at: Offset, what: &'static str, expected: u64, found: u64 },
    #[error("{name} is damaged: {what}; remove it")]
    Damaged { name: String, what: &'static str },
}

impl CheckpointError {
    /// Whether the same may succeed in a moment: the place could not be reached.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotConnected)
    }

    fn of(place: &dyn Place, name: &dyn Display) -> impl FnOnce(io::Error) -> Self {
        let name = format!("{place}/{name}");
        move |source| Self::Io { name, source }
    }
}

/// Writes checkpoints, and shows them when they may be seen.
#[derive(Debug)]
pub struct Checkpointer {
    shared: Arc<Shared>,
    place: Arc<dyn Place>,
    /// At most one of each task.
    waiting: Vec<Waiting>,
}

/// Written, and not to be seen yet.
#[derive(Debug)]
struct Waiting {
    task: TaskId,
    epoch: Epoch,
    name: Name,
    hidden: Box<dyn Hidden>,
}

/// Asks nobody: a store that is away now may be there when it is needed.
pub(crate) fn place(checkpoints: &Checkpoints) -> Result<Arc<dyn Place>, CheckpointError> {
    Ok(match checkpoints {
        Checkpoints::Directory(path) => Arc::new(Directory::new(path.clone())),
        Checkpoints::S3(connection) => Arc::new(S3::new(connection).map_err(CheckpointError::Place)?),
    })
}

impl Checkpointer {
    /// `None` where the settings name no place.
    pub(crate) fn new(shared: &Arc<Shared>) -> Option<Self> {
        let place = Arc::clone(shared.checkpoints.as_ref()?);
        Some(Self { shared: Arc::clone(shared), place, waiting: Vec::new() })
    }

    pub fn every(&self) -> Duration {
        self.shared.settings.checkpoint_every
    }

    /// Writes a checkpoint of every task that runs and has none waiting to be seen. One that cannot be written is no reason to
    /// go without those of the others: the first error is answered when all were tried. Where the place itself cannot be
    /// reached, the others are not tried: each would wait for it.
    pub fn write(&mut self) -> Result<usize, ProcessorError> {
        let (mut written, mut failed) = (0, None);
        for (task, live) in self.shared.ownership.live() {
            let waits = self.waiting.iter().any(|waiting| waiting.task == task);
            let local = self.shared.store.positions(task)?;
            // A task that is behind N applies in silence what somebody else has published.
            if waits || local.is_none_or(|local| local.applied < live.published) {
                continue;
            }
            match self.write_task(task) {
                Ok((name, hidden)) => {
                    self.shared.failpoints.hit(Point::CheckpointWritten)?;
                    self.waiting.push(Waiting { task, epoch: live.epoch, name, hidden });
                    written += 1;
                }
                Err(ProcessorError::Checkpoint(error)) if !error.is_passing() => drop(failed.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(written), |error| Err(error.into()))
    }

    fn write_task(&self, task: TaskId) -> Result<(Name, Box<dyn Hidden>), ProcessorError> {
        let place = &*self.place;
        let folder = Folder::of(&self.shared.settings.group, task);
        if let Err(error) = place.sweep(&folder) {
            tracing::warn!(%place, %folder, %error, "checkpoints that were never finished could not be removed");
        }
        let copy = self.shared.store.copy(task);
        let name = folder.name(copy.applied()?);
        let mut hidden = place.begin(&name).map_err(CheckpointError::of(place, &name))?;
        let written = file::write(&copy, task, name.at, &mut hidden);
        let sealed = written
            .and_then(|written| Ok(written.and_then(|()| hidden.seal()).map_err(CheckpointError::of(place, &name))?));
        if let Err(error) = sealed {
            // What is left is swept away the next time.
            drop(hidden.discard());
            return Err(error);
        }
        Ok((name, hidden))
    }

    /// Shows what may be seen by now, and forgets what an earlier owner left.
    pub fn show(&mut self) -> Result<usize, ProcessorError> {
        let live = self.shared.ownership.live();
        let mut shown = 0;
        let mut outcome = Ok(());
        for waiting in std::mem::take(&mut self.waiting) {
            match live.get(&waiting.task) {
                Some(live) if live.epoch == waiting.epoch && live.published < waiting.name.at => {
                    self.waiting.push(waiting);
                }
                Some(live) if live.epoch == waiting.epoch => match self.show_one(waiting) {
                    Err(ProcessorError::Checkpoint(error)) => outcome = Err(error),
                    done => {
                        done?;
                        shown += 1;
                    }
                },
                // What is left is swept away by whoever has the task.
                _ => drop(waiting.hidden.discard()),
            }
        }
        outcome.map(|()| shown).map_err(Into::into)
    }

    fn show_one(&self, waiting: Waiting) -> Result<(), ProcessorError> {
        let Waiting { task, name, hidden, .. } = waiting;
        let place = &*self.place;
        match hidden.show() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(%place, %name, "a checkpoint was removed before it could be seen; another processor writes of this task");
                return Ok(());
            }
            shown => shown.map_err(CheckpointError::of(place, &name))?,
        }
        let all = place.shown(&name.folder).map_err(CheckpointError::of(place, &name.folder))?;
        self.shared.figures.see(task, |seen| seen.checkpoint = all.last().copied());
        self.shared.failpoints.hit(Point::CheckpointVisible)?;
        for older in &all[..all.len().saturating_sub(KEPT)] {
            let name = name.folder.name(older.at);
            place.remove(&name).map_err(CheckpointError::of(place, &name))?;
        }
        Ok(())
    }
}

/// Puts the newest usable checkpoint between the beginning of the input and N into the store, which has nothing of the
/// task. Answers S.
pub(crate) fn restore(
    shared: &Shared,
    task: TaskId,
    earliest: Offset,
    committed: Offset,
) -> Result<Option<Offset>, ProcessorError> {
    let Some(place) = shared.checkpoints.as_deref() else { return Ok(None) };
    let folder = Folder::of(&shared.settings.group, task);
    let shown = place.shown(&folder).map_err(CheckpointError::of(place, &folder))?;
    for found in shown.into_iter().rev().filter(|found| (earliest..=committed).contains(&found.at)) {
        let name = folder.name(found.at);
        let from = place.open(&name, found.bytes).map_err(CheckpointError::of(place, &name))?;
        let described = format!("{place}/{name}");
        let mut begun = || shared.failpoints.hit(Point::RestoreBegun);
        match file::load(&described, from, &shared.store, task, found.at, &mut begun) {
            Err(ProcessorError::Checkpoint(
                error @ (CheckpointError::Foreign { .. } | CheckpointError::Damaged { .. }),
            )) => {
                tracing::error!(%error, "a checkpoint cannot be used; trying the one before it");
                shared.store.wipe(task)?;
            }
            loaded => {
                loaded?;
                shared.failpoints.hit(Point::Restored)?;
                return Ok(Some(found.at));
            }
        }
    }
    Ok(None)
}

/// The newest that can be seen, whether or not it can be used.
pub(crate) fn newest(shared: &Shared, task: TaskId) -> Result<Option<metrics::Checkpoint>, CheckpointError> {
    let Some(place) = shared.checkpoints.as_deref() else { return Ok(None) };
    let folder = Folder::of(&shared.settings.group, task);
    Ok(place.shown(&folder).map_err(CheckpointError::of(place, &folder))?.pop())
}
