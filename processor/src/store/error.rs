//! What can be wrong with the store, in the words of whoever has to act on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use detection::view::Unreadable;
use rocksdb::ErrorKind;

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error(
        "{path} is in use: {reason}. Another processor runs on this state; stop it, or give this one a directory of its own"
    )]
    Held { path: PathBuf, reason: String },

    #[error(
        "the state in {path} is damaged: {reason}. Start again: it is set aside, and rebuilt from the newest checkpoint and the log"
    )]
    Damaged { path: PathBuf, reason: String },

    #[error(
        "the state in {path} has version {found}, this release knows versions up to {known}; use the release that wrote it, \
         or move the directory away: it is rebuilt from the newest checkpoint and the log"
    )]
    TooNew { path: PathBuf, found: u32, known: u32 },

    #[error("the state in {path} could not be brought from version {from} to {to} ({name}): {source}")]
    Migration { path: PathBuf, from: u32, to: u32, name: &'static str, source: Box<Self> },

    #[error(
        "{path}: no space left; the batch was not written and nothing of it will be published. Free some and start again"
    )]
    DiskFull { path: PathBuf },

    #[error(
        "{path}: for {waited:?} nothing could be written, because what was written before is still on its way to the disk: it is too \
         slow, or does not answer. See to the disk and start again; nothing is lost"
    )]
    Stalled { path: PathBuf, waited: Duration },

    #[error("cannot read the state in {path}: {reason}; is the disk well, and may this process open enough files?")]
    NotReadable { path: PathBuf, reason: String },

    #[error("cannot write to {path}: {reason}; is the directory there, and may this user write to it?")]
    NotWritable { path: PathBuf, reason: String },

    #[error("{path}, {task}: {source}")]
    Unreadable { path: PathBuf, task: crate::TaskId, source: Unreadable },
}

pub(super) fn opening(path: &Path, error: &rocksdb::Error) -> StoreError {
    let text = error.as_ref();
    // RocksDB tells causes in the text of its errors only.
    if text.contains("lock hold by current process") || text.contains("While lock file") {
        return StoreError::Held { path: path.to_owned(), reason: text.to_owned() };
    }
    match error.kind() {
        ErrorKind::IOError if !text.contains("No such file") => writing(path, error),
        _ => StoreError::Damaged { path: path.to_owned(), reason: text.to_owned() },
    }
}

pub(super) fn reading(path: &Path, error: &rocksdb::Error) -> StoreError {
    let (path, reason) = (path.to_owned(), error.as_ref().to_owned());
    // A file that is gone is damage; one that cannot be opened or read now may be whole.
    match error.kind() {
        ErrorKind::IOError if !reason.contains("No such file") => StoreError::NotReadable { path, reason },
        _ => StoreError::Damaged { path, reason },
    }
}

pub(super) fn writing(path: &Path, error: &rocksdb::Error) -> StoreError {
    let (path, text) = (path.to_owned(), error.as_ref());
    if text.contains("No space left on device") || text.contains("NoSpace") {
        StoreError::DiskFull { path }
    } else if error.kind() == ErrorKind::Corruption {
        StoreError::Damaged { path, reason: text.to_owned() }
    } else {
        StoreError::NotWritable { path, reason: text.to_owned() }
    }
}
