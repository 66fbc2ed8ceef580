//! Words of commands that need no pipeline: risk, config, salvage, completions, man.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const RISK_EXAMPLES: &str = "\
Examples:
  tripline risk score agent.json
  tripline risk score - < agent.json | jq .report.overallRisk";

#[derive(Debug, Subcommand)]
pub enum Risk {
    /// Score an agent by its snapshots: one JSON object in, the report and the alerts out
    ///
    /// The object has `agent`, `generatedAt` and `snapshots`. A snapshot without `snapshotId` gets it, one with another than
    /// its own is refused. All that is wrong is told at once. The same object always gives the same bytes.
    #[command(after_help = RISK_EXAMPLES)]
    Score(RiskScore),
}

#[derive(Debug, Args)]
pub struct RiskScore {
    /// The file of the object; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

pub(super) const CONFIG_EXAMPLES: &str = "\
Examples:
  tripline config check
  tripline config check --config /etc/tripline/config.toml --output json";

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read the configuration as a command would, and tell each setting and who set it
    ///
    /// Every problem is reported at once, with its place.
    #[command(after_help = CONFIG_EXAMPLES)]
    Check,
}

/// Save what can still be read of a damaged log
///
/// Copies the topics, records and committed offsets of the log in the data directory into a new data directory, and tells
/// which offsets are lost; the damaged log is only read. Exit status 1 if anything is lost.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline salvage ./rescued
  tripline salvage ./rescued --dir ./damaged && tripline up --dir ./rescued")]
pub struct Salvage {
    /// The new data directory; without a log so far
    #[arg(value_name = "INTO")]
    pub into: PathBuf,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline completions bash > ~/.local/share/bash-completion/completions/tripline
  tripline completions zsh > \"${fpath[1]}/_tripline\"")]
pub struct Completions {
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Print the manual page, or write those of all commands to a directory
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline man | man -l -
  tripline man /usr/local/share/man/man1")]
pub struct Man {
    /// Write tripline.1, tripline-send.1 and so on here
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
