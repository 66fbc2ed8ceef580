//! The steps of the protocol, each with a name at which a test can end the process.
//!
//! Compiled always, armed by nobody but tests: what is tested is what runs. `docs/guarantees.md` lists the points and their
//! tests; a test compares.

use std::fmt;
use std::sync::Arc;

/// A moment between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Records were taken from the log, nothing was applied.
    BatchPolled,
    /// They were applied in memory, nothing was written.
    BatchApplied,
    /// State, L and outbox rows were written.
    BatchWritten,
    /// Rows, X and epochs were taken from the store, nothing was sent.
    RowsTaken,
    /// Rows were handed to the log, offsets were not.
    OwnershipChecked,
    /// The publication was decided, the outbox still has its rows.
    PublicationAnswered,
    /// The rows were deleted and N was noted.
    RowsDeleted,
    /// A new publisher was made after one was spent, N was not read yet.
    PublisherReplaced,
    /// A partition was assigned and N was read, nothing was done about it.
    PositionsRead,
    /// Some of a checkpoint's rows were written.
    RestoreBegun,
    /// The state is the checkpoint's.
    Restored,
    /// Rows below N were dropped; the partition was not accepted.
    RowsDropped,
    /// The partition was accepted; nothing flows.
    Accepted,
    /// A partition is to be given back: the epoch grew, it was not released.
    Revoked,
    /// A partition was lost: the epoch grew, a running publication was not waited for, the partition was not released.
    Lost,
    /// A checkpoint was written, nobody can see it.
    CheckpointWritten,
    /// It is visible, older ones were not removed.
    CheckpointVisible,
}

/// What a test does at each point; by default nothing.
#[derive(Clone, Default)]
pub struct Failpoints(Option<Arc<Action>>);

type Action = dyn Fn(Point) -> Result<(), Stopped> + Send + Sync;

/// A test ended the process here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped by a test at the point `{0}`")]
pub struct Stopped(pub Point);

impl Point {
    pub const ALL: [Self; 17] = [
        Self::BatchPolled,
        Self::BatchApplied,
        Self::BatchWritten,
        Self::RowsTaken,
        Self::OwnershipChecked,
        Self::PublicationAnswered,
        Self::RowsDeleted,
        Self::PublisherReplaced,
        Self::PositionsRead,
        Self::RestoreBegun,
        Self::Restored,
        Self::RowsDropped,
        Self::Accepted,
        Self::Revoked,
        Self::Lost,
        Self::CheckpointWritten,
        Self::CheckpointVisible,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::BatchPolled => "batch-polled",
            Self::BatchApplied => "batch-applied",
            Self::BatchWritten => "batch-written",
            Self::RowsTaken => "rows-taken",
            Self::OwnershipChecked => "ownership-checked",
            Self::PublicationAnswered => "publication-answered",
            Self::RowsDeleted => "rows-deleted",
            Self::PublisherReplaced => "publisher-replaced",
            Self::PositionsRead => "positions-read",
            Self::RestoreBegun => "restore-begun",
            Self::Restored => "restored",
            Self::RowsDropped => "rows-dropped",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Lost => "lost",
            Self::CheckpointWritten => "checkpoint-written",
            Self::CheckpointVisible => "checkpoint-visible",
        }
    }
}

impl Failpoints {
    pub fn new(action: impl Fn(Point) -> Result<(), Stopped> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(action)))
    }

    pub fn hit(&self, point: Point) -> Result<(), Stopped> {
        self.0.as_ref().map_or(Ok(()), |action| action(point))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Failpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Failpoints(armed)" } else { "Failpoints" })
    }
}
