//! What can go wrong in a task, and what to do then.

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
}
