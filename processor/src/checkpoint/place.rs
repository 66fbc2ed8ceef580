//! Where checkpoints lie, as far as a checkpoint need know.
//!
//! Invariant: a checkpoint that was begun is seen by nobody until it is shown, and then as a whole. One that is never shown,
//! because its process ended, is an orphan until the next of its task is begun.
//!
//! Absent on purpose: errors of their own. A place is read and written through `Read` and `Write`, whose errors are
//! [`io::Error`]; [`io::ErrorKind::NotConnected`] says that it could not be reached, and [`io::ErrorKind::NotFound`] that what
//! was asked for is not there.

use std::fmt::{self, Debug, Display};
use std::io::{self, Read, Write};

use bus::Offset;

use crate::metrics;
use crate::task::TaskId;

/// Shown as people would write it.
pub(crate) trait Place: Send + Sync + Debug + Display {
    /// Removes the orphans of a task, of which nothing is being written.
    fn sweep(&self, folder: &Folder) -> io::Result<()>;

    fn begin(&self, name: &Name) -> io::Result<Box<dyn Hidden>>;

    /// What was shown, ascending by offset.
    fn shown(&self, folder: &Folder) -> io::Result<Vec<metrics::Checkpoint>>;

    fn open(&self, name: &Name, bytes: u64) -> io::Result<Box<dyn Read>>;

    /// One that is not there is removed.
    fn remove(&self, name: &Name) -> io::Result<()>;
}

/// A checkpoint that is written, or was and waits to be seen.
pub(crate) trait Hidden: Write + Send + Debug {
    /// All was written; it survives a loss of power.
    fn seal(&mut self) -> io::Result<()>;

    fn show(self: Box<Self>) -> io::Result<()>;

    fn discard(self: Box<Self>) -> io::Result<()>;
}

/// What lies together: the checkpoints of a task. `<group>/<topic>-<partition>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder(String);

/// `<folder>/<offset>.checkpoint`, with as many digits as an offset can have: sorted by name is sorted by offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub folder: Folder,
    pub at: Offset,
}

const SUFFIX: &str = ".checkpoint";

impl Folder {
    pub fn of(group: &str, task: TaskId) -> Self {
        Self(format!("{group}/{}-{}", task.stage.topic(), task.partition))
    }

    pub fn name(&self, at: Offset) -> Name {
        Name { folder: self.clone(), at }
    }

    /// The offset in a name without its folder, if it is one of ours.
    pub fn offset_in(file_name: &str) -> Option<Offset> {
        file_name.strip_suffix(SUFFIX)?.parse().ok().map(Offset)
    }
}

impl Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:020}{SUFFIX}", self.folder, self.at.0)
    }
}
