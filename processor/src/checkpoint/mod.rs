//! Copies of a task's state outside of its process, for whoever goes on with the partition elsewhere or after a lost disk.
//!
//! Invariant: a checkpoint at S holds the state after all records below S and is visible only once rows of all those records
//! are (N ≥ S): whoever restores it applies the input from S and repeats nothing. It is written under another name, and
//! renamed when it may be seen; its digest is verified before anything of it is used.
//!
//! Absent on purpose: the outbox. Rows of records below S are visible, rows of later ones come out of applying them again.

mod file;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bus::Offset;

use crate::ProcessorError;
use crate::failpoint::Point;
use crate::metrics;
use crate::ownership::Epoch;
use crate::shared::Shared;
use crate::store::VERSION;
use crate::task::TaskId;

pub use file::CheckpointError;

/// Visible checkpoints of a task; older ones are removed.
const KEPT: usize = 2;
const SUFFIX: &str = "checkpoint";

/// Writes checkpoints, and shows them when they may be seen.
#[derive(Debug)]
pub struct Checkpointer {
    shared: Arc<Shared>,
    dir: PathBuf,
    /// At most one of each task.
    hidden: Vec<Hidden>,
}

#[derive(Debug)]
struct Hidden {
    task: TaskId,
    epoch: Epoch,
    at: Offset,
    path: PathBuf,
}

impl Checkpointer {
    pub(crate) fn new(shared: Arc<Shared>, dir: PathBuf) -> Self {
        Self { shared, dir, hidden: Vec::new() }
    }

    pub fn every(&self) -> Duration {
        self.shared.settings.checkpoint_every
    }

    /// Writes a checkpoint of every task that runs and has none waiting to be seen.
    pub fn write(&mut self) -> Result<usize, ProcessorError> {
        let mut written = 0;
        for (task, live) in self.shared.ownership.live() {
            let waits = self.hidden.iter().any(|hidden| hidden.task == task);
            let local = self.shared.store.positions(task)?;
            // A task that is behind N applies in silence what somebody else has published.
            if waits || local.is_none_or(|local| local.applied < live.published) {
                continue;
            }
            let folder = folder(&self.dir, &self.shared.settings.group, task);
            let (at, path) = file::write(&self.shared.store, task, &folder)?;
            self.shared.failpoints.hit(Point::CheckpointWritten)?;
            self.hidden.push(Hidden { task, epoch: live.epoch, at, path });
            written += 1;
        }
        Ok(written)
    }

    /// Shows what may be seen by now, and forgets what an earlier owner left.
    pub fn show(&mut self) -> Result<usize, ProcessorError> {
        let live = self.shared.ownership.live();
        let mut shown = 0;
        for hidden in std::mem::take(&mut self.hidden) {
            match live.get(&hidden.task) {
                Some(live) if live.epoch == hidden.epoch && live.published < hidden.at => self.hidden.push(hidden),
                Some(live) if live.epoch == hidden.epoch => {
                    let folder = folder(&self.dir, &self.shared.settings.group, hidden.task);
                    let visible = folder.join(name(hidden.at));
                    file::show(&hidden.path, &visible)?;
                    let newest = file::figures(&visible, hidden.at)?;
                    self.shared.figures.see(hidden.task, |seen| seen.checkpoint = Some(newest));
                    self.shared.failpoints.hit(Point::CheckpointVisible)?;
                    remove_older(&folder)?;
                    shown += 1;
                }
                _ => file::remove(&hidden.path)?,
            }
        }
        Ok(shown)
    }
}

/// Puts the newest usable checkpoint between the beginning of the input and N into the store, which has nothing of the
/// task. Answers S.
pub(crate) fn restore(
    shared: &Shared,
    dir: &Path,
    task: TaskId,
    earliest: Offset,
    committed: Offset,
) -> Result<Option<Offset>, ProcessorError> {
    let folder = folder(dir, &shared.settings.group, task);
    for (at, path) in visible(&folder)?.into_iter().rev() {
        if at < earliest || at > committed {
            continue;
        }
        match file::verify(&path, task, at, VERSION) {
            Ok(()) => {}
            Err(error @ CheckpointError::Io { .. }) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "a checkpoint cannot be used; trying the one before it");
                continue;
            }
        }
        file::load(&path, &shared.store, task, &mut || shared.failpoints.hit(Point::RestoreBegun))?;
        shared.failpoints.hit(Point::Restored)?;
        return Ok(Some(at));
    }
    Ok(None)
}

/// The newest that can be seen, whether or not it can be used.
pub(crate) fn newest(dir: &Path, group: &str, task: TaskId) -> Result<Option<metrics::Checkpoint>, CheckpointError> {
    let newest = visible(&folder(dir, group, task))?.pop();
    newest.map(|(at, path)| file::figures(&path, at)).transpose()
}

fn folder(dir: &Path, group: &str, task: TaskId) -> PathBuf {
    dir.join(group).join(format!("{}-{}", task.stage.topic(), task.partition))
}

/// Sorted by name is sorted by offset.
fn name(at: Offset) -> String {
    format!("{:020}.{SUFFIX}", at.0)
}

/// Ascending by offset.
fn visible(folder: &Path) -> Result<Vec<(Offset, PathBuf)>, CheckpointError> {
    let offset_of = |path: &Path| -> Option<Offset> {
        let stem = path.file_stem()?.to_str()?;
        (path.extension()? == SUFFIX).then(|| stem.parse().ok().map(Offset))?
    };
    let mut found: Vec<_> =
        file::list(folder)?.into_iter().filter_map(|path| Some((offset_of(&path)?, path))).collect();
    found.sort();
    Ok(found)
}

fn remove_older(folder: &Path) -> Result<(), CheckpointError> {
    let visible = visible(folder)?;
    let older = visible.len().saturating_sub(KEPT);
    visible[..older].iter().try_for_each(|(_, path)| file::remove(path))
}
