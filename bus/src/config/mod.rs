//! How this process reaches its log: one shape for every stage, from a file, the environment and flags.
//!
//! Invariants:
//! - flags win over the environment, the environment over the file, the file over defaults;
//! - a secret is named by the file it lies in and never stands in the settings themselves.
//!
//! Absent on purpose: merging several files. Exactly one is read, and `tripline config check` says which.

mod checkpoints;
mod connections;
mod describe;
mod own_log;
mod place;
mod processor;
mod reader;
mod secret;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use contracts::settings::{self, Input, Key, Override, Problems, Source};

use crate::Instance;
use crate::connection::{KafkaConnection, RegistryConnection};
use crate::embedded::{Flush, Memory, Options};
pub use checkpoints::Checkpoints;
pub use describe::Description;
pub use own_log::{LOG_VARIABLE, LogFilter, LogForm};
use place::Environment;
pub use processor::{Processor, Task};

/// What the names of environment variables begin with.
pub const VARIABLE_PREFIX: &str = "TRIPLINE_";

/// Names of variables that begin so and are no settings: those that count before there are any, and what tests say to
/// each other.
fn is_apart(variable: &str) -> bool {
    [place::CONFIG_VARIABLE, LOG_VARIABLE].contains(&variable) || variable.starts_with("TRIPLINE_TEST_")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    pub instance: Option<Instance>,
    /// The data directory: the embedded log, its socket, the state of stages.
    pub dir: PathBuf,
    pub topology: Option<PathBuf>,
    pub log: Log,
    pub registry: Option<RegistryConnection>,
    pub api: Api,
    pub processor: Processor,
    pub log_form: LogForm,
    /// Where services send spans (OTLP over HTTP), if anywhere.
    pub traces: Option<String>,
    /// Every key there is, what it came to and who set it. Holds no secret.
    pub keys: Vec<Key>,
}

/// The log this process works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// The one in the data directory.
    Embedded(EmbeddedSettings),
    Kafka(KafkaConnection),
}

/// What an operator may choose of the embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    pub flush: Flush,
    pub memory: Memory,
    pub disk_reserve_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where the API listens on TCP, beside the socket in the data directory.
    pub listen: Option<SocketAddr>,
}

impl EmbeddedSettings {
    pub fn options(&self) -> Options {
        Options {
            flush: self.flush,
            memory: self.memory,
            disk_reserve_bytes: self.disk_reserve_bytes,
            ..Options::default()
        }
    }
}

impl Config {
    /// Reads the configuration. `file` is what a flag names; without it the file is looked for, as docs/configuration.md says.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Vec<Override>,
    ) -> Result<Self, Problems> {
        let environment = Environment::new(environment);
        let file = environment.file(file)?;
        let name = file.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
        let directory = file.as_ref().and_then(|(path, _)| path.parent()).unwrap_or(Path::new(""));
        let source = file.as_ref().map(|(_, text)| Source::new(&name, text, directory));
        let mut overrides = environment.overrides()?;
        overrides.extend(flags);
        let input = Input { file: source, overrides, variable_prefix: Some(VARIABLE_PREFIX) };
        let read =
            settings::read(&input, |root| reader::config(root, environment.data_dir(), environment.s3_credentials()))?;
        Ok(Self { file: file.map(|(path, _)| path), keys: read.keys, ..read.value })
    }

    /// The configuration when nothing is set: the keys there are and their defaults.
    pub fn all_keys() -> Vec<Key> {
        let input = Input { variable_prefix: Some(VARIABLE_PREFIX), ..Input::default() };
        let read = settings::read(&input, |root| reader::config(root, Some(PathBuf::new()), None));
        read.expect("invariant: with a data directory, no key is required").keys
    }
}
