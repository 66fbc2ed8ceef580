//! How a command can end that is not carried out, or of which that is not known.

use std::fmt;
use std::time::Duration;

use bus::{BusError, Offset, Partition};
use contracts::codec::EncodeError;
use contracts::id::CommandId;

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Nothing was written, or that is not known ([`BusError::NotAcknowledged`]).
    #[error(transparent)]
    Log(#[from] BusError),
    #[error("the command cannot be written: {0}")]
    Encoding(#[from] EncodeError),
    #[error("refused{}: {reason}", about(subject, *by, *of))]
    Refused {
        command_id: CommandId,
        subject: String,
        reason: String,
        /// So many of `of` tasks that answered.
        by: usize,
        of: usize,
    },
    #[error(
        "{missing} did not answer within {waited:?}; no processor seems to run. The command {command_id} stands at offset \
         {offset} of control.v1 and stays valid: it is carried out once one does. `tripline up` runs one"
    )]
    Unanswered { command_id: CommandId, offset: Offset, missing: Missing, waited: Duration },
    #[error(
        "no processor runs on this log. The command {command_id} stands at offset {offset} of control.v1 and stays valid: it is \
         carried out once one does. `tripline up` runs one"
    )]
    Left { command_id: CommandId, offset: Offset },
    #[error(
        "the command {command_id} stands at offset {offset} of control.v1 and stays valid, but its answer cannot be read: {source}"
    )]
    Deaf { command_id: CommandId, offset: Offset, source: Box<BusError> },
}

/// Who has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    Nobody,
    /// The one task that owns what the command is about.
    Owner,
    Tasks {
        missing: Vec<Partition>,
        of: usize,
    },
}

/// Partitions named in a message; the rest is counted.
const NAMED_MAX: usize = 8;

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody"),
            Self::Owner => f.write_str("the processor that owns this"),
            Self::Tasks { missing, of } => {
                write!(f, "{} of {of} tasks (", missing.len())?;
                for (place, task) in missing.iter().take(NAMED_MAX).enumerate() {
                    write!(f, "{}{task}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str(if missing.len() > NAMED_MAX { ", …)" } else { ")" })
            }
        }
    }
}

fn about(subject: &str, by: usize, of: usize) -> String {
    let subject = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
    if of > 1 { format!("{subject} by {by} of {of} tasks") } else { subject }
}
