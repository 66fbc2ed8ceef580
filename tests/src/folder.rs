//! A running part's folder: gone when the part is, unless a test failed and somebody will want its logs.

use std::path::Path;

use tempfile::TempDir;

use crate::Error;

#[derive(Debug)]
pub(crate) struct Folder {
    /// `None` only while it is dropped.
    folder: Option<TempDir>,
}

impl Folder {
    pub fn new(part: &str) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix(&format!("tripline-{part}-")).tempdir();
        let folder = folder.map_err(Error::file("create a folder in", &std::env::temp_dir()))?;
        Ok(Self { folder: Some(folder) })
    }

    pub fn path(&self) -> &Path {
        self.folder.as_ref().expect("invariant: the folder is taken only by drop").path()
    }

    /// For a part that lives as long as the process: it is never dropped, and the watchdog removes the folder, unless
    /// some test has panicked by then.
    pub fn keep_on_panic(&self) {
        let marker = self.path().join("keep");
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Without the marker only the logs of a failed test are lost; its message is not.
            drop(std::fs::write(&marker, ""));
            before(info);
        }));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("the logs stay in {}", folder.keep().display());
        }
    }
}
