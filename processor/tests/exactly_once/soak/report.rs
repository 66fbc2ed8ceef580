//! What a run came to, as one JSON object: for people, and for docs/guarantees.md.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contracts::json::Object;
use contracts::time::Timestamp;

use super::faults::{Counts, Fault, kills};

#[derive(Debug)]
pub struct Report {
    date: Timestamp,
    commit: String,
    seed: u64,
    pub took: Duration,
    pub counts: Counts,
    /// Processors that whoever supervises them had to start again.
    pub ended_by_themselves: u32,
    /// Records of the input, ticks and markers among them.
    pub events: usize,
    pub commands: usize,
    pub matches: usize,
    pub alerts: usize,
    /// On all topics.
    pub rows: usize,
    pub lost: u64,
    pub duplicated: u64,
    pub poison: usize,
    pub dead_letters: usize,
    /// How often a committed offset was seen to be less than before.
    pub fell: usize,
}

impl Report {
    /// At the beginning: what is checked out may be another commit by the end.
    pub fn new(seed: u64) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self {
            date: Timestamp::from_micros(i64::try_from(since.as_secs()).unwrap() * 1_000_000).unwrap(),
            commit: commit(),
            seed,
            took: Duration::ZERO,
            counts: Counts::new(),
            ended_by_themselves: 0,
            events: 0,
            commands: 0,
            matches: 0,
            alerts: 0,
            rows: 0,
            lost: 0,
            duplicated: 0,
            poison: 0,
            dead_letters: 0,
            fell: 0,
        }
    }

    pub fn text(&self) -> String {
        let signed = |number: usize| i64::try_from(number).unwrap();
        let mut faults = Object::new();
        for (fault, word) in Fault::ALL {
            faults = faults.with(word, i64::from(self.counts.get(&fault).copied().unwrap_or(0)));
        }
        let object = Object::new()
            .with("date", self.date.to_string())
            .with("commit", self.commit.clone())
            .with("seed", self.seed.to_string())
            .with("took_s", i64::try_from(self.took.as_secs()).unwrap())
            .with("kills", i64::from(kills(&self.counts)))
            .with("faults", faults)
            .with("ended_by_themselves", i64::from(self.ended_by_themselves))
            .with("events", signed(self.events))
            .with("commands", signed(self.commands))
            .with("matches", signed(self.matches))
            .with("alerts", signed(self.alerts))
            .with("rows", signed(self.rows))
            .with("lost", i64::try_from(self.lost).unwrap())
            .with("duplicated", i64::try_from(self.duplicated).unwrap())
            .with("poison", signed(self.poison))
            .with("dead_letters", signed(self.dead_letters))
            .with("committed_offsets_fell", signed(self.fell));
        object.text().into_owned()
    }
}

/// Of the checkout that this was built from; unknown where there is none.
fn commit() -> String {
    let asked =
        Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    match asked {
        Ok(answer) if answer.status.success() => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}
