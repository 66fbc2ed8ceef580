//! `tripline up --demo`: an afternoon on three endpoints, sent now, and what the rules make of it.
//!
//! Invariant: these are events like anybody's, through the same door; nothing here is shown that was not read from the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, Reader, Start, Until};
use console::Log;
use console::intake::{Intake, Prepared, Trust};
use contracts::avro::Framing;
use contracts::codec;
use contracts::field::Symbols as _;
use contracts::records::Alert;
use contracts::schema::BuiltIn;
use contracts::topics::ALERTS;
use detection::step::Held;
use processor::{Stage, Watch};
use serde_json::json;

use crate::args::Form;
use crate::failure::Failure;
use crate::{settled, terminal};

/// docs/demo.md says what happens in it.
const EVENTS: &str = include_str!("events.ndjson");
/// How long the events may take to become alerts.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a demo came to.
#[derive(Debug, Default)]
struct Seen {
    events: usize,
    /// By severity.
    alerts: BTreeMap<&'static str, usize>,
    /// To show what can be asked next.
    first_alert: Option<String>,
}

/// Sends the events, shows the alerts as they come, and says what came of the rest. `hint` ends each command to try next.
pub fn run(log: &dyn Log, watch: &Watch, hint: &str, form: Form) -> Result<(), Failure> {
    let mut alerts = from_now_on(log)?;
    let before = held_back(watch);
    let ends = send(log)?;
    let mut seen = Seen { events: EVENTS.lines().count(), ..Seen::default() };
    let until = Instant::now() + PATIENCE;
    let mut batch = Batch::default();
    loop {
        // Seen before the read: what was published by then is in it.
        let is_over = is_published(watch, &ends) || Instant::now() >= until;
        alerts.next(&mut batch, &BatchLimit { wait: LOOK_EVERY, ..BatchLimit::default() })?;
        if is_over && batch.is_empty() {
            break;
        }
        for record in batch.records() {
            if let Ok(alert) = codec::decode::<Alert>(record.value.unwrap_or_default(), &BuiltIn) {
                seen.take(&alert, form)?;
            }
        }
    }
    let held: BTreeMap<_, _> = held_back(watch).into_iter().map(|(why, now)| (why, now - before[why])).collect();
    seen.tell(&held, hint, form)
}

fn from_now_on(log: &dyn Log) -> Result<Box<dyn Reader>, Failure> {
    let found = log.topics()?.into_iter().find(|topic| topic.name == ALERTS);
    let count = found.map_or(0, |topic| topic.partitions.get());
    Ok(log.read(ALERTS, &(0..count).collect::<Vec<_>>(), Start::End, Until::Forever)?)
}

/// Answers the last offset of each partition.
fn send(log: &dyn Log) -> Result<BTreeMap<u32, u64>, Failure> {
    let intake =
        Intake { endpoint_id: settled::host(), source: "demo", trust: Trust::Anybody, framing: Framing::SingleObject };
    let prepare = |(line, place)| intake.prepare(str::as_bytes(line), place, settled::now());
    let prepared: Vec<Prepared> =
        EVENTS.lines().zip(1..).map(|line| prepare(line).expect("invariant: a test sends these events")).collect();
    let headers: Vec<_> = prepared.iter().map(Prepared::headers).collect();
    let rows: Vec<_> = prepared.iter().zip(&headers).map(|(prepared, headers)| prepared.row(headers)).collect();
    let mut ends = BTreeMap::new();
    for fate in console::log::deliver(log, &rows, PATIENCE)? {
        let (partition, offset) = fate?;
        let end = ends.entry(partition.index).or_insert(offset.0);
        *end = offset.0.max(*end);
    }
    Ok(ends)
}

/// Whether all that follows from these records is visible.
fn is_published(watch: &Watch, ends: &BTreeMap<u32, u64>) -> bool {
    let Some(metrics) = watch.metrics() else { return true };
    let of_events = metrics.tasks.iter().filter(|figures| figures.task.stage == Stage::Events);
    of_events
        .filter_map(|figures| Some((figures, ends.get(&figures.task.partition)?)))
        .all(|(figures, end)| figures.published.0 > *end)
}

/// Matches that raised no alert, by reason.
fn held_back(watch: &Watch) -> BTreeMap<&'static str, u64> {
    let counted = watch.metrics().and_then(|metrics| Some(metrics.stages.get(&Stage::Events)?.counted.detection.held));
    Held::ALL.into_iter().map(Held::as_str).zip(counted.unwrap_or_default()).collect()
}

impl Seen {
    fn take(&mut self, alert: &Alert, form: Form) -> Result<(), Failure> {
        let severity = alert.severity.symbol();
        *self.alerts.entry(severity).or_default() += 1;
        self.first_alert.get_or_insert_with(|| alert.alert_id.as_str()[..12].to_owned());
        let endpoint = alert.trigger_event.endpoint_id.as_str();
        terminal::print(match form {
            Form::Text => {
                let (rule, message) = (terminal::escaped(alert.rule_id.as_str()), terminal::escaped(&alert.message));
                let severity = severity.to_uppercase();
                format!("  {severity:<9} {rule:<20} {:<14} {message}\n", terminal::escaped(endpoint))
            }
            Form::Json => {
                let line = json!({
                    "alert_id": alert.alert_id.as_str(), "rule_id": alert.rule_id.as_str(), "severity": severity,
                    "endpoint_id": endpoint, "message": alert.message,
                });
                format!("{}\n", terminal::escaped(&line.to_string()))
            }
        })
    }

    fn tell(&self, held: &BTreeMap<&str, u64>, hint: &str, form: Form) -> Result<(), Failure> {
        let (alerts, events): (usize, _) = (self.alerts.values().sum(), self.events);
        let held_back: u64 = held.values().sum();
        let first = self.first_alert.as_deref().unwrap_or("ID");
        terminal::print(match form {
            Form::Text => {
                let reasons: Vec<String> = held
                    .iter()
                    .filter(|(_, count)| **count > 0)
                    .map(|(why, count)| format!("{count} by {}", why.replace('_', " ")))
                    .collect();
                let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
                format!(
                    "{events} events sent: {alerts} alerts, {held_back} matches held back{reasons}\nnext, in another terminal:\n  \
                     tripline alerts show {first}{hint}\n  tripline alerts list{hint}\n  tripline rules disable slow_model_call{hint}\n  \
                     echo '{{\"topic\":\"chat.user_msg\",\"payload\":{{\"text\":\"mail ann@example.com\"}}}}' | tripline send{hint}\n"
                )
            }
            Form::Json => {
                let line = json!({ "demo": { "events": events, "alerts": self.alerts, "held_back": held } });
                format!("{line}\n")
            }
        })
    }
}
