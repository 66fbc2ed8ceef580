//! Why a processor ends.

use bus::{BusError, ErrorKind, Offset, Partition};

use crate::checkpoint::CheckpointError;
use crate::control::ControlError;
use crate::core::CoreError;
use crate::failpoint::Stopped;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    #[error(transparent)]
    Bus(#[from] BusError),

    #[error(transparent)]
    Store(#[from] StoreError),

    #[error(transparent)]
    Core(#[from] CoreError),

    #[error(transparent)]
    Control(#[from] ControlError),

    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),

    #[error(
        "{partition} was worked on up to offset {committed}, but there is no state for it here, no checkpoint, and its input \
         begins at {earliest}: what its windows held cannot be rebuilt. Restore the state directory or a checkpoint; or go on \
         without that state: --accept-state-loss"
    )]
    StateMissing { partition: Partition, committed: Offset, earliest: Offset },

    #[error(
        "{partition} was worked on up to offset {applied}, and its input begins at {earliest} now: what lay between was removed before \
         anybody looked at it. Let the topic keep more than comes while processors are down; to go on without it: \
         --accept-state-loss"
    )]
    InputGone { partition: Partition, applied: Offset, earliest: Offset },

    #[error(
        "{partition}: the group `{group}` has committed {}, but this state knows that {known} was committed: it is the state \
         of another log or group, or the topic was deleted, or the group's offsets were reset. Name the right group, or make the \
         topic anew and start with an empty state directory", committed.map_or_else(|| "nothing".to_owned(), |offset| offset.to_string())
    )]
    PositionsFell { partition: Partition, group: String, committed: Option<Offset>, known: Offset },

    #[error("{partition} is not an input of a processor; join for {} only", crate::task::Stage::topics().join(", "))]
    ForeignPartition { partition: Partition },

    #[error(
        "{partition}: expected a record at offset {expected} or after it, found {found}: the log went back. If \
         the topic was made anew, start with an empty state directory"
    )]
    WentBack { partition: Partition, expected: Offset, found: Offset },

    #[error(
        "fenced {count} times in a row: {source}. Another process seems to run under this instance's name; give each its own"
    )]
    Fenced { count: u32, source: BusError },

    /// The group has another member of this name; this one is out of it for good.
    #[error(transparent)]
    Displaced(BusError),

    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ProcessorError {
    /// Whether the same step may succeed in a moment: something outside could not be reached.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Bus(error) => error.kind() == ErrorKind::Unavailable,
            Self::Core(CoreError::SchemaUnavailable { .. }) => true,
            Self::Checkpoint(error) => error.is_passing(),
            Self::Control(error) | Self::Core(CoreError::Control { source: error, .. }) => error.is_passing(),
            _ => false,
        }
    }
}
