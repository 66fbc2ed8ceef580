//! What is only counted.
//!
//! Invariant: sums, which no order of records changes. Of rules beyond [`RULES_MAX`] those first by id have numbers of their
//! own, the others one together.

use std::collections::BTreeMap;

use contracts::field::Symbols;
use contracts::records::{Alert, Severity};

use super::newest::Rank;
use super::orders::clipped;
use super::watched::Payload;

/// Rules with numbers of their own.
const RULES_MAX: usize = 10_000;
/// Reasons and kinds that are told apart; there are about ten.
const NAMES_MAX: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub by_severity: [u64; Severity::SYMBOLS.len()],
    pub rules: Bounded<OfRule>,
    pub held_back: Bounded<u64>,
    /// By the type of the event that tells it: late, too deep, without a group, limited, overflowed.
    pub not_taken: Bounded<u64>,
    pub escalations: u64,
    /// Events that a gap says are lost.
    pub lost: u64,
    /// Microseconds, by append time.
    pub first: Option<i64>,
    pub last: Option<i64>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct OfRule {
    pub alerts: u64,
    pub held_back: u64,
    pub last_alert: Option<i64>,
}

impl Tally {
    pub fn alerts(&self) -> u64 {
        self.by_severity.iter().sum()
    }

    pub fn alert(&mut self, rank: Rank, alert: &Alert) {
        self.seen(rank);
        self.by_severity[alert.severity.place()] += 1;
        self.rules.change(RULES_MAX, alert.rule_id.as_str(), |rule| {
            rule.alerts += 1;
            rule.last_alert = rule.last_alert.max(Some(rank.micros));
        });
    }

    pub fn event(&mut self, rank: Rank, event_type: &str, payload: Payload<'_, '_>) {
        self.seen(rank);
        let number = |name: &str| payload.number(name).and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        match event_type {
            "escalation.sent" => self.escalations += 1,
            "telemetry.gap" => self.lost = self.lost.saturating_add(number("lost")),
            "alert.suppressed" => {
                let count = number("count");
                let reason = payload.text("reason").unwrap_or("unknown");
                self.held_back.change(NAMES_MAX, reason, |sum| *sum = sum.saturating_add(count));
                if let Some(rule_id) = payload.text("rule_id") {
                    self.rules.change(RULES_MAX, rule_id, |rule| {
                        rule.held_back = rule.held_back.saturating_add(count);
                    });
                }
            }
            "event.late" | "event.too_deep" | "event.ungrouped" | "subscription.limited" | "window.overflow" => {
                let count = number("count");
                self.not_taken.change(NAMES_MAX, event_type, |sum| *sum = sum.saturating_add(count));
            }
            _ => {}
        }
    }

    fn seen(&mut self, rank: Rank) {
        self.first = Some(self.first.map_or(rank.micros, |first| first.min(rank.micros)));
        self.last = self.last.max(Some(rank.micros));
    }
}

/// Numbers by name, the first names of all; the rest is summed up under no name.
#[derive(Debug, Default)]
pub(super) struct Bounded<V> {
    named: BTreeMap<String, V>,
    pub others: V,
}

impl<V: Default + Add> Bounded<V> {
    fn change(&mut self, max: usize, name: &str, change: impl FnOnce(&mut V)) {
        let name = clipped(name);
        let is_beyond = self.named.len() >= max && self.named.last_key_value().is_some_and(|(last, _)| *last < name);
        if is_beyond {
            return change(&mut self.others);
        }
        change(self.named.entry(name).or_default());
        if self.named.len() > max {
            let (_, last) = self.named.pop_last().expect("invariant: there is more than nothing");
            self.others.add(last);
        }
    }

    pub fn get(&self, name: &str) -> Option<&V> {
        self.named.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.named.iter().map(|(name, value)| (&**name, value))
    }
}

pub(super) trait Add {
    fn add(&mut self, other: Self);
}

impl Add for u64 {
    fn add(&mut self, other: Self) {
        *self = self.saturating_add(other);
    }
}

impl Add for OfRule {
    fn add(&mut self, other: Self) {
        self.alerts.add(other.alerts);
        self.held_back.add(other.held_back);
        self.last_alert = self.last_alert.max(other.last_alert);
    }
}
