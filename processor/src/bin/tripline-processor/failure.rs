//! What the service may end with, and the exit status that says so; the statuses are those of docs/cli.md.
//!
//! Invariant: every failure is told once, on standard error, with the next step; with a log in JSON as one object.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bus::config::LogForm;
use bus::registry::RegistryError;
use bus::{BusError, Difference, ErrorKind};
use contracts::failure::{self, Status};
use contracts::json::Object;
use contracts::settings::Problems;
use processor::{FramingError, ProcessorError};
use tracing_subscriber::filter::ParseError;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Config(Problems),
    #[error(
        "`instance` is missing: a processor on Kafka has a name that no other process has, by which it keeps its partitions over \
         a restart and ends what an earlier process of the same name left open. Set `instance` in the file, TRIPLINE_INSTANCE or \
         --instance; in Kubernetes the name of a StatefulSet's pod is one"
    )]
    NoInstance,
    #[error(
        "this configuration names the embedded log in {}, which one process owns: `tripline up` runs processors on it. For Kafka \
         set `kafka.brokers`, TRIPLINE_KAFKA__BROKERS or --brokers", dir.display()
    )]
    EmbeddedLog { dir: PathBuf },
    #[error("{}: cannot read the topology", path.display())]
    TopologyFile { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Topology(Problems),
    #[error("{setter}: expected a level such as debug, or levels by module such as bus=debug, found {found:?}")]
    LogFilter { setter: &'static str, found: String, source: ParseError },
    #[error("cannot watch for signals")]
    Signals { source: io::Error },
    #[error("{address}: cannot serve health and metrics here; name another address by `processor.listen` or --listen")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("{endpoint}: cannot send spans there: {reason}; see `traces.endpoint`")]
    Traces { endpoint: String, reason: String },
    #[error(
        "the topics of the cluster are not those of {declared}:\n{}\n`tripline topology apply` makes what is missing and mends \
         settings; it never changes a number of partitions",
        lines(differences)
    )]
    TopicsDiffer { declared: String, differences: Vec<Difference> },
    #[error(
        "`{instance}` is the name of another process, too: one on {host} took our place in the group `{group}` and is there after \
         {waited:?} still. Give each process an `instance` of its own, or end one of them"
    )]
    NameTaken { instance: String, group: String, host: String, waited: Duration },
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error(transparent)]
    Processor(#[from] ProcessorError),
}

impl Failure {
    pub fn status(&self) -> Status {
        match self {
            Self::Config(_)
            | Self::NoInstance
            | Self::EmbeddedLog { .. }
            | Self::LogFilter { .. }
            | Self::Traces { .. } => Status::Usage,
            // Another process has it.
            Self::Listen { .. } | Self::NameTaken { .. } | Self::Processor(ProcessorError::Fenced { .. }) => {
                Status::CannotReach
            }
            Self::TopicsDiffer { differences, .. } => {
                let is_fixed = |difference: &Difference| matches!(difference, Difference::Partitions { .. });
                if differences.iter().any(is_fixed) { Status::Refused } else { Status::CheckFailed }
            }
            Self::Bus(error) | Self::Processor(ProcessorError::Bus(error)) => error.status(),
            Self::Registry(error) | Self::Framing(FramingError::Registry(error)) => error.status(),
            // It can go on, if somebody says so.
            Self::Processor(
                ProcessorError::StateMissing { .. }
                | ProcessorError::InputGone { .. }
                | ProcessorError::PositionsFell { .. },
            ) => Status::Refused,
            Self::TopologyFile { .. }
            | Self::Topology(_)
            | Self::Signals { .. }
            | Self::Framing(FramingError::NotPublished { .. })
            | Self::Processor(_) => Status::CheckFailed,
        }
    }

    /// Whether the same may succeed in a moment: something outside could not be reached.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Bus(error) => error.kind() == ErrorKind::Unavailable,
            Self::Processor(error) => error.is_passing(),
            Self::Registry(error) | Self::Framing(FramingError::Registry(error)) => {
                matches!(error, RegistryError::Unreachable { .. } | RegistryError::Failed { .. })
            }
            _ => false,
        }
    }

    /// With its causes.
    pub fn message(&self) -> String {
        failure::message(self)
    }

    /// Tells it, once, and says how to end.
    pub fn report(&self, form: LogForm) -> ExitCode {
        let message = self.message();
        match form {
            LogForm::Text => eprintln!("error: {message}"),
            LogForm::Json => {
                let error = Object::new().with("status", i64::from(self.status().code())).with("message", message);
                eprintln!("{}", Object::new().with("error", error).text());
            }
        }
        ExitCode::from(self.status().code())
    }
}

fn lines(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(|difference| format!("  {difference}")).collect();
    lines.join("\n")
}
