//! What follows from a record.

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
