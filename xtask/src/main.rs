//! `cargo xtask`: what developers do with this repository beside `cargo` itself.
//!
//! Absent on purpose: anything that links a broker client or RocksDB. This tool is built before everything else.

mod cargo;
mod error;
mod part;
mod schemas;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use error::Error;
use part::{Name, Part};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Developer tasks: real parts, tests, benchmarks, schemas", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask kafka start               a broker on a free port, until `kafka stop`
  cargo xtask kafka start --name two    another one beside it
  cargo xtask test                      all tests, on real parts
  cargo xtask test -- poison            the tests whose name contains `poison`
  cargo xtask soak --kills 200          processors killed and cut off on a real broker, for a quarter of an hour
  cargo xtask schemas bless             after a change of a record
  cargo xtask bench --help              the benchmarks";

#[derive(Debug, Subcommand)]
enum Task {
    /// A real Kafka broker that runs until it is stopped
    #[command(subcommand)]
    Kafka(Kafka),
    /// A real schema registry (Confluent's API) that runs until it is stopped
    #[command(subcommand)]
    Registry(Registry),
    /// A real S3-compatible store that runs until it is stopped
    #[command(subcommand)]
    S3(S3),
    /// Fetches the real parts, then runs every test of the workspace
    #[command(after_help = TEST_EXAMPLES)]
    Test(Passed),
    /// Kills processors under load on a real broker, again and again; prints what that came to as JSON
    #[command(after_help = SOAK_EXAMPLES)]
    Soak(Soak),
    /// The schema files
    #[command(subcommand)]
    Schemas(Schemas),
    /// Builds and runs the benchmarks with the release profile
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(Passed),
}

#[derive(Debug, Subcommand)]
enum Kafka {
    /// Starts a broker on free ports, with the data of its last run if there was one
    #[command(after_help = KAFKA_EXAMPLES)]
    Start {
        #[command(flatten)]
        which: Which,
        /// A broker setting; may be given several times
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
        settings: Vec<(String, String)>,
    },
    /// Ends a broker; its logs and data stay
    Stop(Stop),
    /// Says which brokers run, and where
    Status(Status),
}

#[derive(Debug, Subcommand)]
enum Registry {
    /// Starts an empty registry on a free port
    #[command(after_help = REGISTRY_EXAMPLES)]
    Start(Which),
    /// Ends a registry; its log stays
    Stop(Stop),
    /// Says which registries run, and where
    Status(Status),
}

#[derive(Debug, Subcommand)]
enum S3 {
    /// Starts a store on a free port, with the data of its last run if there was one
    #[command(after_help = S3_EXAMPLES)]
    Start(Which),
    /// Ends a store; its log and data stay
    Stop(Stop),
    /// Says which stores run, and where
    Status(Status),
}

#[derive(Debug, Subcommand)]
enum Schemas {
    /// Writes schemas/ as the records are declared now, and says what changed
    #[command(after_help = BLESS_EXAMPLES)]
    Bless,
}

#[derive(Debug, Args)]
struct Soak {
    /// How many processors are killed with SIGKILL; of the other faults there are in proportion
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..))]
    kills: u32,
    /// Repeats the choices of a run; its instants are another's all the same
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Args)]
struct Which {
    /// Tells several apart that run side by side
    #[arg(long, default_value = "default")]
    name: Name,
}

#[derive(Debug, Args)]
struct Stop {
    #[command(flatten)]
    which: Which,
    /// Removes its logs and data, too
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
struct Status {
    /// Only this one; exit status 1 if it does not run
    #[arg(long)]
    name: Option<Name>,
}

#[derive(Debug, Args)]
struct Passed {
    /// Passed on as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

const KAFKA_EXAMPLES: &str = "\
Examples:
  cargo xtask kafka start
  cargo xtask kafka start --name two --set log.retention.ms=60000";

const REGISTRY_EXAMPLES: &str = "\
Example:
  cargo xtask registry start";

const S3_EXAMPLES: &str = "\
Example:
  cargo xtask s3 start";

const TEST_EXAMPLES: &str = "\
Examples:
  cargo xtask test
  cargo xtask test --test conformance   one file of tests
  cargo xtask test -- poison            tests whose name contains `poison`";

const SOAK_EXAMPLES: &str = "\
Examples:
  cargo xtask soak
  cargo xtask soak --kills 1000 > soak.json

Exit status 0 if no alert was lost and none came twice. What happens meanwhile is told on standard error.";

const BLESS_EXAMPLES: &str = "\
Example:
  cargo xtask schemas bless && git diff schemas/";

const BENCH_EXAMPLES: &str = "\
Example:
  cargo xtask bench --help              what the benchmarks take";

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Kafka(task) => kafka(task),
        Task::Registry(task) => registry(task),
        Task::S3(task) => s3(task),
        Task::Test(passed) => cargo::test(&passed.arguments),
        Task::Soak(soak) => cargo::soak(soak.kills, soak.seed),
        Task::Schemas(Schemas::Bless) => schemas::bless(),
        Task::Bench(passed) => cargo::bench(&passed.arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn kafka(task: Kafka) -> Result<ExitCode, Error> {
    match task {
        Kafka::Start { which, settings } => part::start(Part::Kafka, &which.name, settings),
        Kafka::Stop(stop) => part::stop(Part::Kafka, &stop.which.name, stop.remove),
        Kafka::Status(status) => part::status(Part::Kafka, status.name.as_ref()),
    }
}

fn registry(task: Registry) -> Result<ExitCode, Error> {
    match task {
        Registry::Start(which) => part::start(Part::Registry, &which.name, Vec::new()),
        Registry::Stop(stop) => part::stop(Part::Registry, &stop.which.name, stop.remove),
        Registry::Status(status) => part::status(Part::Registry, status.name.as_ref()),
    }
}

fn s3(task: S3) -> Result<ExitCode, Error> {
    match task {
        S3::Start(which) => part::start(Part::S3, &which.name, Vec::new()),
        S3::Stop(stop) => part::stop(Part::S3, &stop.which.name, stop.remove),
        S3::Status(status) => part::status(Part::S3, status.name.as_ref()),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, for instance log.retention.ms=60000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_for_the_tests_pass_unread() {
        let task = Arguments::parse_from(["xtask", "test", "--test", "x", "--", "--nocapture"]).task;
        let Task::Test(passed) = task else { panic!("not a test task: {task:?}") };
        assert_eq!(passed.arguments, ["--test", "x", "--", "--nocapture"]);
    }

    #[test]
    fn a_setting_without_a_name_is_refused() {
        for (text, expected) in [("a=b=c", Some(("a", "b=c"))), ("a", None), ("=b", None)] {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(setting(text).ok(), expected, "{text}");
        }
    }
}
