//! What the words on the command line mean, together with the environment and the configuration file.
//!
//! Invariant: a command that runs has typed values only; all that is wrong with the configuration was told at once before.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bus::config::Config;
use contracts::id::EndpointId;
use contracts::settings::{Override, Problems};
use contracts::time::Timestamp;
use contracts::topology::{SINGLE_NODE, Topology};

use crate::args::{Common, Where};
use crate::failure::Failure;

/// The configuration, with what the flags say.
pub fn config(common: &Common, flags: Vec<Override>) -> Result<Config, Failure> {
    load(common, flags).map_err(Failure::Config)
}

pub fn load(common: &Common, mut flags: Vec<Override>) -> Result<Config, Problems> {
    if let Some(dir) = &common.dir {
        // From where the command was typed, whichever directory the file lies in.
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
        flags.push(Override::from_flag("--dir", ["dir"], dir.to_string_lossy()));
    }
    Config::load(common.config.as_deref(), std::env::vars_os(), flags)
}

impl Where {
    pub fn overrides(&self) -> Vec<Override> {
        let brokers = self.brokers.iter().flat_map(|brokers| {
            // Who names brokers means Kafka, whatever the file says.
            [
                Override::from_flag("--brokers", ["kafka", "brokers"], brokers),
                Override::from_flag("--brokers", ["bus"], "kafka"),
            ]
        });
        brokers.chain(registry_override(self.registry.as_deref())).collect()
    }
}

pub fn registry_override(registry: Option<&str>) -> Option<Override> {
    registry.map(|url| Override::from_flag("--registry", ["registry", "url"], url))
}

/// A topology, and the file that says so.
#[derive(Debug)]
pub struct Deployment {
    /// For messages.
    pub name: String,
    /// What paths in the file are relative to.
    pub directory: PathBuf,
    /// Of the file, for messages about what stands in it.
    pub text: String,
    pub topology: Topology,
}

/// The topology: of the file named, else of the configuration's, else the one built in.
pub fn topology(named: Option<&Path>, config: &Config) -> Result<Deployment, Failure> {
    match named.or(config.topology.as_deref()) {
        Some(path) => Deployment::read(path),
        None => Ok(Deployment {
            name: "the topology built in".to_owned(),
            directory: PathBuf::new(),
            text: SINGLE_NODE.to_owned(),
            topology: Topology::single_node(),
        }),
    }
}

impl Deployment {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let text = fs::read(path).map_err(|source| Failure::File {
            doing: "cannot read the topology",
            path: path.to_owned(),
            source,
        })?;
        let text = String::from_utf8(text)
            .map_err(|error| Failure::Topology(Problems::unreadable(&*name, format!("it is not text: {error}"))))?;
        // Places in the file do not count it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        let topology = Topology::parse(&name, &text).map_err(Failure::Topology)?;
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { name, directory, text, topology })
    }
}

/// This host, as the endpoint of events that name none.
pub fn host() -> EndpointId {
    EndpointId::new(rustix::system::uname().nodename().to_string_lossy())
}

/// Who is logged in, as commands are signed.
pub fn user() -> String {
    let named =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    named.unwrap_or_else(|| format!("uid:{}", rustix::process::getuid().as_raw()))
}

/// A clock set before 1970 or beyond 9999 reads as the nearest time there is.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_epoch.as_micros()).ok();
    micros.and_then(|micros| Timestamp::from_micros(micros).ok()).unwrap_or(Timestamp::MAX)
}
