//! `tripline tail`: the records of topics as they are, for people or into a file.
//!
//! Invariant: every record between the start and the end is shown or left out for a reason that was asked for (`--key`,
//! no `--all`, `--limit`); one that cannot be decoded is shown as such. Order holds within a partition.

mod show;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::config::Config;
use bus::recording::Recorder;
use bus::{Batch, BatchLimit, Progress, Reader, Record, Start, Until};
use console::wire::start::From as StartText;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::input::{self, Wanted};
use crate::place::{self, Access, Place, Writers};
use crate::schemas::Schemas;
use crate::{settled, terminal};
use show::Shower;

const BATCH: BatchLimit = BatchLimit { records_max: 1_000, bytes_max: 1024 * 1024, wait: Duration::from_millis(200) };

#[derive(Debug)]
pub struct Tail {
    form: Form,
    config: Config,
    topics: Vec<String>,
    from: Start,
    /// Empty for all.
    partitions: Vec<u32>,
    until: Until,
    limit: u64,
    goes: Goes,
}

/// Where the records go.
#[derive(Debug)]
enum Goes {
    Shown { key: Option<String>, with_all: bool },
    Recorded(PathBuf),
}

impl Tail {
    pub fn settle(args: args::Tail, common: &Common) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::error::Error| Failure::Flag { flag: "--from", reason: error.to_string() };
        let StartText(from) = args.from.parse::<StartText>().map_err(|error| wrong(&error))?;
        let config = settled::config(common, args.place.overrides())?;
        Ok(Self {
            form: common.output,
            config,
            topics: args.topics,
            from,
            partitions: args.partition,
            until: if args.follow { Until::Forever } else { Until::End },
            limit: args.limit.unwrap_or(u64::MAX),
            goes: match args.record {
                Some(path) => Goes::Recorded(path),
                None => Goes::Shown { key: args.key, with_all: args.all },
            },
        })
    }

    pub fn run(self) -> Result<(), Failure> {
        let place = place::open(&self.config, Access::Existing)?;
        if self.until == Until::Forever && place.writers == Writers::OnlyWe {
            return Err(Failure::NothingToFollow { name: place.name });
        }
        let wanted = self.wanted(&place)?;
        let mut reader = match self.until {
            Until::End => input::to_the_end(&*place.log, &wanted, self.from)?,
            Until::Forever => input::following(&*place.log, &wanted, self.from)?,
        };
        match &self.goes {
            Goes::Shown { key, with_all } => self.show(&mut *reader, key.as_deref(), *with_all),
            Goes::Recorded(path) => self.record(&mut *reader, &wanted, path),
        }
    }

    fn wanted(&self, place: &Place) -> Result<Vec<Wanted>, Failure> {
        let of = |topic: &String| Wanted::of(&*place.log, topic, &self.partitions);
        let wanted = self.topics.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        let partitions: usize = wanted.iter().map(|wanted| wanted.partitions.len()).sum();
        if matches!(self.from, Start::At(_)) && partitions > 1 {
            let reason = format!("an offset is of one partition; name one of the {partitions} with --partition");
            return Err(Failure::Flag { flag: "--from", reason });
        }
        Ok(wanted)
    }

    fn show(&self, reader: &mut dyn Reader, key: Option<&str>, with_all: bool) -> Result<(), Failure> {
        let schemas = Schemas::of(self.config.registry.as_ref())?;
        let has_colour = terminal::wants_colour(&io::stdout());
        let shower = |topic| Shower::new(topic, self.form, &schemas, has_colour);
        let showers: BTreeMap<&str, Shower<'_>> = self.topics.iter().map(|topic| (&**topic, shower(topic))).collect();
        let names_topic = self.topics.len() > 1 && self.form == Form::Text;
        let mut out = BufWriter::new(io::stdout().lock());
        let is_wanted = |record: &Record<'_>| key.is_none_or(|key| record.key == Some(key.as_bytes()));
        self.each_batch(reader, |batch, mut left| {
            for record in batch.records().filter(is_wanted) {
                let topic = &*record.partition.topic;
                let Some(line) = showers[topic].line(&record, with_all)? else { continue };
                let place = if names_topic { format!("{topic} ") } else { String::new() };
                writeln!(out, "{place}{line}").map_err(terminal::of_output)?;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
            out.flush().map_err(terminal::of_output)?;
            Ok(left)
        })
    }

    fn record(&self, reader: &mut dyn Reader, wanted: &[Wanted], path: &Path) -> Result<(), Failure> {
        let partitions = wanted.iter().map(|wanted| (wanted.topic.clone(), wanted.count)).collect();
        let mut recorder = Recorder::create(path, &partitions)?;
        let mut progress = crate::progress::Progress::new();
        let mut recorded = 0;
        self.each_batch(reader, |batch, left| {
            let mut taken = 0;
            for record in batch.records().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                recorder.push(&record)?;
                taken += 1;
            }
            recorded += taken;
            progress.at(recorded);
            if self.until == Until::Forever {
                // Whoever ends it ends it anywhere.
                recorder.flush()?;
            }
            Ok(left - taken)
        })?;
        recorder.finish()?;
        progress.end();
        match self.form {
            Form::Json => terminal::print(format!("{}\n", serde_json::json!({ "recorded": recorded, "file": path }))),
            Form::Text => {
                terminal::complain(format!("{recorded} records of {} in {}", self.topics.join(", "), path.display()));
                Ok(())
            }
        }
    }

    /// Hands out batches until the end, or until `each` has left nothing of the limit.
    fn each_batch(
        &self,
        reader: &mut dyn Reader,
        mut each: impl FnMut(&Batch, u64) -> Result<u64, Failure>,
    ) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let mut left = self.limit;
        while left > 0 {
            let progress = reader.next(&mut batch, &BATCH)?;
            left = each(&batch, left)?;
            if progress == Progress::Done {
                break;
            }
        }
        Ok(())
    }
}
