//! A directory that all processors of a group share. What is hidden has another name, and is renamed to be shown.
//!
//! Invariant: two processes that both take themselves for a task's owner hide what they write under different names: neither
//! shows what the other has begun.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::place::{Folder, Hidden, Name, Place};
use crate::metrics;

const HIDDEN: &str = "part";

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// How what is hidden ends: nobody else's does.
    hidden: String,
}

#[derive(Debug)]
struct Part {
    out: BufWriter<File>,
    hidden: PathBuf,
    shown: PathBuf,
}

impl Directory {
    pub fn new(path: PathBuf) -> Self {
        Self { path, hidden: format!("{:016x}.{HIDDEN}", RandomState::new().hash_one(())) }
    }

    fn folder(&self, folder: &Folder) -> PathBuf {
        self.path.join(folder.to_string())
    }

    fn file(&self, name: &Name) -> PathBuf {
        self.path.join(name.to_string())
    }
}

impl Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Place for Directory {
    fn sweep(&self, folder: &Folder) -> io::Result<()> {
        let files = list(&self.folder(folder))?;
        files.iter().filter(|file| file.extension().is_some_and(|ending| ending == HIDDEN)).try_for_each(remove)
    }

    fn begin(&self, name: &Name) -> io::Result<Box<dyn Hidden>> {
        fs::create_dir_all(self.folder(&name.folder))?;
        let shown = self.file(name);
        let hidden = shown.with_extension(&self.hidden);
        Ok(Box::new(Part { out: BufWriter::new(File::create(&hidden)?), hidden, shown }))
    }

    fn shown(&self, folder: &Folder) -> io::Result<Vec<metrics::Checkpoint>> {
        let mut found = Vec::new();
        for file in list(&self.folder(folder))? {
            if let Some(at) = file.file_name().and_then(|name| Folder::offset_in(name.to_str()?)) {
                let data = fs::metadata(&file)?;
                found.push(metrics::Checkpoint { at, bytes: data.len(), written_at: data.modified()? });
            }
        }
        found.sort_by_key(|found| found.at);
        Ok(found)
    }

    fn open(&self, name: &Name, _bytes: u64) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(BufReader::new(File::open(self.file(name))?)))
    }

    fn remove(&self, name: &Name) -> io::Result<()> {
        remove(self.file(name))
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Hidden for Part {
    fn seal(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }

    fn show(self: Box<Self>) -> io::Result<()> {
        fs::rename(&self.hidden, &self.shown)?;
        // The name is part of the folder, and survives a loss of power with it.
        let folder = self.shown.parent().expect("invariant: a checkpoint lies in its task's folder");
        File::open(folder)?.sync_all()
    }

    fn discard(self: Box<Self>) -> io::Result<()> {
        remove(&self.hidden)
    }
}

/// A folder that is not there is empty.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
    }
}

fn remove(file: impl AsRef<Path>) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bus::Offset;

    use super::*;
    use crate::task::{Stage, TaskId};

    #[test]
    fn of_two_that_write_the_same_checkpoint_each_shows_its_own() {
        let there = tempfile::tempdir().unwrap();
        let folder = Folder::of("group", TaskId { stage: Stage::Events, partition: 0 });
        let name = folder.name(Offset(7));
        let [one, other] = [(); 2].map(|()| Directory::new(there.path().to_owned()));
        let (mut ones, mut others) = (one.begin(&name).unwrap(), other.begin(&name).unwrap());
        ones.write_all(b"of one").unwrap();
        others.write_all(b"half of").unwrap();
        ones.seal().unwrap();
        ones.show().unwrap();
        let read = || fs::read(one.file(&name)).unwrap();
        assert_eq!(read(), b"of one");
        others.write_all(b" another").unwrap();
        others.seal().unwrap();
        others.show().unwrap();
        assert_eq!(read(), b"half of another");

        one.begin(&name).unwrap().seal().unwrap();
        assert_eq!(list(&one.folder(&folder)).unwrap().len(), 2);
        other.sweep(&folder).unwrap();
        assert_eq!(list(&one.folder(&folder)).unwrap(), [one.file(&name)], "what nobody will show is swept away");
    }
}
