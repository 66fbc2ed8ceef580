//! Detection in numbers.

use contracts::field::Symbols;
use contracts::records::Severity;

use super::Model;
use super::alerts::time;
use crate::wire::view::{AlertStatus, NumberJson, Stats};

impl Model {
    pub fn stats(&self) -> Stats {
        let states = self.states();
        let count = |status: AlertStatus| states[status as usize];
        let by_severity = Severity::SYMBOLS.iter().zip(self.tally.by_severity);
        Stats {
            alerts: self.tally.alerts(),
            alerts_kept: self.alerts.len() as u64,
            open: count(AlertStatus::Open),
            acknowledged: count(AlertStatus::Acknowledged),
            resolved: count(AlertStatus::Resolved),
            by_severity: by_severity.map(|(name, count)| NumberJson { name: (*name).to_owned(), count }).collect(),
            held_back: numbers(self.tally.held_back.iter()),
            not_taken: numbers(self.tally.not_taken.iter()),
            events_lost: self.tally.lost,
            escalations: self.tally.escalations,
            breakers_open: self.breakers.iter().filter(|(_, _, breaker)| !breaker.is_closed()).count() as u64,
            unreadable: self.unreadable,
            is_cut: self.facts.is_cut() || self.orders.is_cut() || self.told.is_cut() || self.breakers.is_cut(),
            since: self.tally.first.map(time),
            until: self.tally.last.map(time),
        }
    }
}

fn numbers<'a>(counted: impl Iterator<Item = (&'a str, &'a u64)>) -> Vec<NumberJson> {
    counted.map(|(name, count)| NumberJson { name: name.to_owned(), count: *count }).collect()
}
