//! The command line as it is typed, and its help.
//!
//! Invariant: nothing is decided here. What the words mean together is found by [`crate::settled`], before anything runs.

#![expect(clippy::doc_markdown, reason = "these are help texts; marks of Markdown would be shown as they are")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Check, test, explain, list and format rules
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

const TOPOLOGY_EXAMPLES: &str = "\
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

const SCHEMAS_EXAMPLES: &str = "\
Examples:
  tripline schemas show telemetry_event_v1
  tripline schemas check --registry http://registry:8081
  tripline schemas publish --registry http://registry:8081";

#[derive(Debug, Subcommand)]
pub enum Schemas {
    /// Check every schema against its released versions, and against a registry if there is one
    #[command(after_help = "\
Examples:
  tripline schemas check
  tripline schemas check --registry http://registry:8081")]
    Check(RegistryPlace),
    /// Publish every schema to the registry, under the subject of each topic that carries it
    #[command(after_help = "Examples:\n  tripline schemas publish --registry http://registry:8081")]
    Publish(RegistryPlace),
    /// List the records, or show the Avro schema of one
    #[command(after_help = "\
Examples:
  tripline schemas show
  tripline schemas show telemetry_event_v1 > telemetry_event_v1.avsc")]
    Show(SchemasShow),
}

#[derive(Debug, Args)]
pub struct RegistryPlace {
    /// The schema registry (Confluent API), such as http://127.0.0.1:8081
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
}

#[derive(Debug, Args)]
pub struct SchemasShow {
    /// The record, such as telemetry_event_v1
    pub record: Option<String>,
}

const RULES_EXAMPLES: &str = "\
Examples:
  tripline rules check rules/
  tripline rules test rules/pii_email.rules
  tripline rules explain --rule worker_failure_rate --as plan
  tripline rules fmt rules/ --check";

/// Rules are read from files: *.rules in the text form, *.json in the JSON form, directories whole. Without a path the rules
/// that come with the program are meant.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Read and compile rules, naming all that is wrong with them
    ///
    /// Every error of every file is told in one run, with its line and column. Exit status 1 if there is any.
    #[command(after_help = "\
Examples:
  tripline rules check rules/
  tripline rules check my.rules --playbook isolate-host --output json")]
    Check(RulesCheck),
    /// Run the cases that rules name under `tests`
    ///
    /// Each case is fed to its rule alone. Of a case that fails the first difference is shown, and what the rule compared. Exit
    /// status 1 if any fails.
    #[command(after_help = "\
Examples:
  tripline rules test
  tripline rules test rules/ --rule pii_email")]
    Test(RulesChosen),
    /// Show rules in either form, or the plan that will run
    #[command(after_help = "\
Examples:
  tripline rules explain rules/pii_email.rules --as json
  tripline rules explain --rule tool_rate_limit --as plan")]
    Explain(RulesExplain),
    /// List rules: severity, category, topics, and where their state lives
    #[command(after_help = "\
Examples:
  tripline rules list
  tripline rules list rules/ --output json")]
    List(RulesChosen),
    /// Write files of the text form anew, in their canonical spacing
    ///
    /// Comments and the order of keys stay. - reads standard input and writes standard output.
    #[command(after_help = "\
Examples:
  tripline rules fmt rules/
  tripline rules fmt rules/ --check
  tripline rules fmt - < my.rules")]
    Fmt(RulesFmt),
    /// Make the rules of files the ones that run, in every task, and say from where on
    ///
    /// Compiles them first; nothing is sent of rules with an error. Puts the rule set on the log and waits until every task has
    /// taken it. A rule whose meaning stays keeps its windows and counts; the others begin anew, and what they held back is
    /// told. Rules are given as for `check`, or by a topology; without a path the configured topology is meant.
    #[command(after_help = "\
Examples:
  tripline rules apply rules/ --reason \"tickets 41 and 44\"
  tripline rules apply my-topology.toml --brokers broker-1:9092
  tripline rules apply")]
    Apply(RulesApply),
    /// Turn a rule on, whatever its file says
    ///
    /// It stays on until somebody turns it off, or a rule set without it is applied.
    #[command(after_help = "Examples:\n  tripline rules enable slow_model_call --reason \"the new model is in place\"")]
    Enable(RulesSwitch),
    /// Turn a rule off, whatever its file says
    ///
    /// It sees no events until somebody turns it on again; a rule set that is applied meanwhile does not.
    #[command(after_help = "Examples:\n  tripline rules disable slow_model_call --reason \"known, fixed on Monday\"")]
    Disable(RulesSwitch),
    /// Hold back a rule's alerts for a while; they are counted, and the counts are told
    #[command(after_help = "\
Examples:
  tripline rules mute pii_email --for 2h --reason \"mail migration\"
  tripline rules mute pii_email --for 1d --endpoint host-7
  tripline rules mute pii_email --for 0s")]
    Mute(RulesMute),
}

#[derive(Debug, Args)]
pub struct RulesApply {
    /// A file or a directory of rules, or a topology
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    #[command(flatten)]
    pub order: Order,
}

#[derive(Debug, Args)]
pub struct RulesSwitch {
    /// The rule's id
    #[arg(value_name = "RULE")]
    pub rule: String,
    #[command(flatten)]
    pub order: Order,
}

#[derive(Debug, Args)]
pub struct RulesMute {
    /// The rule's id
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// For how long from now: 30m, 2h, 1d; 0s ends a mute with the same group and endpoint
    #[arg(long = "for", value_name = "DURATION")]
    pub length: String,
    /// Only in this group: its key as alerts show it
    #[arg(long, value_name = "KEY")]
    pub group: Option<String>,
    /// Only on this endpoint
    #[arg(long, value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
    #[command(flatten)]
    pub order: Order,
}

#[derive(Debug, Args)]
pub struct RulesCheck {
    /// Files and directories of rules
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A playbook that rules may name; may be given again. Unchecked without
    #[arg(long, value_name = "NAME")]
    pub playbook: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RulesChosen {
    /// Files and directories of rules
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only the rule of this id; may be given again
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RulesExplain {
    #[command(flatten)]
    pub chosen: RulesChosen,
    /// What to show
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t)]
    pub form: RuleForm,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RuleForm {
    /// The text form
    Text,
    /// The JSON form, one rule a line
    Json,
    /// What will run: topics, literals looked for, fields read, scope and why, digests
    #[default]
    Plan,
}

#[derive(Debug, Args)]
pub struct RulesFmt {
    /// Files and directories of rules
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Only tell which files would change; exit status 1 if any
    #[arg(long)]
    pub check: bool,
}

const ALERTS_EXAMPLES: &str = "\
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

const SUBSCRIPTIONS_EXAMPLES: &str = "\
Examples:
  tripline subscriptions list
  tripline subscriptions add lab.json --watcher default
  tripline subscriptions remove lab";

#[derive(Debug, Subcommand)]
pub enum Subscriptions {
    /// List the subscriptions in force: those of the rule set, and those added since
    #[command(after_help = "Examples:\n  tripline subscriptions list --output json")]
    List(SubscriptionsList),
    /// Add a subscription: one JSON object with `subscription_id`, `rules`, `topic` and what else it selects by
    #[command(after_help = "\
Examples:
  tripline subscriptions add lab.json --watcher default
  echo '{\"subscription_id\":\"lab\",\"watcher\":\"default\",\"topic\":\"lab.*\",\"rules\":[\"pii_email\"]}' | tripline subscriptions add -")]
    Add(SubscriptionsAdd),
    /// Remove a subscription, whether it was added or is the rule set's
    #[command(after_help = "Examples:\n  tripline subscriptions remove lab")]
    Remove(SubscriptionsRemove),
}

#[derive(Debug, Args)]
pub struct SubscriptionsList {
    #[command(flatten)]
    pub place: Where,
}

#[derive(Debug, Args)]
pub struct SubscriptionsAdd {
    /// The file of the object; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The watcher whose rules it names, where the object does not say
    #[arg(long, value_name = "WATCHER")]
    pub watcher: Option<String>,
    #[command(flatten)]
    pub order: Order,
}

#[derive(Debug, Args)]
pub struct SubscriptionsRemove {
    /// The subscription's id
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub order: Order,
}

/// Show detection in numbers: alerts, what was held back and why, rules with their state
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tripline stats
  tripline stats --output json | jq .held_back")]
pub struct Stats {
    #[command(flatten)]
    pub place: Where,
}

const RISK_EXAMPLES: &str = "\
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

const CONFIG_EXAMPLES: &str = "\
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
