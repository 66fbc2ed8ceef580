//! What a command may end with when it is not done, and the exit status that says so.
//!
//! Invariant: every failure is told once, on standard error, as `error: what, where, expected and found, next step`; with
//! `--output json` as one object. A pipe that nobody reads any more is no failure.

use std::io;
use std::path::PathBuf;

use bus::BusError;
use bus::registry::RegistryError;
use console::control::CommandError;
use console::explain::ExplainError;
use console::listen::ListenError;
use console::model::NoAlert;
use contracts::codec::DecodeError;
use contracts::failure::{self, Status};
use contracts::field::NotAJsonObject;
use contracts::settings::Problems;
use detection::parts::SetTooLarge;
use detection::scenario::CaseError;
use processor::{CoreError, ProcessorError};
use serde_json::json;
use tracing_subscriber::filter::ParseError;

use crate::args::Form;
use crate::terminal::complain;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Log(#[from] BusError),
    /// Of a command to whoever runs.
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    NoAlert(#[from] NoAlert),
    #[error(transparent)]
    Explain(#[from] ExplainError),
    #[error(
        "rule {rule} {what}: no alert would follow from this load; `tripline rules enable` or `rules apply` changes that, and --profile \
         names another rule"
    )]
    LoadRule { rule: String, what: &'static str },
    #[error("{file}: {reason}")]
    Subscription { file: String, reason: String },
    #[error("the command's parameters are no JSON object that a record takes")]
    Parameters(#[source] NotAJsonObject),
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    #[error(transparent)]
    RuleSet(#[from] SetTooLarge),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("no schema registry is named; name one with --registry or `registry.url`")]
    NoRegistry,
    #[error(
        "the registry does not have the schema of {record} under the subject `{subject}`; `tripline schemas publish` puts it there"
    )]
    NotPublished { record: &'static str, subject: String },
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    SchemaUnavailable(DecodeError),
    /// Of the configuration.
    #[error("{0}")]
    Config(Problems),
    /// Of a topology file.
    #[error("{0}")]
    Topology(Problems),
    #[error("there is no log in {} yet; `tripline up` makes one and runs it, `tripline topology apply` only makes it", dir.display())]
    NoLog { dir: PathBuf },
    #[error(
        "nothing would follow: while this command has {name} open, nobody else can write to it; run `tripline up`, then follow"
    )]
    NothingToFollow { name: String },
    #[error("topic `{topic}` does not exist; {hint}; `tripline topology apply` makes the topics of a topology")]
    NoTopic { topic: String, hint: String },
    #[error("{flag}: {reason}")]
    Flag { flag: &'static str, reason: String },
    #[error("{}: {doing}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot {doing}")]
    Io { doing: &'static str, source: io::Error },
    #[error("{setter}: expected a level such as debug, or levels by module such as bus=debug, found {found:?}")]
    LogFilter { setter: &'static str, found: String, source: ParseError },
    /// Each was reported where it was found.
    #[error("{count} of {of} events {what}; the reasons are above")]
    Events { count: u64, of: u64, what: &'static str },
    #[error("{}: expected files that end in .rules or .json, or a directory with some", path.display())]
    NoRules { path: PathBuf },
    #[error("{}: expected one topology, found {}; name the one that is meant", directory.display(), listed(found))]
    Topologies { directory: PathBuf, found: Vec<PathBuf> },
    #[error("{files}: {problem}")]
    Rules { files: String, problem: String },
    #[error("{file}: {error}")]
    Cases { file: String, error: CaseError },
    #[error("{failed} of {cases} cases failed; the differences are above")]
    CasesFailed { failed: usize, cases: usize },
    /// Each was reported where it was checked.
    #[error("{bad} of {of} files are not good; the reasons are above")]
    Files { bad: usize, of: usize },
    #[error("nothing was scored; {} named above", problems(*named, *unnamed))]
    RiskInput { named: usize, unnamed: usize },
    #[error("{count} problems; they are named above")]
    Checks { count: usize },
    #[error("records of {partitions} partitions are lost; their offsets are named above")]
    Lost { partitions: usize },
    #[error("expected one of {}, found {found:?}", known.join(", "))]
    NoRecord { known: Vec<&'static str>, found: String },
    #[error("{}: the pipeline ended before it was ready; its reason is above", dir.display())]
    PipelineEnded { dir: PathBuf },
    #[error("{lost} alerts lost, {duplicated} duplicated, {refused} events not taken by the log")]
    Load { lost: u64, duplicated: u64, refused: u64 },
    #[error("{added} alerts added, {removed} removed, {changed} changed")]
    Differ { added: u64, removed: u64, changed: u64 },
    #[error("interrupted; what was sent before is stored")]
    Interrupted,
    /// Whoever read the output has gone.
    #[error("the output was closed")]
    OutputClosed,
}

impl Failure {
    pub fn status(&self) -> Status {
        match self {
            Self::Log(error)
            | Self::Explain(ExplainError::Log(error))
            | Self::Processor(ProcessorError::Bus(error)) => error.status(),
            Self::Command(error) => of_command(error),
            Self::Registry(error) => error.status(),
            Self::Processor(ProcessorError::Core(CoreError::SchemaUnavailable { .. })) => Status::CannotReach,
            Self::Listen(ListenError::NotLoopback { .. }) => Status::Refused,
            Self::Listen(_) | Self::SchemaUnavailable(_) | Self::NoLog { .. } | Self::NothingToFollow { .. } => {
                Status::CannotReach
            }
            Self::Config(_) | Self::Flag { .. } | Self::LogFilter { .. } | Self::NoRegistry => Status::Usage,
            Self::Processor(_)
            | Self::RuleSet(_)
            | Self::NoAlert(_)
            | Self::Explain(_)
            | Self::Subscription { .. }
            | Self::Parameters(_)
            | Self::Topology(_)
            | Self::NoTopic { .. }
            | Self::NoRecord { .. }
            | Self::NotPublished { .. }
            | Self::File { .. }
            | Self::Io { .. }
            | Self::Events { .. }
            | Self::NoRules { .. }
            | Self::Topologies { .. }
            | Self::Rules { .. }
            | Self::Cases { .. }
            | Self::CasesFailed { .. }
            | Self::Files { .. }
            | Self::RiskInput { .. }
            | Self::Checks { .. }
            | Self::PipelineEnded { .. }
            | Self::Load { .. }
            | Self::LoadRule { .. }
            | Self::Lost { .. }
            | Self::Differ { .. } => Status::CheckFailed,
            Self::Interrupted => Status::Interrupted,
            Self::OutputClosed => Status::Done,
        }
    }

    /// Tells it, once.
    pub fn report(&self, form: Form) {
        if matches!(self, Self::OutputClosed) {
            return;
        }
        let message = failure::message(self);
        match form {
            Form::Text => complain(format!("error: {message}")),
            Form::Json => {
                let error = json!({ "error": { "status": self.status().code(), "message": message } });
                complain(error.to_string());
            }
        }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn problems(named: usize, unnamed: usize) -> String {
    match (named, unnamed) {
        (1, 0) => "the problem is".to_owned(),
        (named, 0) => format!("its {named} problems are"),
        (named, unnamed) => format!("{named} of its {} problems are", named + unnamed),
    }
}

fn of_command(error: &CommandError) -> Status {
    match error {
        CommandError::Log(error) => error.status(),
        CommandError::Encoding(_) => Status::CheckFailed,
        CommandError::Refused { .. } => Status::Refused,
        CommandError::Unanswered { .. } | CommandError::Left { .. } | CommandError::Deaf { .. } => Status::CannotReach,
    }
}
