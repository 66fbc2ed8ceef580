//! Figures as JSON: `cargo xtask bench [NAME…]`.
//!
//! Invariant: a figure is the median of its runs, with the least and the greatest beside it; a comparison is a ratio of
//! two things measured in turn within one run, because machines differ and drift.
//!
//! Absent on purpose: thresholds. A benchmark reports; whether a figure is good enough is read by people.

mod canonical;
mod embedded;
mod engine;
mod figure;
mod kafka;
mod log;
mod machine;
mod pipeline;
mod records;
mod replay;
mod risk;
mod sample;
mod state;

use clap::{Parser, ValueEnum};
use figure::Figure;
use tikv_jemallocator::Jemalloc;

/// As in the programs that are measured.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Measures Tripline and prints the figures as JSON.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  bench canonical\n  bench --runs 9 records embedded\n  bench            everything, Kafka included (a broker is started for it)"
)]
struct Arguments {
    /// What to measure; everything if none is named.
    names: Vec<Name>,
    /// How often each is measured that is not measured once. The median is what counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Records,
    Canonical,
    Engine,
    Growth,
    Windows,
    Stages,
    State,
    Risk,
    Replay,
    Embedded,
    Kafka,
    /// Windowed updates in the store with few groups and with many
    Groups,
    /// A processor on a real broker: latency, memory, throughput
    Pipeline,
    /// SIGKILLs of a processor under load on a real broker: how long until it has caught up
    PipelineRestart,
    /// Ten minutes at 10,000 events/s on a real broker, and the greatest rate that is held; once
    Sustained,
    /// A backlog on a real broker by partitions and by size of payload
    PipelineGrowth,
    /// How long matches wait for the second stage while the first catches up on a real broker; once
    PipelineStages,
    /// Two million groups on a real broker; once
    PipelineGroups,
}

fn main() {
    let arguments = Arguments::parse();
    let names = if arguments.names.is_empty() { Name::value_variants() } else { &arguments.names };
    let figures: Vec<Figure> = names.iter().flat_map(|name| measure(*name, arguments.runs)).collect();
    let report = serde_json::json!({
        "machine": machine::describe(),
        "commit": machine::commit(),
        "runs": arguments.runs,
        "figures": figures,
    });
    println!("{report:#}");
}

fn measure(name: Name, runs: u32) -> Vec<Figure> {
    match name {
        Name::Records => records::measure(runs),
        Name::Canonical => canonical::measure(runs),
        Name::Engine => engine::pack(runs),
        Name::Growth => engine::growth(runs),
        Name::Windows => vec![engine::windows(runs)],
        Name::Stages => engine::stages::measure(runs),
        Name::State => state::measure(runs),
        Name::Risk => risk::measure(runs),
        Name::Replay => replay::measure(runs),
        Name::Embedded => embedded::measure(runs),
        Name::Kafka => kafka::measure(runs),
        Name::Groups => state::groups(runs),
        Name::Pipeline => pipeline::measure(runs),
        Name::PipelineRestart => vec![pipeline::restart(runs)],
        Name::Sustained => pipeline::sustained(),
        Name::PipelineGrowth => pipeline::growth(runs),
        Name::PipelineStages => pipeline::stages(),
        Name::PipelineGroups => pipeline::groups(),
    }
}
