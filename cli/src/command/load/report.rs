//! What a load came to, as people and programs read it.

use std::time::Duration;

use serde_json::json;

use super::sight::Seen;
use crate::args::Form;
use crate::failure::Failure;
use crate::terminal;

#[derive(Debug)]
pub struct Report {
    pub rate: u32,
    pub duration: Duration,
    /// Events that the log took.
    pub sent: u64,
    /// Events that it did not take, or of which that is not known.
    pub refused: u64,
    pub alerts_expected: u64,
    /// Of one core.
    pub cpu_per_mille: u64,
    pub seen: Seen,
}

impl Report {
    /// Fails if anything was lost or came twice.
    pub fn tell(mut self, form: Form) -> Result<(), Failure> {
        self.seen.latencies_us.sort_unstable();
        let (expected, refused) = (self.alerts_expected, self.refused);
        let alerts: u64 = self.seen.times.values().map(|times| u64::from(*times)).sum();
        let known = self.seen.times.len() as u64;
        let (lost, duplicated) = (expected.saturating_sub(known), alerts - known);
        let rss_mb = self.seen.resident_bytes_max / 1_000_000;
        let cpu = Duration::from_millis(self.cpu_per_mille).as_secs_f64();
        let [p50, p90, p99, p999, max] = [500, 900, 990, 999, 1_000].map(|per_mille| self.latency_us(per_mille));
        terminal::print(match form {
            Form::Json => {
                let line = json!({
                    "rate": self.rate, "duration_s": self.duration.as_secs_f64(), "sent": self.sent, "refused": refused,
                    "alerts_expected": expected, "alerts_seen": alerts, "lost": lost, "duplicated": duplicated,
                    "unexpected": self.seen.unexpected,
                    "latency_us": { "p50": p50, "p90": p90, "p99": p99, "p999": p999, "max": max },
                    "processor": { "rss_mb": rss_mb, "cpu": cpu },
                });
                format!("{line}\n")
            }
            Form::Text => {
                let [p50, p90, p99, p999, max] = [p50, p90, p99, p999, max].map(Duration::from_micros);
                let visible = if self.seen.latencies_us.is_empty() {
                    "no alert".to_owned()
                } else {
                    format!("p50 {p50:?}, p90 {p90:?}, p99 {p99:?}, p99.9 {p999:?}, max {max:?}")
                };
                format!(
                    "{} events taken by the log, {refused} refused; {expected} alerts expected, {alerts} seen: {lost} lost, \
                     {duplicated} duplicated\ndue to visible: {visible}\nprocesses: {rss_mb} MB at most, {cpu:.2} cores\n",
                    self.sent,
                )
            }
        })?;
        if lost + duplicated + refused > 0 {
            return Err(Failure::Load { lost, duplicated, refused });
        }
        Ok(())
    }

    fn latency_us(&self, per_mille: usize) -> u64 {
        let last = self.seen.latencies_us.len().saturating_sub(1);
        self.seen.latencies_us.get(last * per_mille / 1_000).copied().unwrap_or(0)
    }
}
