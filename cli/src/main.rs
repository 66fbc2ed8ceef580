//! `tripline`: the operator's tool, and with `up` a whole pipeline in one process.
//!
//! The way of a command: words ([`args`]) → what they mean, with the configuration ([`settled`]) → where the log is
//! ([`place`]) → the command itself ([`command`]). Everything that can be refused is refused before anything is touched.

mod args;
mod command;
mod demo;
mod failure;
mod input;
mod lines;
mod logging;
mod orders;
mod pipeline;
mod place;
mod progress;
mod rule_set;
mod schemas;
mod settled;
mod signals;
mod table;
mod terminal;
mod view;

use std::process::ExitCode;

use clap::Parser;
use contracts::failure::Status;
use tikv_jemallocator::Jemalloc;

use args::{Cli, Form};

/// RocksDB and librdkafka allocate by it, too.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    let form = cli.common.output;
    let done = logging::start(cli.common.log.as_deref()).and_then(|()| command::run(cli));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(form);
            ExitCode::from(failure.status().code())
        }
    }
}

/// What clap has to say: help and versions are no errors, and go to standard output.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader who left is no reason to complain.
        drop(error.print());
        return ExitCode::SUCCESS;
    }
    if asks_for_json(std::env::args()) {
        let message = error.render().to_string();
        let message = message.trim().strip_prefix("error: ").unwrap_or(&message);
        let error = serde_json::json!({ "error": { "status": Status::Usage.code(), "message": message } });
        terminal::complain(error.to_string());
    } else {
        drop(error.print());
    }
    ExitCode::from(Status::Usage.code())
}

/// The words could not be understood as a whole; the form of errors is looked for among them all the same.
fn asks_for_json(words: impl Iterator<Item = String>) -> bool {
    let json = Form::Json;
    let name = clap::ValueEnum::to_possible_value(&json).expect("invariant: every form has a name");
    let words: Vec<String> = words.take_while(|word| word != "--").collect();
    words.windows(2).any(|pair| pair[0] == "--output" && pair[1] == name.get_name())
        || words.iter().any(|word| word.strip_prefix("--output=") == Some(name.get_name()))
}
