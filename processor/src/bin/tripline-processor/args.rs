//! The command line as it is typed, and its help.

#![expect(clippy::doc_markdown, reason = "these are help texts; marks of Markdown would be shown as they are")]

use std::path::PathBuf;

use clap::Parser;

const AFTER: &str = "\
Examples:
  tripline-processor --config /etc/tripline/config.toml
  tripline-processor --instance processor-1 --brokers kafka-1:9092,kafka-2:9092
  tripline-processor --instance risk-1 --stages risk --listen 127.0.0.1:7721
  TRIPLINE_INSTANCE=processor-2 tripline-processor --accept-state-loss

Every key of the configuration can be set by a variable, too: processor.stages is
TRIPLINE_PROCESSOR__STAGES. A flag wins over a variable, a variable over the file;
`tripline config check` says what stands and why.

SIGTERM or SIGINT: publishes what was applied, gives the partitions back, and ends. A second
one ends at once; what was not published then is published by the next start.

A broker or registry that is away is waited for, and /readyz says so.

Exit status: 0 stopped as asked, 1 the check failed, 2 usage or configuration, 3 another process
has this address or instance name, or what answers as registry is none, 4 refused by policy, 130
or 143 ended at once.";

/// Evaluate events on Kafka: rules, windows and risk; publish alerts, each once
///
/// Reads telemetry.events.v1, rule.matches.v1 and alerts.v1 as a member of a consumer group, keeps its state in a directory of
/// its own, and serves /healthz, /readyz and /metrics. For one machine without Kafka there is `tripline up`.
#[derive(Debug, Parser)]
#[command(name = "tripline-processor", version, after_help = AFTER, after_long_help = AFTER)]
pub struct Args {
    /// The configuration file [env: TRIPLINE_CONFIG] [default: tripline/config.toml in the user's configuration
    /// directory, then /etc/tripline/config.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A name that no other process has [env: TRIPLINE_INSTANCE]
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// The data directory; state lies in it, unless processor.dir is set [env: TRIPLINE_DIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The Kafka cluster [env: TRIPLINE_KAFKA__BROKERS]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// The schema registry (Confluent API) [env: TRIPLINE_REGISTRY__URL]
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
    /// The topology file that the cluster's topics must be like [env: TRIPLINE_TOPOLOGY]
    #[arg(long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// What this process works on: events, matches, risk [env: TRIPLINE_PROCESSOR__STAGES] [default: all]
    #[arg(long, value_name = "STAGE,...")]
    pub stages: Option<String>,
    /// Where /healthz, /readyz and /metrics are served [env: TRIPLINE_PROCESSOR__LISTEN] [default: 127.0.0.1:7720]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Go on without state that is lost and cannot be made again; what windows held is forgotten, and it is published that it
    /// was. Only here, so that it is not accepted for ever
    #[arg(long)]
    pub accept_state_loss: bool,
    /// What this process logs: off, error, warn, info, debug, trace, or by module [env: TRIPLINE_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// How the log is written: text or json [env: TRIPLINE_LOG__FORMAT] [default: text]
    #[arg(long, value_name = "FORM")]
    pub log_format: Option<String>,
}
