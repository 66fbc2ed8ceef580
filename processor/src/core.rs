//! What a task runs: from one record to rows and changes of state.
//!
//! Invariant asked of every core: the same records in the same order, the same rows and the same state, byte for byte, however
//! they were cut into batches. All the protocol promises rests on it: what is applied again must come out again.

use std::fmt::Debug;
use std::sync::Arc;

use bus::Record;
use contracts::canonical::Digest;
use detection::risk::NewerLayout;
use detection::view::View;

use crate::control::{Control, ControlError};
use crate::outbox::{RowTooLarge, Rows};
use crate::store::StoreError;
use crate::store::TaskState;
use crate::task::TaskId;

/// Of one task. What it keeps in memory must follow from the state alone: after a batch that failed it is made anew.
pub trait Core: Send + Debug {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError>;

    /// What is in force; `None` for tasks that take no commands.
    fn standing(&self) -> Option<Standing> {
        None
    }
}

/// What people's commands came to in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The place on the control topic of the last command in force, -1 before the first.
    pub passed: i64,
    /// The rule set it runs by.
    pub rule_set: Digest,
}

/// Makes the core of a task from the state the task has.
pub trait Cores: Send + Sync + Debug {
    fn core(&self, task: TaskId, state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError>;

    /// Where the commands come from that its cores take, if they take any.
    fn control(&self) -> Option<&Arc<Control>> {
        None
    }
}

/// Why a record could not be applied. What is wrong with the record itself is none: that is a dead letter, and a row.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// Nothing may be concluded about the record: it is tried again.
    #[error("{task}: the schema of the record at offset {offset} could not be looked up: {reason}; trying again")]
    SchemaUnavailable { task: TaskId, offset: bus::Offset, reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{task}: {source}")]
    Control { task: TaskId, source: ControlError },
    #[error(
        "{task}: the rule set {digest} that it ran by is refused by this release: {problems}. Run the release that took it, or \
         swap in a corrected set there first"
    )]
    SetRefused { task: TaskId, digest: Digest, problems: String },
    #[error("{task}: {source}")]
    NewerRiskState { task: TaskId, source: NewerLayout },
    /// A core that makes rows no topic takes has a mistake: what can grow is checked before.
    #[error("{task}: a row that follows from the record at offset {offset}: {source}")]
    Row { task: TaskId, offset: bus::Offset, source: RowTooLarge },
}
