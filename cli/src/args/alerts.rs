//! Words of `tripline alerts`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Order, Where};

pub(super) const ALERTS_EXAMPLES: &str = "\
Examples:
  tripline alerts list --severity high --since 2h
  tripline alerts show 5f2c9a
  tripline alerts ack 5f2c9a 81d0e3 --reason \"looking into it\"";

/// An alert is named by its id or as much of its beginning as no other has.
#[derive(Debug, Subcommand)]
pub enum Alerts {
    /// List alerts, the newest first
    #[command(after_help = "\
Examples:
  tripline alerts list
  tripline alerts list --severity high --since 2h
  tripline alerts list --rule pii_email --status all --limit 500 --output json")]
    List(AlertsList),
    /// Show why an alert was raised: the event, the values compared, what was held back with it, what became of it
    #[command(after_help = "\
Examples:
  tripline alerts show 5f2c9a
  tripline alerts show 5f2c9a --output json | jq .match_details")]
    Show(AlertsShow),
    /// Show alerts as they are raised, and what becomes of them, until Ctrl-C
    #[command(after_help = "\
Examples:
  tripline alerts watch
  tripline alerts watch --severity high --output json | jq .alert.message")]
    Watch(AlertsWatch),
    /// Acknowledge alerts: their escalation ends
    #[command(after_help = "Examples:\n  tripline alerts ack 5f2c9a --reason \"looking into it\"")]
    Ack(AlertsTold),
    /// Resolve alerts: what happens again is a new alert
    #[command(after_help = "Examples:\n  tripline alerts resolve 5f2c9a 81d0e3 --reason \"host replaced\"")]
    Resolve(AlertsTold),
}

#[derive(Debug, Args)]
pub struct AlertsChosen {
    /// Only of this rule
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Only at least this severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub severity: Option<AlertsSeverity>,
    /// Only on this endpoint
    #[arg(long, value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
}

/// In the order of the records' severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlertsSeverity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum AlertsStatus {
    /// Not resolved
    #[default]
    Active,
    /// Neither acknowledged nor resolved
    Open,
    Acknowledged,
    Resolved,
    All,
}

#[derive(Debug, Args)]
pub struct AlertsList {
    #[command(flatten)]
    pub chosen: AlertsChosen,
    /// Only in this state
    #[arg(long, value_enum, value_name = "STATE", default_value_t)]
    pub status: AlertsStatus,
    /// Only raised since: how long ago (2h) or a time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub limit: usize,
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Args)]
pub struct AlertsShow {
    /// The alert's id, or its beginning
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Args)]
pub struct AlertsWatch {
    #[command(flatten)]
    pub chosen: AlertsChosen,
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Args)]
pub struct AlertsTold {
    /// The alert's id, or its beginning
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub order: Order,
}
