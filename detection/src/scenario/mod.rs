//! Cases beside a rule: events in, alerts out, in a file that people write.
//!
//! Invariant: a case is complete. Nothing of the machine or the day enters it, so that it gives the same alerts everywhere.
//!
//! Absent on purpose: the log. A [`Rig`] holds the state of both stages in memory and hands matches from one to the other.

mod check;
mod difference;
mod in_topology;
mod read;
mod rig;

pub use check::failure;
pub use difference::{Difference, difference};
pub use in_topology::{TestFile, read_tests};
pub use read::{CaseError, read};
pub use rig::Rig;

use contracts::json::Value;
use contracts::records::{ControlCommand, TelemetryEvent};
use contracts::time::Timestamp;

/// What is fed and what has to come out.
#[derive(Debug, Clone, PartialEq)]
pub struct Case<'a> {
    pub name: String,
    pub entries: Vec<Entry>,
    /// In the order in which they are raised. Of each alert's JSON only the members named here count.
    pub alerts: Vec<Value<'a>>,
}

/// One record of the log, with its append time.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub appended_at: Timestamp,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Event(Box<TelemetryEvent>),
    Command(Box<ControlCommand>),
    Tick,
}

/// When each case begins: `at` counts from here.
pub const START_MICROS: i64 = 1_767_225_600_000_000;

pub const CASES_MAX: usize = 10_000;
/// Entries of one case, repetitions counted.
pub const ENTRIES_MAX: usize = 1_000_000;
