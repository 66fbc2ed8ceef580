//! What can go wrong with a real part, and what to do then.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot run `{program}`: {source}\n  {}", advice(program))]
    Program { program: String, source: io::Error },

    #[error("cannot {doing} {}: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },

    #[error(
        "HOME and XDG_CACHE_HOME are both unset: there is no place to keep Kafka and the other parts; set one of them"
    )]
    NoCache,

    #[error("no free port in {first}..{last} on 127.0.0.1 after {tries} tries: end what listens there")]
    NoPort { first: u16, last: u16, tries: u32 },

    #[error("`{command}` ended with {status}:\n{output}")]
    Failed { command: String, status: ExitStatus, output: String },

    #[error("`{command}` did not end within {limit:?} and was killed:\n{output}")]
    Late { command: String, limit: Duration, output: String },

    #[error("{part} ended with {status} before it was ready; the end of {}:\n{tail}", log.display())]
    Ended { part: &'static str, status: ExitStatus, log: PathBuf, tail: String },

    #[error("{part} was not ready after {limit:?}; the end of {}:\n{tail}", log.display())]
    NotReady { part: &'static str, limit: Duration, log: PathBuf, tail: String },

    #[error("{part} did not end within {limit:?} of SIGTERM and was killed; its log was {}", log.display())]
    NotEnding { part: &'static str, limit: Duration, log: PathBuf },

    #[error("cannot signal process {pid}: {source}")]
    Signal { pid: u32, source: io::Error },
}

impl Error {
    /// For `map_err` on calls about one path.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub fn program(program: &str) -> impl FnOnce(io::Error) -> Self {
        let program = program.to_owned();
        move |source| Self::Program { program, source }
    }
}

fn advice(program: &str) -> String {
    let package = match program {
        "java" | "keytool" => "default-jre-headless",
        "go" => "golang-go",
        "mvn" => "maven",
        "python3" => "python3-venv",
        other => other,
    };
    format!("`./dev test` installs what the tests need; by hand on Debian: apt-get install {package}")
}
