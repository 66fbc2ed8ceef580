//! Words of `tripline topology`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Where;

pub(super) const TOPOLOGY_EXAMPLES: &str = "\
Examples:
  tripline topology check topologies/kafka.toml
  tripline topology apply topologies/kafka.toml --brokers broker-1:9092 --dry-run
  tripline topology graph --format dot | dot -Tsvg > topology.svg";

#[derive(Debug, Subcommand)]
pub enum Topology {
    Check(TopologyCheck),
    Apply(TopologyApply),
    /// Draw a topology: topics, records, who writes and who reads
    #[command(after_help = "\
Examples:
  tripline topology graph
  tripline topology graph topologies/kafka.toml --format dot | dot -Tsvg > topology.svg")]
    Graph(TopologyGraph),
}

/// Check topology files: what they say, the rules and subscriptions they name, and their tests
///
/// Names all that is wrong with a file. If nothing is, its rules are put together as `rules apply` and `up` would do it, each
/// of its tests is fed to them in memory, and what is raised otherwise than a test expects is shown; the exit status is then 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline topology check topologies/*.toml
  tripline topology check my-topology.toml --output json")]
pub struct TopologyCheck {
    /// The topology files [default: that of the configuration, else one node, built in]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct TopologyFile {
    /// The topology file [default: that of the configuration, else one node, built in]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Make a topology's topics as declared
///
/// Makes what is missing and mends settings that differ. A number of partitions never changes in place: that is refused
/// with exit status 4 before anything is touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline topology apply
  tripline topology apply topologies/kafka.toml --brokers broker-1:9092
  tripline topology apply topologies/kafka.toml --brokers broker-1:9092 --dry-run")]
pub struct TopologyApply {
    #[command(flatten)]
    pub topology: TopologyFile,
    /// Only tell what would be done; exit status 1 if anything
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Args)]
pub struct TopologyGraph {
    #[command(flatten)]
    pub topology: TopologyFile,
    /// The drawing
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Drawing,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Drawing {
    /// A list for people
    #[default]
    Plain,
    /// For Graphviz
    Dot,
}
