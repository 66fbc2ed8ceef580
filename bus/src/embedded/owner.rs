//! One process owns a log's directory, and says who it is.
//!
//! Invariant: whoever holds the operating system's lock on the file `owner` is the owner. What is written in the file is
//! for people: a dead owner's note stays behind and hinders nobody, because its lock died with it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use contracts::time::Timestamp;

use crate::{BusError, Result};

const FILE: &str = "owner";
/// A note longer than this is none of ours.
const NOTE_BYTES_MAX: u64 = 4096;

/// Holds the directory as long as it lives.
#[derive(Debug)]
pub(super) struct Owner {
    locked: File,
}

/// Closing the file is not enough: a process that another thread is just starting has a copy of it until it becomes what
/// it is to be, and a copy keeps the lock.
impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = self.locked.unlock() {
            tracing::warn!(%error, "the lock of a log was not released; it goes with this process");
        }
    }
}

pub(super) fn own(dir: &Path, now: Timestamp) -> Result<Owner> {
    let path = dir.join(FILE);
    let not_writable = |error: std::io::Error| BusError::NotWritable { path: path.clone(), reason: error.to_string() };
    std::fs::create_dir_all(dir).map_err(not_writable)?;
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(not_writable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(dir.to_owned(), &file)),
        Err(TryLockError::Error(error)) => return Err(not_writable(error)),
    }
    write_note(&mut file, &note(now)).map_err(|error| {
        if error.kind() == std::io::ErrorKind::StorageFull {
            BusError::DiskFull { path: path.clone() }
        } else {
            not_writable(error)
        }
    })?;
    Ok(Owner { locked: file })
}

fn note(now: Timestamp) -> String {
    let command: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    format!("process {} (`{}`) since {now}", std::process::id(), command.join(" "))
}

fn write_note(file: &mut File, note: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{note}")
}

fn held(path: PathBuf, file: &File) -> BusError {
    let mut note = String::new();
    let read = file.take(NOTE_BYTES_MAX).read_to_string(&mut note);
    let holder = match (read, note.trim()) {
        (Ok(_), "") => "a process that is just starting".to_owned(),
        (Ok(_), note) => note.to_owned(),
        (Err(error), _) => format!("a process whose note cannot be read ({error})"),
    };
    BusError::Held { path, holder }
}
