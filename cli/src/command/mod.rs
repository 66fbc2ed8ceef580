//! One module per command: what its words mean, then what it does.

mod alerts;
mod config;
mod load;
mod replay;
mod risk;
mod rules;
mod salvage;
mod schemas;
mod send;
mod shell;
mod stats;
mod subscriptions;
mod tail;
mod topology;
mod up;

use crate::args::{Cli, Command};
use crate::failure::Failure;

pub fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Up(args) => up::Up::settle(args, &common)?.run(),
        Command::Send(args) => send::Send::settle(args, &common)?.run(),
        Command::Tail(args) => tail::Tail::settle(args, &common)?.run(),
        Command::Replay(args) => replay::Replay::settle(args, &common)?.run(),
        Command::Topology(args) => topology::run(args, &common),
        Command::Schemas(args) => schemas::run(args, &common),
        Command::Rules(args) => rules::run(args, &common),
        Command::Alerts(args) => alerts::run(args, &common),
        Command::Subscriptions(args) => subscriptions::run(args, &common),
        Command::Stats(args) => stats::run(&args, &common),
        Command::Risk(args) => risk::run(&args, &common),
        Command::Load(args) => load::Load::settle(args, &common)?.run(),
        Command::Config(args) => config::run(&args, &common),
        Command::Salvage(args) => salvage::run(&args, &common),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::manual(&args),
    }
}
