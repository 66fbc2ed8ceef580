//! How this process reaches its log: one shape for every stage, from a file, the environment and flags.
//!
//! Invariants:
//! - flags win over the environment, the environment over the file, the file over defaults;
//! - a secret is named by the file it lies in and never stands in the settings themselves.
//!
//! Absent on purpose: merging several files. Exactly one is read, and `tripline config check` says which.

mod connections;
mod place;
mod secret;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use contracts::settings::{self, Input, Key, Override, Problems, Reach, Reported, Source, Table};

use contracts::topology::LogKind;

use crate::Instance;
use crate::connection::{KafkaConnection, RegistryConnection};
use place::Environment;

/// What the names of environment variables begin with.
pub const VARIABLE_PREFIX: &str = "TRIPLINE_";

/// Variables that begin so and are no settings.
pub const VARIABLES_APART: [&str; 1] = [place::CONFIG_VARIABLE];

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
    /// Every key there is, what it came to and who set it. Holds no secret.
    pub keys: Vec<Key>,
}

/// The log this process works with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one per process")]
pub enum Log {
    /// The one in the data directory.
    Embedded,
    Kafka(KafkaConnection),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where the API listens on TCP, beside the socket in the data directory.
    pub listen: Option<SocketAddr>,
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
        let source = file.as_ref().map(|(path, text)| Source {
            name: &name,
            text,
            directory: path.parent().unwrap_or(Path::new("")),
        });
        let mut overrides = environment.overrides();
        overrides.extend(flags);
        let input = Input { file: source, overrides, variable_prefix: Some(VARIABLE_PREFIX) };
        let read = settings::read(&input, |root| read(root, environment.data_dir()))?;
        Ok(Self { file: file.map(|(path, _)| path), keys: read.keys, ..read.value })
    }

    /// The configuration when nothing is set: the keys there are and their defaults.
    pub fn all_keys() -> Vec<Key> {
        let input = Input { variable_prefix: Some(VARIABLE_PREFIX), ..Input::default() };
        let read = settings::read(&input, |root| read(root, Some(PathBuf::new())));
        read.expect("invariant: with a data directory, no key is required").keys
    }
}

fn read(root: &Table<'_>, data_dir: Option<PathBuf>) -> Result<Config, Reported> {
    let instance = root.parsed("instance", INSTANCE, parse_instance, |name| name.as_str().to_owned()).optional();
    let dir = root.path("dir").or_described("`tripline` in the user's data directory");
    let dir = match data_dir {
        Some(default) => dir.map(|dir| dir.unwrap_or(default)),
        // Asked again only to have it reported as missing.
        None => dir.and_then(|dir| dir.map_or_else(|| root.path("dir").required(), Ok)),
    };
    let topology = root.path("topology").optional();
    let bus = root.word("bus", &LogKind::WORDS).or_described("`kafka` where `kafka.brokers` is set, else `embedded`");
    let kafka = connections::kafka(&root.table("kafka"), bus);
    let registry = connections::registry(&root.table("registry"));
    let api = api(&root.table("api"));
    let log = kafka?.map_or(Log::Embedded, Log::Kafka);
    Ok(Config {
        file: None,
        instance: instance?,
        dir: dir?,
        topology: topology?,
        log,
        registry: registry?,
        api: api?,
        keys: Vec::new(),
    })
}

fn api(table: &Table<'_>) -> Result<Api, Reported> {
    let beyond_loopback = table.boolean("beyond_loopback").or(false);
    // An answer that is wrong was reported; reading on as if it were `false` reports the address, too, if that needs it.
    let reach = if beyond_loopback == Ok(true) { Reach::Anywhere } else { Reach::Loopback };
    let listen = table.address("listen", reach).optional();
    beyond_loopback?;
    Ok(Api { listen: listen? })
}

const INSTANCE: &str = "a name of letters, digits, `.`, `_` and `-`, at most 200 of them";

fn parse_instance(text: &str) -> Result<Instance, Option<String>> {
    Instance::new(text).map_err(|_| None)
}
