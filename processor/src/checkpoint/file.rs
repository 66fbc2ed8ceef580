//! One checkpoint as a file.
//!
//! The mark `TLCP` and the format, the state's version, the task (stage, partition) and S; then rows, each as the lengths of
//! its key and value and both; then a length of key of all ones, the number of rows and the SHA-256 of everything before it.
//! Numbers stand least byte first.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bus::Offset;
use sha2::{Digest, Sha256};

use crate::ProcessorError;
use crate::failpoint::Stopped;
use crate::metrics;
use crate::store::{CopiedRow, Store, VERSION};
use crate::task::TaskId;

const MARK: [u8; 4] = *b"TLCP";
const FORMAT: u32 = 1;
const END: u32 = u32::MAX;
/// No key and no value of state comes near; a damaged length must not ask for all memory.
const PIECE_BYTES_MAX: u32 = 64 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    #[error("{path}: {source}; is the checkpoint directory there, and may this user use it?")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path} is no checkpoint of {task} at {at} with state version {version}: expected {what} to be {expected}, found {found}"
    )]
    Foreign { path: PathBuf, task: TaskId, at: Offset, version: u32, what: &'static str, expected: u64, found: u64 },
    #[error("{path} is damaged: {what}; remove it")]
    Damaged { path: PathBuf, what: &'static str },
}

/// Writes the state of a task as it is now under a name that nobody looks for. Answers S and the name.
pub(super) fn write(store: &Store, task: TaskId, folder: &Path) -> Result<(Offset, PathBuf), ProcessorError> {
    let copy = store.copy(task);
    let at = copy.applied()?;
    std::fs::create_dir_all(folder).map_err(|source| CheckpointError::Io { path: folder.to_owned(), source })?;
    let path = folder.join(format!("{:020}.part", at.0));
    let failed = |source| CheckpointError::Io { path: path.clone(), source };
    let mut out = Hashing { inner: BufWriter::new(File::create(&path).map_err(failed)?), digest: Sha256::new() };
    let mut head = Vec::new();
    head.extend_from_slice(&MARK);
    for number in [FORMAT, VERSION, task.stage as u32, task.partition] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    head.extend_from_slice(&at.0.to_le_bytes());
    out.write_all(&head).map_err(failed)?;
    let mut rows = 0_u64;
    copy.rows(&mut |key, value| {
        rows += 1;
        out.write_all(&length(key))?;
        out.write_all(&length(value))?;
        out.write_all(key)?;
        out.write_all(value)
    })?
    .map_err(failed)?;
    out.write_all(&END.to_le_bytes()).and_then(|()| out.write_all(&rows.to_le_bytes())).map_err(failed)?;
    out.finish().map_err(failed)?;
    Ok((at, path))
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("invariant: a row of state is far shorter than 4 GiB").to_le_bytes()
}

struct Hashing<W> {
    inner: W,
    digest: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Hashing<BufWriter<File>> {
    fn finish(mut self) -> io::Result<()> {
        self.inner.write_all(&self.digest.finalize())?;
        self.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

pub(super) fn show(hidden: &Path, visible: &Path) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::Io { path: visible.to_owned(), source };
    std::fs::rename(hidden, visible).map_err(failed)?;
    // The name is part of the folder, and survives a loss of power with it.
    let folder = visible.parent().expect("invariant: a checkpoint lies in its task's folder");
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

pub(super) fn figures(path: &Path, at: Offset) -> Result<metrics::Checkpoint, CheckpointError> {
    let found = std::fs::metadata(path).and_then(|found| Ok((found.len(), found.modified()?)));
    let (bytes, written_at) = found.map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
    Ok(metrics::Checkpoint { at, bytes, written_at })
}

pub(super) fn remove(path: &Path) -> Result<(), CheckpointError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// A folder that is not there is empty.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let failed = |source| CheckpointError::Io { path: folder.to_owned(), source };
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect(),
    }
}

/// Reads all of it: whether it is whole, and of this task, place and version.
pub(super) fn verify(path: &Path, task: TaskId, at: Offset, version: u32) -> Result<(), CheckpointError> {
    let mut from = Opened::open(path)?;
    let found = from.head()?;
    let pairs = [
        ("the format", u64::from(FORMAT), u64::from(found.format)),
        ("the state version", u64::from(version), u64::from(found.version)),
        ("the stage", task.stage as u64, u64::from(found.stage)),
        ("the partition", u64::from(task.partition), u64::from(found.partition)),
        ("the offset", at.0, found.at),
    ];
    for (what, expected, found) in pairs {
        if expected != found {
            return Err(CheckpointError::Foreign { path: path.to_owned(), task, at, version, what, expected, found });
        }
    }
    let mut rows = 0;
    while from.row()?.is_some() {
        rows += 1;
    }
    from.end(rows)
}

/// Puts a verified checkpoint into the store: its rows first, and last its position, without which they do not count.
pub(super) fn load(
    path: &Path,
    store: &Store,
    task: TaskId,
    begun: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<(), ProcessorError> {
    let mut from = Opened::open(path)?;
    let at = Offset(from.head()?.at);
    let mut paste = store.paste(task);
    begun()?;
    while let Some((key, value)) = from.row()? {
        paste.row(&key, &value)?;
    }
    Ok(paste.finish(at)?)
}

struct Head {
    format: u32,
    version: u32,
    stage: u32,
    partition: u32,
    at: u64,
}

struct Opened<'p> {
    path: &'p Path,
    from: BufReader<File>,
    digest: Sha256,
}

impl<'p> Opened<'p> {
    fn open(path: &'p Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
        Ok(Self { path, from: BufReader::new(file), digest: Sha256::new() })
    }

    fn head(&mut self) -> Result<Head, CheckpointError> {
        if self.array()? != MARK {
            return Err(self.damaged("it does not begin as a checkpoint"));
        }
        let mut numbers = [0; 4];
        for number in &mut numbers {
            *number = u32::from_le_bytes(self.array()?);
        }
        let [format, version, stage, partition] = numbers;
        Ok(Head { format, version, stage, partition, at: u64::from_le_bytes(self.array()?) })
    }

    fn row(&mut self) -> Result<Option<CopiedRow>, CheckpointError> {
        let key = u32::from_le_bytes(self.array()?);
        if key == END {
            return Ok(None);
        }
        let value = u32::from_le_bytes(self.array()?);
        Ok(Some((self.bytes(key)?, self.bytes(value)?)))
    }

    fn end(&mut self, rows: u64) -> Result<(), CheckpointError> {
        if u64::from_le_bytes(self.array()?) != rows {
            return Err(self.damaged("rows are missing"));
        }
        let expected = self.digest.clone().finalize();
        if self.array::<32>()? != <[u8; 32]>::from(expected) {
            return Err(self.damaged("its digest is of other bytes"));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: u32) -> Result<Vec<u8>, CheckpointError> {
        if length > PIECE_BYTES_MAX {
            return Err(self.damaged("a length is beyond all bounds"));
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), CheckpointError> {
        self.from.read_exact(bytes).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it ends early"),
            _ => CheckpointError::Io { path: self.path.to_owned(), source },
        })?;
        self.digest.update(&*bytes);
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> CheckpointError {
        CheckpointError::Damaged { path: self.path.to_owned(), what }
    }
}
