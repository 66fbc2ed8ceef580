//! Secrets and certificates: settings name files, and the files are read here.
//!
//! Invariant: what a secret file holds reaches [`Secret`] and nothing else, errors included.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use contracts::settings::{Reported, Table};

use crate::connection::Secret;

/// The largest secret; what is larger is some other file.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Permission bits of everybody.
const MODE_OTHERS: u32 = 0o007;

#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is not a file")]
    NotAFile,
    #[error("is open to everybody (mode {mode:o}); `chmod o= FILE` closes it")]
    OpenToEverybody { mode: u32 },
    #[error("is empty; it must hold the secret and nothing else")]
    Empty,
    #[error("has more than {SECRET_BYTES_MAX} bytes; it must hold the secret and nothing else")]
    TooLarge,
    #[error("is not UTF-8 text")]
    NotText,
}

/// The secret in the file that the key names.
pub(super) fn secret(table: &Table<'_>, key: &str) -> Result<Option<Secret>, Reported> {
    let Some(path) = table.path(key).optional()? else { return Ok(None) };
    let secret = read_secret(&path).map_err(|error| table.unusable_file(key, &path, error.to_string()))?;
    Ok(Some(secret))
}

/// A file that a library will read later. Opened now, because the library's own error names neither key nor file.
pub(super) fn readable(table: &Table<'_>, key: &str) -> Result<Option<PathBuf>, Reported> {
    usable(table, key, |path| open(path).map(drop))
}

/// The same for a private key, which is a secret that only the library reads.
pub(super) fn private_key(table: &Table<'_>, key: &str) -> Result<Option<PathBuf>, Reported> {
    usable(table, key, |path| open_closed(path).map(drop))
}

fn usable(
    table: &Table<'_>,
    key: &str,
    check: impl FnOnce(&Path) -> Result<(), SecretError>,
) -> Result<Option<PathBuf>, Reported> {
    let Some(path) = table.path(key).optional()? else { return Ok(None) };
    check(&path).map_err(|error| table.unusable_file(key, &path, error.to_string()))?;
    Ok(Some(path))
}

fn read_secret(path: &Path) -> Result<Secret, SecretError> {
    let mut bytes = Vec::new();
    open_closed(path)?.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(SecretError::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText)?;
    // Editors and `echo` end a file with a newline; it is no part of the secret.
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.trim().is_empty() { Err(SecretError::Empty) } else { Ok(Secret::new(text)) }
}

fn open_closed(path: &Path) -> Result<File, SecretError> {
    let file = open(path)?;
    let mode = file.metadata()?.mode();
    if mode & MODE_OTHERS == 0 { Ok(file) } else { Err(SecretError::OpenToEverybody { mode: mode & 0o777 }) }
}

fn open(path: &Path) -> Result<File, SecretError> {
    // Asked before opening, for a pipe would wait for its writer.
    if fs::metadata(path)?.is_file() { Ok(File::open(path)?) } else { Err(SecretError::NotAFile) }
}
