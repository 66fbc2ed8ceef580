//! What can go wrong in a task, and what to do then.

use std::io;
use std::path::{Path, PathBuf};

use crate::part::{Name, Part};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Part(#[from] testbed::Error),

    #[error(
        "{part} `{name}` runs already at {address} (process {pid}); end it with `cargo xtask {part} stop --name {name}`, or start another with --name"
    )]
    RunsAlready { part: Part, name: Name, address: String, pid: u32 },

    #[error("no {part} `{name}` runs; `cargo xtask {part} status` lists those that do")]
    NotRunning { part: Part, name: Name },

    #[error("{part} `{name}` (process {pid}) is still there {waited_s} s after SIGKILL; look at it with `ps -p {pid}`")]
    Immortal { part: Part, name: Name, pid: u32, waited_s: u64 },

    #[error("cannot {doing} {}: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },

    #[error("cannot run `{program}`: {source}")]
    Program { program: String, source: io::Error },
}

impl Error {
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub fn program(program: &str) -> impl FnOnce(io::Error) -> Self {
        let program = program.to_owned();
        move |source| Self::Program { program, source }
    }
}
