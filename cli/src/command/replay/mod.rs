//! `tripline replay`: recorded input through rules, and what two sets of rules make of the same input.
//!
//! Invariant: nothing is written but the file that was asked for. State lies in a temporary directory, which goes with the command.

mod report;
mod rules;
mod sources;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bus::config::Config;
use bus::recording::{Partitions, Recorder};
use contracts::time::Timestamp;
use contracts::topics::ALERTS;
use detection::risk::RiskPlan;
use processor::Stage;
use processor::replay::{self, Comparison, Course, Matches, Placing, Run, RunSettings, Side, Tally};

use crate::args::{self, Common, Form, MatchesOf};
use crate::failure::Failure;
use crate::place::{self, Access};
use crate::progress::Progress;
use crate::schemas::Schemas;
use crate::{settled, terminal};
use report::{Compared, Report, Side as Reported};
use rules::Rules;
use sources::Sources;

#[derive(Debug)]
pub struct Replay {
    form: Form,
    config: Config,
    from: Vec<String>,
    span: Span,
    rules: Rules,
    against: Option<Rules>,
    partitions: Option<NonZeroU32>,
    matches: Option<MatchesOf>,
    out: Option<PathBuf>,
    fail_on_difference: bool,
}

/// Between two append times, if they were named.
#[derive(Debug, Clone, Copy)]
struct Span {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Replay {
    pub fn settle(args: args::Replay, common: &Common) -> Result<Self, Failure> {
        let time = |flag, text: Option<&String>| {
            let time = text.map(|text| text.parse::<Timestamp>()).transpose();
            time.map_err(|error| Failure::Flag { flag, reason: error.to_string() })
        };
        let span = Span { since: time("--since", args.since.as_ref())?, until: time("--until", args.until.as_ref())? };
        let config = settled::config(common, args.place.overrides())?;
        let rules = Rules::settle(args.rules.as_deref(), common.output)?;
        let against = args.against.as_deref().map(|named| Rules::settle(Some(named), common.output)).transpose()?;
        Ok(Self {
            form: common.output,
            config,
            from: args.from,
            span,
            rules,
            against,
            partitions: args.partitions.and_then(NonZeroU32::new),
            matches: args.matches,
            out: args.out,
            fail_on_difference: args.fail_on_difference,
        })
    }

    pub fn run(mut self) -> Result<(), Failure> {
        let schemas = Arc::new(Schemas::of(self.config.registry.as_ref())?);
        let is_topic = |from: &String| !sources::is_file(from);
        let rules = [Some(&self.rules), self.against.as_ref()];
        let wants_log = self.from.iter().any(is_topic) || rules.into_iter().flatten().any(Rules::wants_log);
        let place = if wants_log { Some(place::open(&self.config, Access::Existing)?) } else { None };
        let log = place.as_ref().map(|place| &*place.log);
        let sources = Sources::open(log, &self.from, self.span)?;
        let course = self.course(&sources.partitions)?;
        let out = self.out.as_ref().map(|path| Recorder::create(path, &outgoing(&course))).transpose()?;
        let folder =
            tempfile::tempdir().map_err(|source| Failure::Io { doing: "make a temporary directory", source })?;
        let (mut runs, mut plans) = (Vec::new(), Vec::new());
        for (name, rules) in [("rules", Some(self.rules)), ("against", self.against.take())] {
            let Some(rules) = rules else { continue };
            let course = Course { swaps: rules.swaps(), ..course.clone() };
            let settings = RunSettings::new(course, folder.path().join(name));
            let plan = rules.plan(log, &schemas)?;
            runs.push(Run::new(settings, Arc::clone(&plan), RiskPlan::default(), schemas.clone())?);
            plans.push(plan);
        }
        let mut played = Played::new(runs.len(), out);
        let begun = Instant::now();
        let passed_over = played.play(replay::Replay::new(sources.reader, runs), &schemas)?;
        let endings = sources.endings.into_iter().filter_map(|ending| ending.told()).collect();
        let Played { seen, tallies, mut comparison, .. } = played;
        comparison.finish();
        let mut sides = plans.into_iter().zip(tallies).map(|(plan, tally)| Reported { plan, tally });
        let a = sides.next().expect("invariant: there are rules");
        let compared = sides.next().map(|b| Compared { b, comparison });
        let report = Report { from: self.from, seen, passed_over, course, endings, a, compared, took: begun.elapsed() };
        terminal::print(match self.form {
            Form::Text => terminal::escaped_lines(&report.text()).into_owned(),
            Form::Json => format!("{}\n", terminal::escaped(&report.json().to_string())),
        })?;
        match report.compared {
            Some(compared) if self.fail_on_difference => compared.fail_on_difference(),
            _ => Ok(()),
        }
    }

    fn course(&self, recorded: &Partitions) -> Result<Course, Failure> {
        let has_matches = recorded.contains_key(Stage::Matches.topic());
        let matches = match self.matches {
            Some(MatchesOf::Recorded) if !has_matches => {
                let reason = format!("--from has no {}; name the topic, or a file that has it", Stage::Matches.topic());
                return Err(Failure::Flag { flag: "--matches", reason });
            }
            Some(MatchesOf::Recorded) => Matches::Recorded,
            None if has_matches && self.against.is_none() => Matches::Recorded,
            Some(MatchesOf::Derived) | None => Matches::Derived,
        };
        let placing = if self.partitions.is_some() { Placing::ByKey } else { Placing::AsRecorded };
        let events = recorded.get(Stage::Events.topic()).copied().unwrap_or(NonZeroU32::MIN);
        let of = |stage: Stage| {
            let recorded = recorded.get(stage.topic()).copied().unwrap_or(events);
            (stage, self.partitions.unwrap_or(recorded))
        };
        Ok(Course { partitions: Stage::ALL.map(of).into(), placing, matches, swaps: self.rules.swaps() })
    }
}

fn outgoing(course: &Course) -> Partitions {
    Partitions::from([(ALERTS.to_owned(), course.partitions[&Stage::Alerts])])
}

/// The records that were read.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    /// The least and the greatest append time.
    times: Option<(Timestamp, Timestamp)>,
}

impl Seen {
    fn add(&mut self, batch: &bus::Batch) {
        self.records += batch.len() as u64;
        for at in batch.records().map(|record| record.appended_at) {
            let (first, last) = self.times.unwrap_or((at, at));
            self.times = Some((first.min(at), last.max(at)));
        }
    }
}

/// What was read and what followed from it in each run, counted and compared.
struct Played {
    seen: Seen,
    tallies: Vec<Tally>,
    comparison: Comparison,
    out: Option<Recorder>,
}

impl Played {
    fn new(runs: usize, out: Option<Recorder>) -> Self {
        let comparison = Comparison::default();
        Self { seen: Seen::default(), tallies: vec![Tally::default(); runs], comparison, out }
    }

    /// To the end; answers how many records no stage took.
    fn play(&mut self, mut replay: replay::Replay, schemas: &Schemas) -> Result<u64, Failure> {
        let mut progress = Progress::new();
        while replay.turn()? == bus::Progress::More {
            self.seen.add(replay.records());
            self.follow(&replay.runs, schemas)?;
            progress.at(self.seen.records);
        }
        progress.end();
        self.out.take().map_or(Ok(()), Recorder::finish)?;
        Ok(replay.runs[0].passed_over())
    }

    fn follow(&mut self, runs: &[Run], schemas: &Schemas) -> Result<(), Failure> {
        let is_compared = runs.len() > 1;
        for ((run, tally), side) in runs.iter().zip(&mut self.tallies).zip([Side::A, Side::B]) {
            for row in run.rows() {
                let Some(alert) = tally.add(&row, schemas) else { continue };
                if let (Side::A, Some(out)) = (side, &mut self.out) {
                    out.push(&row)?;
                }
                if is_compared {
                    self.comparison.add(side, alert, row.value.map_or(0, <[u8]>::len));
                }
            }
        }
        Ok(())
    }
}
