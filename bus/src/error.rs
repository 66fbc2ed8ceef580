//! What can go wrong with a log, in the words of whoever has to act on it.
//!
//! Invariant: every message says what and where, what was expected and found, and the next step.
//! Absent on purpose: retries. What is worth trying again is decided by the caller, from the variant.

use std::path::PathBuf;
use std::time::Duration;

use contracts::failure::Status;

use crate::{Offset, Partition};

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    #[error("topic `{topic}` does not exist; `tripline topology apply` makes the topics of a topology")]
    UnknownTopic { topic: String },

    #[error("topic `{topic}` exists already")]
    TopicExists { topic: String },

    #[error("`{name}` cannot be the name of a topic: 1 to 249 letters, digits, `.`, `_`, `-`, and not `.` or `..`")]
    TopicName { name: String },

    #[error("a record without a key for `{topic}`, which keeps the newest record of each key; give it one")]
    KeyMissing { topic: String },

    #[error("{partition} does not exist; the topic has {partitions} partitions, 0 to {last}", last = partitions.saturating_sub(1))]
    UnknownPartition { partition: Partition, partitions: u32 },

    #[error(
        "topic `{topic}` has {found} partitions and {declared} are declared, but state hangs on the number: \
         declare {found}, or make a new topic with {declared} and replay into it"
    )]
    PartitionsFixed { topic: String, declared: u32, found: u32 },

    #[error("{partition}: offset {wanted} is gone, the earliest kept is {earliest}; retention removed what is between")]
    OffsetGone { partition: Partition, wanted: Offset, earliest: Offset },

    #[error(
        "{partition}: offset {wanted} is beyond the end {end}: the log was cut, or this position is of another log"
    )]
    OffsetBeyondEnd { partition: Partition, wanted: Offset, end: Offset },

    #[error(
        "a record of {size} bytes for `{topic}` is larger than the {max} bytes a topic takes; send it in parts or leave its largest field out"
    )]
    TooLarge { topic: String, size: usize, max: usize },

    #[error(
        "no room in the send buffer for {waited:?}: the log takes rows more slowly than they come; it may be unreachable"
    )]
    BufferFull { waited: Duration },

    #[error("not acknowledged within {waited:?}; whether the log has it is not known")]
    NotAcknowledged { waited: Duration },

    #[error("cannot reach {target}: {reason}; is it running, and is the address right?")]
    Unreachable { target: String, reason: String },

    #[error(
        "{target} refused these credentials: {reason}; check user, secret file, certificate and what the account may do"
    )]
    Denied { target: String, reason: String },

    #[error("`{instance}` was fenced: {reason}; another process runs under this name, or the group went on without it")]
    Fenced { instance: String, reason: String },

    #[error(
        "this publisher is spent: its last publication was not committed; make a new one and read the committed offsets"
    )]
    Spent,

    #[error("`{name}` cannot be the name of a group: 1 to 249 bytes")]
    GroupName { name: String },

    #[error(
        "{partition} is not assigned to this member of `{group}`; accept it first, and leave it alone once it is released"
    )]
    NotAssigned { partition: Partition, group: String },

    #[error("this membership is of another log than the publisher; publish with a member of the same log")]
    ForeignMembership,

    #[error("`{name}` cannot be the name of an instance: 1 to 200 letters, digits, `.`, `_`, `-`")]
    InstanceName { name: String },

    #[error("{path} is held by {holder}; stop it, or name another directory with --dir")]
    Held { path: PathBuf, holder: String },

    #[error("{path}: {what} is damaged: {reason}. {rescue}")]
    Damaged { path: PathBuf, what: String, reason: String, rescue: String },

    #[error(
        "{path} is a log of layout {found}, this program reads layout {expected}; use the release that wrote it, or a new directory"
    )]
    LogVersion { path: PathBuf, expected: u32, found: u32 },

    #[error("cannot start the thread `{name}`: {reason}; the system may be out of threads or memory")]
    Thread { name: &'static str, reason: String },

    #[error("cannot write to {path}: {reason}; nothing of this call was kept")]
    NotWritable { path: PathBuf, reason: String },

    #[error("cannot read {path}: {reason}")]
    NotReadable { path: PathBuf, reason: String },

    #[error(
        "{path}: no space left; nothing of this call was kept. Free some, or shorten the retention of the largest topics"
    )]
    DiskFull { path: PathBuf },

    #[error("the log answered what it may not: {what} ({reason})")]
    Protocol { what: &'static str, reason: String },

    /// An error of the process that owns the log, in that process's own words.
    #[error("{message}")]
    Relayed { kind: ErrorKind, message: String },
}

/// What sort of failure it is: what another process, an HTTP status or an exit status can say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was named does not exist.
    Unknown,
    /// It is there already, is of another shape, or somebody newer took over.
    Conflict,
    /// The number of partitions cannot change in place.
    Fixed,
    /// Retention removed it.
    Gone,
    Invalid,
    TooLarge,
    /// Not reachable, not yet or not any more; whether a row was taken may be unknown.
    Unavailable,
    Denied,
    /// The disk, or what is on it.
    Storage,
    Protocol,
}

impl ErrorKind {
    const NAMES: [(Self, &'static str); 10] = [
        (Self::Unknown, "unknown"),
        (Self::Conflict, "conflict"),
        (Self::Fixed, "fixed"),
        (Self::Gone, "gone"),
        (Self::Invalid, "invalid"),
        (Self::TooLarge, "too_large"),
        (Self::Unavailable, "unavailable"),
        (Self::Denied, "denied"),
        (Self::Storage, "storage"),
        (Self::Protocol, "protocol"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).expect("invariant: every kind has a name").1
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl BusError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownTopic { .. } | Self::UnknownPartition { .. } => ErrorKind::Unknown,
            Self::TopicExists { .. } | Self::Fenced { .. } | Self::Spent | Self::NotAssigned { .. } => {
                ErrorKind::Conflict
            }
            Self::PartitionsFixed { .. } => ErrorKind::Fixed,
            Self::OffsetGone { .. } => ErrorKind::Gone,
            Self::OffsetBeyondEnd { .. }
            | Self::InstanceName { .. }
            | Self::GroupName { .. }
            | Self::ForeignMembership
            | Self::TopicName { .. }
            | Self::KeyMissing { .. } => ErrorKind::Invalid,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::BufferFull { .. }
            | Self::NotAcknowledged { .. }
            | Self::Unreachable { .. }
            | Self::Held { .. }
            | Self::Thread { .. } => ErrorKind::Unavailable,
            Self::Denied { .. } => ErrorKind::Denied,
            Self::Damaged { .. }
            | Self::LogVersion { .. }
            | Self::NotReadable { .. }
            | Self::NotWritable { .. }
            | Self::DiskFull { .. } => ErrorKind::Storage,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::Relayed { kind, .. } => *kind,
        }
    }

    /// What a program ends with that ends by this.
    pub fn status(&self) -> Status {
        match self.kind() {
            ErrorKind::Unavailable => Status::CannotReach,
            ErrorKind::Denied | ErrorKind::Fixed => Status::Refused,
            ErrorKind::Unknown
            | ErrorKind::Conflict
            | ErrorKind::Gone
            | ErrorKind::Invalid
            | ErrorKind::TooLarge
            | ErrorKind::Storage
            | ErrorKind::Protocol => Status::CheckFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts are written against these; docs/cli.md names them.
    #[test]
    fn what_failed_has_the_exit_status_that_the_manual_gives_it() {
        let (path, reason) = (PathBuf::from("/data"), "as told".to_owned());
        let holder = "process 7".to_owned();
        let cases = [
            (BusError::Unreachable { target: "kafka:9092".to_owned(), reason: reason.clone() }, Status::CannotReach),
            (BusError::NotAcknowledged { waited: Duration::from_secs(1) }, Status::CannotReach),
            (BusError::Held { path: path.clone(), holder }, Status::CannotReach),
            (BusError::Denied { target: "kafka:9092".to_owned(), reason: reason.clone() }, Status::Refused),
            (BusError::PartitionsFixed { topic: "alerts.v1".to_owned(), declared: 4, found: 2 }, Status::Refused),
            (BusError::UnknownTopic { topic: "alerts.v1".to_owned() }, Status::CheckFailed),
            (BusError::DiskFull { path }, Status::CheckFailed),
            // Whoever owns the log said so; that it was asked over a socket changes nothing.
            (BusError::Relayed { kind: ErrorKind::Fixed, message: reason.clone() }, Status::Refused),
            (BusError::Relayed { kind: ErrorKind::Unavailable, message: reason }, Status::CannotReach),
        ];
        for (error, expected) in cases {
            assert_eq!(error.status(), expected, "{error}");
        }
    }
}
