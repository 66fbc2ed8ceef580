//! What becomes visible: alerts as they come, each held against the event that it must be about.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, Reader, Start, Until};
use console::Log;
use contracts::codec;
use contracts::records::Alert;
use contracts::topics::ALERTS;

use super::profile::{FIRST, Profile, number_of};
use super::subject::{Usage, usage};
use crate::failure::Failure;
use crate::schemas::Schemas;
use crate::settled;

/// Of more alerts than these the latency is not kept, only that they came.
const LATENCIES_MAX: usize = 10_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const USAGE_EVERY: Duration = Duration::from_secs(1);
/// How long one that came twice may come after the last that was waited for.
const AFTERMATH: Duration = Duration::from_secs(2);

/// Reads alerts from the moment it is made.
pub struct Sight<'a> {
    reader: Box<dyn Reader>,
    schemas: &'a Schemas,
    profile: &'a Profile,
    run: &'a str,
    seen: Seen,
}

#[derive(Debug, Default)]
pub struct Seen {
    /// How often, by the place among the alerting events.
    pub times: BTreeMap<u64, u32>,
    /// From when an event was due to be sent to when its alert was read; all but the first.
    pub latencies_us: Vec<u64>,
    /// Alerts of other rules about our events.
    pub unexpected: u64,
    pub resident_bytes_max: u64,
}

impl<'a> Sight<'a> {
    pub fn open(log: &dyn Log, schemas: &'a Schemas, profile: &'a Profile, run: &'a str) -> Result<Self, Failure> {
        let found = log.topics()?.into_iter().find(|topic| topic.name == ALERTS);
        let count = found.map_or(0, |topic| topic.partitions.get());
        let reader = log.read(ALERTS, &(0..count).collect::<Vec<_>>(), Start::End, Until::Forever)?;
        Ok(Self { reader, schemas, profile, run, seen: Seen::default() })
    }

    /// Looks until all was sent and `settle` has passed since the last alert came, or all `expected` came and nothing more.
    pub fn watch(
        mut self,
        is_sent: &AtomicBool,
        expected: &dyn Fn() -> u64,
        settle: Duration,
        processes: &[u32],
    ) -> Result<Seen, Failure> {
        let mut batch = Batch::default();
        let (mut last_news, mut look_at) = (Instant::now(), Instant::now());
        loop {
            self.reader.next(&mut batch, &BatchLimit { wait: LOOK_EVERY, ..BatchLimit::default() })?;
            let now = Instant::now();
            if !batch.is_empty() {
                last_news = now;
                self.take(&batch);
            }
            if now >= look_at {
                look_at = now + USAGE_EVERY;
                let Usage { resident_bytes, .. } = usage(processes);
                self.seen.resident_bytes_max = self.seen.resident_bytes_max.max(resident_bytes);
            }
            if is_sent.load(Ordering::Acquire) {
                let is_complete = self.seen.times.len() as u64 >= expected();
                if now.duration_since(last_news) >= if is_complete { AFTERMATH } else { settle } {
                    return Ok(self.seen);
                }
            } else {
                last_news = now;
            }
        }
    }

    fn take(&mut self, batch: &Batch) {
        let now = settled::now().micros();
        for record in batch.records() {
            let Ok(alert) = codec::decode::<Alert>(record.value.unwrap_or_default(), self.schemas) else { continue };
            let Some(number) = number_of(self.run, alert.trigger_event.event_id.as_str()) else { continue };
            match self.profile.alert_of(number) {
                Some(place) if alert.rule_id.as_str() == self.profile.rule => {
                    *self.seen.times.entry(place).or_default() += 1;
                    if number != FIRST && self.seen.latencies_us.len() < LATENCIES_MAX {
                        let due = alert.trigger_event.observed_at.micros();
                        self.seen.latencies_us.push(u64::try_from(now - due).unwrap_or(0));
                    }
                }
                _ => self.seen.unexpected += 1,
            }
        }
    }
}
