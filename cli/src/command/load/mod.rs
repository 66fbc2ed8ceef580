//! `tripline load`: events at a fixed rate, and what became of each that an alert must follow from.
//!
//! Invariant: an event is timed from when it was due, not from when it could be sent, so that a pipeline that holds the sender
//! up is not thanked for it (coordinated omission). Every alert that is missing or came twice is a number, and the status.

mod profile;
mod report;
mod sight;
mod subject;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bus::config::Config;
use bus::{Header, Producer, ProducerSettings, Row, To};
use contracts::avro::Framing;
use contracts::codec;
use contracts::records::TelemetryEvent;
use contracts::settings::parse_duration;
use contracts::time::Timestamp;
use contracts::topics::TELEMETRY_EVENTS;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::schemas::Schemas;
use crate::{settled, signals, terminal};
use profile::{FIRST, Profile};
use report::Report;
use sight::Sight;
use subject::{Subject, usage};

/// Between two looks at the clock.
const PACE: Duration = Duration::from_millis(1);
const DURATION_MAX: Duration = Duration::from_hours(24);

#[derive(Debug)]
pub struct Load {
    form: Form,
    config: Config,
    dir: Option<std::path::PathBuf>,
    profile: Profile,
    rate: u32,
    duration: Duration,
    settle: Duration,
    processes: Vec<u32>,
}

/// What the sender knows while it sends, for whoever waits for alerts.
#[derive(Debug, Default)]
struct Sent {
    stored: AtomicU64,
    /// Places of alerting events that the log did not take, or of which that is not known.
    not_stored: Mutex<BTreeSet<u64>>,
    refused: AtomicU64,
    is_over: AtomicBool,
}

impl Sent {
    fn not_stored(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.not_stored.lock().expect("invariant: counting does not panic")
    }
}

impl Load {
    pub fn settle(args: args::Load, common: &Common) -> Result<Self, Failure> {
        let config = settled::config(common, args.place.overrides())?;
        let duration = |flag, text: &str| {
            let parsed = parse_duration(text).filter(|duration| !duration.is_zero() && *duration <= DURATION_MAX);
            parsed.ok_or_else(|| {
                let reason = format!("expected a duration such as 30s or 10m, at most 24h, found {text:?}");
                Failure::Flag { flag, reason }
            })
        };
        Ok(Self {
            form: common.output,
            config,
            dir: common.dir.clone(),
            profile: args.profile.as_deref().map(Profile::read).transpose()?.unwrap_or_default(),
            rate: args.rate,
            duration: duration("--duration", &args.duration)?,
            settle: duration("--settle", &args.settle)?,
            processes: args.pid,
        })
    }

    pub fn run(self) -> Result<(), Failure> {
        let is_interrupted = signals::end_asked()?;
        let schemas = Schemas::of(self.config.registry.as_ref())?;
        let framing = schemas.framing::<TelemetryEvent>(TELEMETRY_EVENTS)?;
        let subject = Subject::find(&self.config, self.dir.as_deref(), self.processes.clone())?;
        if self.form == Form::Text {
            terminal::complain(format!("{} events/s for {:?} to {}", self.rate, self.duration, subject.name));
        }
        subject.check(&self.profile.rule)?;
        let run = format!("{:x}", settled::now().micros());
        let sight = Sight::open(&*subject.log, &schemas, &self.profile, &run)?;
        let (sent, before, began) = (Arc::<Sent>::default(), usage(&subject.processes), Instant::now());
        let seen = std::thread::scope(|scope| {
            let watching =
                scope.spawn(|| sight.watch(&sent.is_over, &|| self.expected(&sent), self.settle, &subject.processes));
            let flooded = self.flood(&*subject.log, framing, &run, &sent, &is_interrupted);
            sent.is_over.store(true, Ordering::Release);
            let seen = watching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            flooded.and(seen)
        })?;
        let (took, after) = (began.elapsed(), usage(&subject.processes));
        subject.end()?;
        let report = Report {
            rate: self.rate,
            duration: self.duration,
            sent: sent.stored.load(Ordering::Acquire),
            refused: sent.refused.load(Ordering::Acquire),
            alerts_expected: self.expected(&sent),
            cpu_per_mille: after.cpu_since(&before, took),
            seen,
        };
        report.tell(self.form)
    }

    fn total(&self) -> u64 {
        u64::try_from(u128::from(self.rate) * self.duration.as_millis() / 1_000).unwrap_or(u64::MAX)
    }

    /// Alerts that must come, as far as it is known what the log took.
    fn expected(&self, sent: &Sent) -> u64 {
        let handed = sent.stored.load(Ordering::Acquire) + sent.refused.load(Ordering::Acquire);
        let alerting = (0..handed.div_ceil(self.profile.alert_every)).filter(|block| {
            // Of the last block the alerting event may not have been reached.
            block * self.profile.alert_every + block % self.profile.alert_every < handed
        });
        (alerting.count() - sent.not_stored().len()) as u64
    }

    fn flood(
        &self,
        log: &dyn console::Log,
        framing: Framing,
        run: &str,
        sent: &Arc<Sent>,
        is_interrupted: &AtomicBool,
    ) -> Result<(), Failure> {
        let (told, profile) = (Arc::clone(sent), self.profile.clone());
        let fates = Box::new(move |fate: bus::Fate| {
            let of_fate = if fate.result.is_ok() { &told.stored } else { &told.refused };
            if let (Err(_), Some(place)) = (&fate.result, profile.alert_of(fate.tag)) {
                told.not_stored().insert(place);
            }
            of_fate.fetch_add(1, Ordering::AcqRel);
        });
        let settings = ProducerSettings::default();
        let mut producer = log.producer(&settings, fates)?;
        let (mut value, mut progress) = (Vec::new(), Progress::new());
        let first = self.profile.event(run, FIRST, settled::now());
        send(&mut *producer, &first, framing, FIRST, &mut value)?;
        producer.flush(settings.patience)?;
        let (total, begun, start) = (self.total(), Instant::now(), settled::now().micros());
        let mut number = FIRST + 1;
        while number < total && !is_interrupted.load(Ordering::Acquire) {
            let due = u128::from(self.rate) * begun.elapsed().as_micros() / 1_000_000;
            let due = u64::try_from(due).unwrap_or(u64::MAX).min(total);
            while number < due {
                let at =
                    start + i64::try_from(u128::from(number) * 1_000_000 / u128::from(self.rate)).unwrap_or(i64::MAX);
                let event = self.profile.event(run, number, Timestamp::from_micros(at).unwrap_or(Timestamp::MAX));
                send(&mut *producer, &event, framing, number, &mut value)?;
                number += 1;
            }
            progress.at(number);
            std::thread::sleep(PACE);
        }
        producer.flush(settings.patience)?;
        progress.end();
        Ok(())
    }
}

fn send(
    producer: &mut dyn Producer,
    event: &TelemetryEvent,
    framing: Framing,
    number: u64,
    value: &mut Vec<u8>,
) -> Result<(), Failure> {
    value.clear();
    codec::encode(event, framing, value).expect("invariant: a profile's events are within the limits of an event");
    let headers = [
        Header { name: "content-type", value: codec::CONTENT_TYPE.as_bytes() },
        Header { name: "tripline-depth", value: b"0" },
    ];
    let to = To::Key(event.endpoint_id.as_str().as_bytes());
    Ok(producer.send(&Row { topic: TELEMETRY_EVENTS, to, value: Some(value), headers: &headers }, number)?)
}
