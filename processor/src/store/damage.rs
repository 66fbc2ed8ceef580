//! A store that is damaged is a cache that was lost: it is set aside, and an empty one takes its place.
//!
//! Invariant: what damage was met while the store ran is on record before the process ends, so that the next one does not run
//! into it again. What is set aside lies in `damaged` inside the directory, which may itself be a mount point, until a later
//! damage takes its place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const ASIDE: &str = "damaged";
/// Holds what was wrong.
const NOTE: &str = "DAMAGE";

/// Puts it on record. If that fails, too, the next start runs into the damage itself.
pub(super) fn note(dir: &Path, reason: &str) {
    if let Err(error) = fs::write(dir.join(NOTE), reason) {
        tracing::warn!(path = %dir.display(), %error, "the damage of the state could not be put on record");
    }
}

pub(super) fn noted(dir: &Path) -> Option<String> {
    fs::read_to_string(dir.join(NOTE)).ok()
}

/// Moves everything in the directory into `damaged`. Stopped in between it is done again: the note goes last.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let aside = dir.join(ASIDE);
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir(&aside)?,
    }
    let names: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    for name in names.iter().filter(|name| *name != ASIDE && *name != NOTE) {
        fs::rename(dir.join(name), aside.join(name))?;
    }
    match fs::remove_file(dir.join(NOTE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(aside),
    }
}
