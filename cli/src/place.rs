//! Where the log is, and opening it.
//!
//! Invariant: decided in [`Target::decide`] and nowhere else. Brokers that are named win; else whoever answers on the
//! socket of the data directory owns the log there; else nobody does, and this process opens it for as long as it runs.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::config::{Config, EmbeddedSettings, Log as LogConfig};
use bus::connection::KafkaConnection;
use bus::embedded::{Embedded, Options};
use bus::kafka::Kafka;
use bus::{BusError, ErrorKind};
use console::{Client, Log};

use crate::failure::Failure;

#[derive(Debug)]
pub enum Target {
    /// The log of a process that runs, through its socket.
    Api(Client),
    /// The log in this data directory, which nobody has open.
    Embedded(PathBuf, EmbeddedSettings),
    Kafka(KafkaConnection),
}

/// What a command wants of a log that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read or append: a directory without a log is more likely a slip than a wish.
    Existing,
    /// To make it.
    Create,
}

/// An open log, and what to call it.
#[derive(Debug)]
pub struct Place {
    pub log: Arc<dyn Log>,
    pub name: String,
    pub writers: Writers,
    /// Who has the log open and keeps a read model over it.
    pub api: Option<Client>,
}

/// Who may write to a log while we have it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    Anybody,
    OnlyWe,
}

pub fn socket(dir: &Path) -> PathBuf {
    dir.join("api.sock")
}

pub fn log_dir(dir: &Path) -> PathBuf {
    dir.join("log")
}

pub fn open(config: &Config, access: Access) -> Result<Place, Failure> {
    // Decided again each time: whoever held the log a moment ago may be an `up` that answers now.
    while_held(|| Target::decide(config)?.open(config, access), || true)
}

/// The log in a data directory, for the process that will own it.
pub fn open_embedded(dir: &Path, options: &Options) -> Result<Embedded, Failure> {
    // Who answers on the socket is an `up`, and will not go soon.
    let may_go_soon = || UnixStream::connect(socket(dir)).is_err();
    while_held(|| Ok(Embedded::open(&log_dir(dir), options.clone())?), may_go_soon)
}

/// How long a command may have the log open that is no `up`.
const HELD_MAX: Duration = Duration::from_secs(3);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Tries again while another process has the log open.
fn while_held<T>(
    mut attempt: impl FnMut() -> Result<T, Failure>,
    may_go_soon: impl Fn() -> bool,
) -> Result<T, Failure> {
    let until = Instant::now() + HELD_MAX;
    loop {
        match attempt() {
            Err(Failure::Log(BusError::Held { .. })) if Instant::now() < until && may_go_soon() => {
                std::thread::sleep(LOOK_AGAIN_AFTER);
            }
            result => return result,
        }
    }
}

impl Target {
    pub fn decide(config: &Config) -> Result<Self, Failure> {
        let settings = match &config.log {
            LogConfig::Kafka(connection) => return Ok(Self::Kafka(connection.clone())),
            LogConfig::Embedded(settings) => settings,
        };
        match Client::connect(&socket(&config.dir)) {
            Ok(client) => Ok(Self::Api(client)),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                Ok(Self::Embedded(config.dir.clone(), settings.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn open(self, config: &Config, access: Access) -> Result<Place, Failure> {
        match self {
            Self::Api(client) => {
                let pid = client.health()?.pid;
                let name = format!("the log of process {pid} in {}", config.dir.display());
                Ok(Place { log: Arc::new(client.clone()), name, writers: Writers::Anybody, api: Some(client) })
            }
            Self::Embedded(dir, settings) => {
                let log = log_dir(&dir);
                match std::fs::metadata(&log) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        if access == Access::Existing {
                            return Err(Failure::NoLog { dir });
                        }
                    }
                    Err(source) => return Err(Failure::File { doing: "cannot look at the log", path: log, source }),
                    Ok(_) => {}
                }
                let name = format!("the log in {}", dir.display());
                let log = Arc::new(Embedded::open(&log, settings.options())?);
                Ok(Place { log, name, writers: Writers::OnlyWe, api: None })
            }
            Self::Kafka(connection) => {
                let name = format!("Kafka at {}", connection.brokers);
                let instance = config.instance.as_ref().map_or("tripline", |instance| instance.as_str());
                let log = Arc::new(Kafka::connect(connection, instance)?);
                Ok(Place { log, name, writers: Writers::Anybody, api: None })
            }
        }
    }
}
