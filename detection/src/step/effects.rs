//! What follows from a record.

use std::ops::AddAssign;
use std::sync::Arc;

use contracts::field::NotAJsonObject;
use contracts::records::AnyRecord;

use crate::plan::Plan;

#[derive(Debug, Default)]
pub struct Effects {
    /// To be published, in this order.
    pub rows: Vec<Row>,
    /// What the records after this one run by, if a command changed it.
    pub plan: Option<Arc<Plan>>,
    /// The event's payload is no JSON object: it was evaluated no further than to where that showed, and belongs to the dead
    /// letters. The rows of what was due before it stand.
    pub refused: Option<NotAJsonObject>,
    pub counts: Counts,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub topic: &'static str,
    pub key: String,
    pub record: AnyRecord,
}

/// What happened, as numbers for metrics. Conservation: matches = alerts + held + what is still held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub events: u64,
    pub sent_again: u64,
    pub clamped: u64,
    pub late: u64,
    pub too_deep: u64,
    pub ungrouped: u64,
    pub limited: u64,
    pub overflows: u64,
    /// Matches that came to stage two for a rule that is no more, or switched off; and absences of a rule switched off.
    pub void: u64,
    pub matches: u64,
    pub alerts: u64,
    /// Matches held back when they came, by reason, in the order of [`Held`].
    pub held: [u64; Held::ALL.len()],
    /// Held-back matches whose count was published with this record, by reason.
    pub told: [u64; Held::ALL.len()],
    /// Evaluations that were cut off because they cost too much work; each is held against its rule.
    pub over_budget: u64,
    /// Circuit breakers that came into a state, in the order of [`BreakerState`].
    pub breakers: [u64; BreakerState::ALL.len()],
}

/// Why a match raised no alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    Duplicate,
    Mute,
    Deduplication,
    Suppression,
    StormLimit,
    CircuitBreaker,
}

/// What a circuit breaker lets through: nothing, a few for trial, all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    Open,
    HalfOpen,
    Closed,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        // Without `..`, so that a new count cannot be forgotten here.
        let Self {
            events,
            sent_again,
            clamped,
            late,
            too_deep,
            ungrouped,
            limited,
            overflows,
            void,
            matches,
            alerts,
            held,
            told,
            over_budget,
            breakers,
        } = more;
        self.events += events;
        self.sent_again += sent_again;
        self.clamped += clamped;
        self.late += late;
        self.too_deep += too_deep;
        self.ungrouped += ungrouped;
        self.limited += limited;
        self.overflows += overflows;
        self.void += void;
        self.matches += matches;
        self.alerts += alerts;
        self.over_budget += over_budget;
        add_each(&mut self.held, held);
        add_each(&mut self.told, told);
        add_each(&mut self.breakers, breakers);
    }
}

fn add_each<const N: usize>(sums: &mut [u64; N], more: [u64; N]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

impl BreakerState {
    pub const ALL: [Self; 3] = [Self::Open, Self::HalfOpen, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Closed => "closed",
        }
    }
}

impl Held {
    pub const ALL: [Self; 6] =
        [Self::Duplicate, Self::Mute, Self::Deduplication, Self::Suppression, Self::StormLimit, Self::CircuitBreaker];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Mute => "mute",
            Self::Deduplication => "deduplication",
            Self::Suppression => "suppression",
            Self::StormLimit => "storm_limit",
            Self::CircuitBreaker => "circuit_breaker",
        }
    }
}
