//! One checkpoint as a run of bytes.
//!
//! The mark `TLCP` and the format, the state's version, the task (stage, partition) and S; then rows, each as the lengths of
//! its key and value and both; then a length of key of all ones, the number of rows and the SHA-256 of everything before it.
//! Numbers stand least byte first.

use std::io::{self, Read, Write};

use bus::Offset;
use sha2::{Digest, Sha256};

use super::CheckpointError;
use crate::ProcessorError;
use crate::failpoint::Stopped;
use crate::store::{CopiedRow, Copy, Store, VERSION};
use crate::task::TaskId;

const MARK: [u8; 4] = *b"TLCP";
const FORMAT: u32 = 1;
const END: u32 = u32::MAX;
/// No key and no value of state comes near; a damaged length must not ask for all memory.
const PIECE_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// Writes the state of a task as it was when it was copied. The inner error is of what is written to.
pub(super) fn write(
    copy: &Copy<'_>,
    task: TaskId,
    at: Offset,
    out: &mut dyn Write,
) -> Result<io::Result<()>, ProcessorError> {
    let mut out = Hashing { inner: out, digest: Sha256::new() };
    let mut head = Vec::new();
    head.extend_from_slice(&MARK);
    for number in [FORMAT, VERSION, task.stage as u32, task.partition] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    head.extend_from_slice(&at.0.to_le_bytes());
    if let Err(error) = out.write_all(&head) {
        return Ok(Err(error));
    }
    let mut rows = 0_u64;
    let copied = copy.rows(&mut |key, value| {
        rows += 1;
        out.write_all(&length(key))?;
        out.write_all(&length(value))?;
        out.write_all(key)?;
        out.write_all(value)
    })?;
    Ok(copied.and_then(|()| {
        out.write_all(&END.to_le_bytes())?;
        out.write_all(&rows.to_le_bytes())?;
        out.finish()
    }))
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

impl<W: Write> Hashing<W> {
    fn finish(mut self) -> io::Result<()> {
        self.inner.write_all(&self.digest.finalize())
    }
}

/// Puts a checkpoint into the store: its rows first, and last its position, without which they do not count. The position is
/// written only if all of it was read and is what its digest says. `name` is for errors.
pub(super) fn load(
    name: &str,
    from: Box<dyn Read>,
    store: &Store,
    task: TaskId,
    at: Offset,
    begun: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<(), ProcessorError> {
    let mut from = Opened { name, from, digest: Sha256::new() };
    from.head()?.check(name, task, at)?;
    let mut paste = store.paste(task);
    begun()?;
    let mut rows = 0;
    while let Some((key, value)) = from.row()? {
        paste.row(&key, &value)?;
        rows += 1;
    }
    from.end(rows)?;
    Ok(paste.finish(at)?)
}

struct Head {
    format: u32,
    version: u32,
    stage: u32,
    partition: u32,
    at: u64,
}

impl Head {
    fn check(&self, name: &str, task: TaskId, at: Offset) -> Result<(), CheckpointError> {
        let pairs = [
            ("the format", u64::from(FORMAT), u64::from(self.format)),
            ("the state version", u64::from(VERSION), u64::from(self.version)),
            ("the stage", task.stage as u64, u64::from(self.stage)),
            ("the partition", u64::from(task.partition), u64::from(self.partition)),
            ("the offset", at.0, self.at),
        ];
        match pairs.into_iter().find(|(_, expected, found)| expected != found) {
            None => Ok(()),
            Some((what, expected, found)) => {
                Err(CheckpointError::Foreign { name: name.to_owned(), task, at, what, expected, found })
            }
        }
    }
}

struct Opened<'n> {
    name: &'n str,
    from: Box<dyn Read>,
    digest: Sha256,
}

impl Opened<'_> {
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
            _ => CheckpointError::Io { name: self.name.to_owned(), source },
        })?;
        self.digest.update(&*bytes);
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> CheckpointError {
        CheckpointError::Damaged { name: self.name.to_owned(), what }
    }
}
