//! A folder that is made once and then shared by every checkout and test process.
//!
//! Invariant: a folder under its final name is complete. It is filled under another name while a lock file is
//! held, then renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::Error;

/// `$XDG_CACHE_HOME/tripline/parts`, or the same below `~/.cache`.
pub fn root() -> Result<PathBuf, Error> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.map(|cache| cache.join("tripline/parts")).ok_or(Error::NoCache)
}

/// The folder `name` of the cache; `fill` is called with an empty folder when it is not there yet.
pub fn once(name: &str, fill: impl FnOnce(&Path) -> Result<(), Error>) -> Result<PathBuf, Error> {
    once_in(&root()?, name, fill)
}

fn once_in(root: &Path, name: &str, fill: impl FnOnce(&Path) -> Result<(), Error>) -> Result<PathBuf, Error> {
    let done = root.join(name);
    if done.is_dir() {
        return Ok(done);
    }
    fs::create_dir_all(root).map_err(Error::file("create", root))?;
    let _lock = lock(&root.join(format!("{name}.lock")))?;
    if done.is_dir() {
        return Ok(done);
    }
    let partial = root.join(format!("{name}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(Error::file("remove the unfinished", &partial))?;
    }
    fs::create_dir(&partial).map_err(Error::file("create", &partial))?;
    fill(&partial)?;
    fs::rename(&partial, &done).map_err(Error::file("move the finished part to", &done))?;
    Ok(done)
}

/// Waits for the lock; it is given back when the file is dropped or the process ends.
pub fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    file.lock().map_err(Error::file("lock", path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn many_callers_at_once_fill_a_folder_once() {
        let root = tempfile::tempdir().unwrap();
        let fills = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let folder = once_in(root.path(), "part", |folder| {
                        fills.fetch_add(1, Ordering::SeqCst);
                        fs::write(folder.join("file"), "whole").map_err(Error::file("write", folder))
                    })
                    .unwrap();
                    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "whole");
                });
            }
        });
        assert_eq!(fills.into_inner(), 1);
    }

    #[test]
    fn an_interrupted_fill_is_never_taken_for_a_finished_one() {
        let root = tempfile::tempdir().unwrap();
        let broken = once_in(root.path(), "part", |folder| {
            fs::write(folder.join("half"), "").unwrap();
            Err(Error::NoCache)
        });
        assert!(broken.is_err());
        assert!(!root.path().join("part").exists());
        let folder = once_in(root.path(), "part", |_| Ok(())).unwrap();
        assert!(!folder.join("half").exists(), "left-overs of the first try must not be in the second");
    }
}
