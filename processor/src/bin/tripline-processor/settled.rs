//! What the words mean together with environment and configuration.
//!
//! Invariant: a processor that starts has typed settings only; all that is wrong with the configuration was told at once.

use std::net::SocketAddr;
use std::path::Path;

use bus::config::{Config, Log, LogForm};
use bus::connection::{KafkaConnection, RegistryConnection};
use contracts::settings::Override;
use contracts::topology::Topology;
use processor::{Settings, StateLoss};

use crate::args::Args;
use crate::failure::Failure;

#[derive(Debug)]
pub struct Settled {
    pub kafka: KafkaConnection,
    pub registry: Option<RegistryConnection>,
    /// And what the file is called.
    pub topology: Option<(String, Topology)>,
    pub settings: Settings,
    pub listen: SocketAddr,
    /// Where spans go.
    pub traces: Option<String>,
    pub log_filter: Option<String>,
    pub log_form: LogForm,
}

impl Settled {
    pub fn of(args: Args) -> Result<Self, Failure> {
        let config =
            Config::load(args.config.as_deref(), std::env::vars_os(), overrides(&args)).map_err(Failure::Config)?;
        let Log::Kafka(kafka) = config.log else { return Err(Failure::EmbeddedLog { dir: config.dir }) };
        let instance = config.instance.ok_or(Failure::NoInstance)?;
        let state_loss = if args.accept_state_loss { StateLoss::Accept } else { StateLoss::Refuse };
        Ok(Self {
            kafka,
            registry: config.registry,
            topology: config.topology.as_deref().map(topology).transpose()?,
            settings: Settings { state_loss, ..Settings::of(instance, &config.processor) },
            listen: config.processor.listen,
            traces: config.traces,
            log_filter: args.log,
            log_form: config.log_form,
        })
    }
}

fn overrides(args: &Args) -> Vec<Override> {
    // From where the command was typed, whichever directory the file lies in.
    let path = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let flags: [(&str, &[&str], Option<String>); 9] = [
        ("--instance", &["instance"], args.instance.clone()),
        ("--dir", &["dir"], args.dir.as_deref().map(path)),
        ("--brokers", &["kafka", "brokers"], args.brokers.clone()),
        // Who names brokers means Kafka, whatever the file says.
        ("--brokers", &["bus"], args.brokers.as_ref().map(|_| "kafka".to_owned())),
        ("--registry", &["registry", "url"], args.registry.clone()),
        ("--topology", &["topology"], args.topology.as_deref().map(path)),
        ("--stages", &["processor", "stages"], args.stages.clone()),
        ("--listen", &["processor", "listen"], args.listen.clone()),
        ("--log-format", &["log", "format"], args.log_format.clone()),
    ];
    flags
        .into_iter()
        .filter_map(|(flag, key, value)| Some(Override::from_flag(flag, key.iter().copied(), value?)))
        .collect()
}

fn topology(path: &Path) -> Result<(String, Topology), Failure> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| Failure::TopologyFile { path: path.to_owned(), source })?;
    let topology = Topology::parse(&name, &text).map_err(Failure::Topology)?;
    Ok((name, topology))
}
