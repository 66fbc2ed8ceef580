//! `tripline tail`: the records of a topic, as they are.
//!
//! Invariant: every record between the start and the end is shown or left out for a reason that was asked for (`--key`,
//! no `--all`, `--limit`); one that cannot be decoded is shown as such. Order holds within a partition.

mod show;

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use bus::config::Config;
use bus::{Batch, BatchLimit, BusError, Progress, Record, Start, Until};
use console::Log;
use console::wire::start::From as StartText;
use contracts::nearest::nearest;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::place::{self, Access, Writers};
use crate::schemas::Schemas;
use crate::{settled, terminal};
use show::Shower;

const BATCH: BatchLimit = BatchLimit { records_max: 1_000, bytes_max: 1024 * 1024, wait: Duration::from_millis(200) };

#[derive(Debug)]
pub struct Tail {
    form: Form,
    config: Config,
    topic: String,
    from: Start,
    /// Empty for all.
    partitions: Vec<u32>,
    key: Option<String>,
    until: Until,
    limit: u64,
    shows_all: bool,
}

impl Tail {
    pub fn settle(args: args::Tail, common: &Common) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::error::Error| Failure::Flag { flag: "--from", reason: error.to_string() };
        let StartText(from) = args.from.parse::<StartText>().map_err(|error| wrong(&error))?;
        let config = settled::config(common, args.place.overrides())?;
        Ok(Self {
            form: common.output,
            config,
            topic: args.topic,
            from,
            partitions: args.partition,
            key: args.key,
            until: if args.follow { Until::Forever } else { Until::End },
            limit: args.limit.unwrap_or(u64::MAX),
            shows_all: args.all,
        })
    }

    pub fn run(self) -> Result<(), Failure> {
        let place = place::open(&self.config, Access::Existing)?;
        if self.until == Until::Forever && place.writers == Writers::OnlyWe {
            return Err(Failure::NothingToFollow { name: place.name });
        }
        let schemas = Schemas::of(self.config.registry.as_ref())?;
        let partitions = self.partitions(&*place.log)?;
        let mut reader = place.log.read(&self.topic, &partitions, self.from, self.until)?;
        let shower = Shower::new(&self.topic, self.form, &schemas, terminal::wants_colour(&io::stdout()));
        let mut out = BufWriter::new(io::stdout().lock());
        let mut batch = Batch::default();
        let mut left = self.limit;
        while left > 0 {
            let progress = reader.next(&mut batch, &BATCH)?;
            for record in batch.records().filter(|record| self.is_wanted(record)) {
                let Some(line) = shower.line(&record, self.shows_all)? else { continue };
                writeln!(out, "{line}").map_err(terminal::of_output)?;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
            out.flush().map_err(terminal::of_output)?;
            if progress == Progress::Done {
                break;
            }
        }
        Ok(())
    }

    fn is_wanted(&self, record: &Record<'_>) -> bool {
        self.key.as_ref().is_none_or(|key| record.key == Some(key.as_bytes()))
    }

    fn partitions(&self, log: &dyn Log) -> Result<Vec<u32>, Failure> {
        let topics = log.topics()?;
        let Some(found) = topics.iter().find(|found| found.name == self.topic) else {
            let near = nearest(&self.topic, topics.iter().map(|found| found.name.as_str()));
            return Err(Failure::NoTopic { topic: self.topic.clone(), nearest: near.map(str::to_owned) });
        };
        let count = found.partitions.get();
        if let Some(beyond) = self.partitions.iter().find(|index| **index >= count) {
            let partition = bus::Partition::new(&self.topic, *beyond);
            return Err(BusError::UnknownPartition { partition, partitions: count }.into());
        }
        let chosen = if self.partitions.is_empty() { (0..count).collect() } else { self.partitions.clone() };
        if matches!(self.from, Start::At(_)) && chosen.len() > 1 {
            let reason = format!("an offset is of one partition; name one of the {count} with --partition");
            return Err(Failure::Flag { flag: "--from", reason });
        }
        Ok(chosen)
    }
}
