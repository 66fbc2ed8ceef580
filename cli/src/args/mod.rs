//! The command line as it is typed, and its help.
//!
//! Invariant: nothing is decided here. What the words mean together is found by [`crate::settled`], before anything runs.

#![expect(clippy::doc_markdown, reason = "these are help texts; marks of Markdown would be shown as they are")]

mod alerts;
mod rules;
mod schemas;
mod stream;
mod tools;
mod topology;
mod watching;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use alerts::*;
pub use rules::*;
pub use schemas::*;
pub use stream::*;
pub use tools::*;
pub use topology::*;
pub use watching::*;

const AFTER: &str = "\
Exit status: 0 done, 1 the check failed, 2 usage or configuration, 3 cannot reach, 4 refused by policy.
Colours are left out where NO_COLOR is set or the output is no terminal.";

/// Stream processing for security and operations telemetry
#[derive(Debug, Parser)]
#[command(name = "tripline", version, after_help = AFTER, after_long_help = AFTER)]
#[command(propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Common {
    /// The data directory [env: TRIPLINE_DIR] [default: tripline in the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The configuration file [env: TRIPLINE_CONFIG] [default: tripline/config.toml in the user's configuration
    /// directory, then /etc/tripline/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How results, and errors, are written
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t)]
    pub output: Form,
    /// What this process logs to standard error: off, error, warn, info, debug, trace, or by module [env: TRIPLINE_LOG]
    /// [default: warn]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Up(Up),
    Send(Send),
    Tail(Tail),
    Replay(Replay),
    /// Look at a deployment's topology, and make its topics
    #[command(subcommand, after_help = TOPOLOGY_EXAMPLES)]
    Topology(Topology),
    /// Look at the records' schemas, check and publish them
    #[command(subcommand, after_help = SCHEMAS_EXAMPLES)]
    Schemas(Schemas),
    /// Check, test, explain, list and format rules; apply, switch and mute those that run
    #[command(subcommand, after_help = RULES_EXAMPLES)]
    Rules(Rules),
    /// List, show and watch alerts; acknowledge and resolve them
    #[command(subcommand, after_help = ALERTS_EXAMPLES)]
    Alerts(Alerts),
    /// List, add and remove subscriptions while it runs
    #[command(subcommand, after_help = SUBSCRIPTIONS_EXAMPLES)]
    Subscriptions(Subscriptions),
    Stats(Stats),
    /// Score agents for risk
    #[command(subcommand, after_help = RISK_EXAMPLES)]
    Risk(Risk),
    Load(Load),
    /// Look at this process's configuration
    #[command(subcommand, after_help = CONFIG_EXAMPLES)]
    Config(Config),
    Salvage(Salvage),
    Completions(Completions),
    Man(Man),
}

/// Where the log is, when it is not the one in the data directory.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub struct Where {
    /// Use the Kafka cluster at these addresses, not the log in the data directory
    #[arg(long, value_name = "HOST:PORT,...")]
    pub brokers: Option<String>,
    /// The schema registry (Confluent API), such as http://127.0.0.1:8081
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
}

/// What goes with every command to whoever runs.
#[derive(Debug, Args)]
pub struct Order {
    /// In whose name [default: who is logged in]
    #[arg(long = "as", value_name = "NAME")]
    pub signed: Option<String>,
    /// Why, for whoever reads it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub place: Where,
}
