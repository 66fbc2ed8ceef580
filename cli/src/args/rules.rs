//! Words of `tripline rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Order;

pub(super) const RULES_EXAMPLES: &str = "\
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
    ///
    /// Rules of files, or those that come with the program. Which rules run, and which are off or muted, `tripline stats` tells.
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
    /// It sees no events until somebody turns it on again, or a rule set without it is applied.
    #[command(after_help = "Examples:\n  tripline rules disable slow_model_call --reason \"known, fixed on Monday\"")]
    Disable(RulesSwitch),
    /// Hold back a rule's alerts for a while; they are counted, and the counts are told
    ///
    /// A rule set without the rule ends its mutes.
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
