//! What runs, and what goes through it: up, send, load, tail, replay.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Where;

/// Run a whole pipeline in this process, on a log in the data directory
///
/// Needs no broker and no configuration. Makes the topics of the topology, runs a processor with the topology's rules, serves
/// the API on the socket api.sock in the data directory, prints what runs where, and goes on until Ctrl-C. A second Ctrl-C
/// ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline up --demo
  tripline up
  tripline up --dir ./data --listen 127.0.0.1:7710
  tripline up --topology my-topology.toml --output json")]
pub struct Up {
    /// The topology file [default: one node, built in]
    #[arg(long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// Serve the API on this loopback address, too; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Send an afternoon's sample events, show the alerts that come of them, and what to try next
    #[arg(long)]
    pub demo: bool,
    /// Where a partition's state is lost and cannot be made again, go on without it; what its windows held is forgotten
    #[arg(long)]
    pub accept_state_loss: bool,
}

/// Check events, one JSON object a line, and publish them
///
/// An event needs `topic` and `payload`; the rest is filled in. A bad line is reported with its number and reason, good
/// ones are sent, and the exit status is 1. Goes to the running `tripline up`, to its log itself when nothing runs, or to
/// Kafka.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo '{\"topic\":\"auth.login\",\"payload\":{\"user\":\"ann\"}}' | tripline send
  tripline send events.ndjson --strict
  tripline send - --brokers broker-1:9092 --registry http://registry:8081 < events.ndjson")]
pub struct Send {
    /// The file of events; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// Send nothing if any line is bad
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub place: Where,
}

/// Send events at a fixed rate, and account for every alert that must follow
///
/// Goes to the running `tripline up`, or to Kafka; where nothing runs, to a pipeline of its own, in --dir or in a temporary
/// directory, for the time of the load. Latency is measured from when an event was due to be sent to when its alert can be
/// read. Exit status 1 if an alert is missing or came twice, or an event was not taken.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline load --rate 1000 --duration 30s
  tripline load --rate 10000 --duration 10m --output json
  tripline load --rate 50000 --duration 1m --brokers broker-1:9092 --pid 4711 --profile heavy.toml")]
pub struct Load {
    /// Events a second
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub rate: u32,
    /// For how long: 30s, 10m
    #[arg(long, value_name = "DURATION")]
    pub duration: String,
    /// What the events are [default: 10,000 endpoints, one alert in 100 events, payloads of 200 bytes]
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// How long alerts that are missing are waited for after the last that came
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub settle: String,
    /// A processor whose memory and time are looked at; may be given again. Known by itself where an `up` bears the load
    #[arg(long, value_name = "PID")]
    pub pid: Vec<u32>,
    #[command(flatten)]
    pub place: Where,
}

/// Show the records of topics, or record them to a file
///
/// Reads from the start to the end that the topics have now; with --follow it goes on. Order holds within a partition.
/// What cannot be decoded is shown as such. Ticks and control markers are left out unless --all is given.
///
/// With --record nothing is shown: every record goes to the file as it is, ticks, control markers and what cannot be
/// decoded, too, in the order of append times. The file is an Avro object container; `tripline replay` takes it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline tail telemetry.events.v1
  tripline tail alerts.v1 --from end --follow
  tripline tail telemetry.events.v1 --from 2026-01-31T12:00:00Z --key host-1 --output json
  tripline tail control.v1 --partition 0 --from 1200 -n 10
  tripline tail telemetry.events.v1 rule.matches.v1 --record today.avro")]
pub struct Tail {
    /// The topics
    #[arg(value_name = "TOPIC", required = true)]
    pub topics: Vec<String>,
    /// Where to begin: start, end, an offset, or a time (RFC 3339)
    #[arg(long, value_name = "PLACE", default_value = "start")]
    pub from: String,
    /// Only these partitions, separated by commas
    #[arg(long, value_name = "NUMBER,...", value_delimiter = ',')]
    pub partition: Vec<u32>,
    /// Only records with this key
    #[arg(long)]
    pub key: Option<String>,
    /// Go on when the end is reached
    #[arg(long, short)]
    pub follow: bool,
    /// End after so many records
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub limit: Option<u64>,
    /// Show ticks and control markers, too
    #[arg(long)]
    pub all: bool,
    /// Write the records to this file, which must not be there yet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "all"])]
    pub record: Option<PathBuf>,
    #[command(flatten)]
    pub place: Where,
}

/// Run rules over what was recorded, and compare with what other rules would have raised
///
/// Takes telemetry.events.v1, from the log or from files that `tripline tail --record` wrote, through the same steps as a
/// running processor, and tells the alerts that follow, and the actions that would have been asked for. The same input and
/// rules give the same bytes, ids included. Nothing is written to any topic.
///
/// Recorded commands take effect where their markers stand; those that swap the rule set only with --rules recorded. From
/// the log they come by themselves; a file should have control.v1.
///
/// Rules that count over several endpoints go on from recorded matches, rule.matches.v1, where --from has them: exact for
/// the rules that ran then. Otherwise, and with --against, they get the matches that come out of this replay.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline replay --from telemetry.events.v1
  tripline replay --from today.avro --rules rules/ --against old-rules/
  tripline replay --from telemetry.events.v1 --since 2026-01-31T00:00:00Z --out alerts.avro
  tripline replay --from today.avro --rules new/ --against old/ --fail-on-difference --output json")]
pub struct Replay {
    /// A topic of the log, or a file; several are separated by commas. What is there as a file is one
    #[arg(long, value_name = "TOPIC|FILE,...", required = true, value_delimiter = ',')]
    pub from: Vec<String>,
    /// Begin with records appended at this time (RFC 3339). What windows held before is not known
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// End before records appended at this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The rules: a file or directory of rules, a topology, the digest of a set on rule.sets.v1, or recorded: the sets
    /// that recorded commands swapped in [default: the rules that come with the program]
    #[arg(long, value_name = "RULES")]
    pub rules: Option<PathBuf>,
    /// Rules to compare with: what only --rules raises is added, what only these raise is removed
    #[arg(long, value_name = "RULES")]
    pub against: Option<PathBuf>,
    /// Spread the records anew, by their keys, over so many partitions [default: as they were recorded]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub partitions: Option<u32>,
    /// Which matches rules that count over several endpoints get [default: recorded where --from has them and nothing is compared]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub matches: Option<MatchesOf>,
    /// Write the alerts of --rules to this file, in the form of a recording; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit status 1 if alerts were added, removed or changed
    #[arg(long, requires = "against")]
    pub fail_on_difference: bool,
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MatchesOf {
    /// Those of rule.matches.v1, as they were recorded
    Recorded,
    /// Those that come out of this replay, each with the append time of its event
    Derived,
}
