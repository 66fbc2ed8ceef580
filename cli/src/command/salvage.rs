//! `tripline salvage`: what can still be read of a damaged log, into a new data directory.

use bus::config::Log as LogConfig;
use bus::embedded::{Options, Salvaged, salvage};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::place::log_dir;
use crate::{settled, terminal};

pub fn run(args: &args::Salvage, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, Vec::new())?;
    let damaged = log_dir(&config.dir);
    if !damaged.is_dir() {
        return Err(Failure::NoLog { dir: config.dir });
    }
    let options = match &config.log {
        LogConfig::Embedded(settings) => settings.options(),
        LogConfig::Kafka(_) => Options::default(),
    };
    let partitions = salvage(&damaged, &log_dir(&args.into), &options)?;
    terminal::print(partitions.iter().map(|partition| line(partition, common.output)).collect::<String>())?;
    match partitions.iter().filter(|partition| !partition.lost.is_empty()).count() {
        0 => Ok(()),
        partitions => Err(Failure::Lost { partitions }),
    }
}

fn line(salvaged: &Salvaged, form: Form) -> String {
    let Salvaged { partition, records, lost } = salvaged;
    match form {
        Form::Text => {
            let lost: Vec<_> = lost.iter().map(|range| format!("{} to {}", range.start, range.end - 1)).collect();
            let lost = if lost.is_empty() { String::new() } else { format!(", lost: offsets {}", lost.join(", ")) };
            format!("{partition}: {records} records{lost}\n")
        }
        Form::Json => {
            let lost: Vec<_> = lost.iter().map(|range| json!({ "from": range.start, "to": range.end - 1 })).collect();
            let (topic, index) = (&*partition.topic, partition.index);
            format!("{}\n", json!({ "topic": topic, "partition": index, "records": records, "lost": lost }))
        }
    }
}
