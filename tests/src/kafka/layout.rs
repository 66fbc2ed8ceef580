//! A broker's folder: settings, data, logs; and the commands that work on it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::certificates::{self, Certificates};
use crate::maven::{self, Goal};
use crate::ports::{self, Port};
use crate::{Error, command};

use super::options::{BASE, Listener, Options, PASSWORD, USER};

const POM: &str = include_str!("../../parts/kafka/pom.xml");
/// 16 bytes, "tripline-testbed", as Kafka writes them.
const CLUSTER_ID: &str = "dHJpcGxpbmUtdGVzdGJlZA";
const FORMAT_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Layout {
    folder: PathBuf,
    jars: PathBuf,
    listeners: BTreeMap<Listener, Port>,
    controller: Port,
}

impl Layout {
    /// Chooses ports, writes the settings, formats the data folder if it is new.
    pub fn prepare(folder: &Path, options: Options) -> Result<Self, Error> {
        let jars = jars()?;
        let names = std::iter::once(Listener::Plain).chain(options.extra_listeners.iter().copied());
        let listeners = names.map(|name| Ok((name, ports::free()?))).collect::<Result<_, Error>>()?;
        let layout = Self { folder: folder.to_owned(), jars, listeners, controller: ports::free()? };
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).map_err(Error::file("create", &logs))?;
        layout.write_settings(options)?;
        if !layout.data().join("meta.properties").exists() {
            layout.format()?;
        }
        Ok(layout)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn settings(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    pub fn address(&self, listener: Listener) -> String {
        let port = self.listeners.get(&listener);
        port.unwrap_or_else(|| panic!("{listener:?} was not among the broker's options: add .listener(…)")).address()
    }

    /// A file of its own for each start: the line that says "ready" must be this start's.
    pub fn next_log(&self) -> PathBuf {
        let log = |start: u32| self.folder.join(format!("logs/broker-{start}.log"));
        (1..=u32::MAX).map(log).find(|log| !log.exists()).expect("invariant: starts are fewer than numbers")
    }

    pub fn command(&self) -> Command {
        let mut command = java(&self.jars, &["-Xmx512m", "-XX:+UseSerialGC"], "kafka.Kafka");
        command.arg(self.settings());
        command
    }

    fn format(&self) -> Result<(), Error> {
        let mut format = java(&self.jars, &["-XX:TieredStopAtLevel=1"], "kafka.tools.StorageTool");
        format.args(["format", "--cluster-id", CLUSTER_ID, "--config"]).arg(self.settings());
        if self.listeners.keys().any(|listener| listener.has_sasl()) {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                format.arg("--add-scram").arg(format!("{mechanism}=[name={USER},password={PASSWORD}]"));
            }
        }
        command::run(&mut format, b"", FORMAT_MAX).map(drop)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn write_settings(&self, options: Options) -> Result<(), Error> {
        let mut settings: BTreeMap<String, String> =
            BASE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings.extend(self.network());
        if self.listeners.keys().any(|listener| listener.has_tls()) {
            settings.extend(tls(&certificates::try_cached()?));
        }
        for listener in self.listeners.keys().filter(|listener| listener.has_sasl()) {
            settings.extend(sasl(*listener));
        }
        settings.extend(options.properties);
        let mut text = String::new();
        for (name, value) in settings {
            writeln!(text, "{name}={value}").expect("invariant: writing to a String does not fail");
        }
        let path = self.settings();
        fs::write(&path, text).map_err(Error::file("write", &path))
    }

    fn network(&self) -> [(String, String); 5] {
        let listeners: Vec<_> =
            self.listeners.iter().map(|(listener, port)| format!("{}://{}", listener.name(), port.address())).collect();
        let advertised = listeners.join(",");
        let protocols: Vec<_> =
            self.listeners.keys().map(|listener| format!("{}:{}", listener.name(), listener.protocol())).collect();
        let controller = self.controller.address();
        [
            ("log.dirs".into(), self.data().display().to_string()),
            ("listeners".into(), format!("{advertised},CONTROLLER://{controller}")),
            ("advertised.listeners".into(), advertised),
            ("listener.security.protocol.map".into(), format!("CONTROLLER:PLAINTEXT,{}", protocols.join(","))),
            ("controller.quorum.voters".into(), format!("1@{controller}")),
        ]
    }
}

/// The class path: fetched on the first call on this machine.
pub(super) fn jars() -> Result<PathBuf, Error> {
    maven::fetch(&format!("kafka-{}", super::VERSION), POM, &Goal::Copy)
}

pub(super) fn java(jars: &Path, flags: &[&str], class: &str) -> Command {
    let mut command = Command::new("java");
    command.args(flags).arg("-cp").arg(jars.join("*")).arg(class);
    command
}

fn tls(certificates: &Certificates) -> [(String, String); 6] {
    let server = certificates.server_bundle().display().to_string();
    let authority = certificates.authority().display().to_string();
    [
        ("ssl.keystore.type".into(), "PEM".into()),
        ("ssl.keystore.location".into(), server),
        ("ssl.truststore.type".into(), "PEM".into()),
        ("ssl.truststore.location".into(), authority),
        ("listener.name.mutualtls.ssl.client.auth".into(), "required".into()),
        ("listener.name.sasltls.ssl.client.auth".into(), "none".into()),
    ]
}

fn sasl(listener: Listener) -> Vec<(String, String)> {
    let prefix = format!("listener.name.{}", listener.name().to_lowercase());
    let modules = "org.apache.kafka.common.security";
    let login = |mechanism: &str, module: &str| {
        (format!("{prefix}.{mechanism}.sasl.jaas.config"), format!("{modules}.{module};"))
    };
    let mechanisms = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER";
    vec![
        (format!("{prefix}.sasl.enabled.mechanisms"), mechanisms.into()),
        login("plain", &format!("plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\"")),
        login("scram-sha-256", "scram.ScramLoginModule required"),
        login("scram-sha-512", "scram.ScramLoginModule required"),
        login("oauthbearer", "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\""),
    ]
}
