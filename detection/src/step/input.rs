//! What the state advances by: the records of a partition, in their order.

use std::num::NonZeroU32;

use contracts::avro::EventView;
use contracts::records::{ControlCommand, RuleMatch};
use contracts::time::Timestamp;

use crate::rule::RuleSet;

#[derive(Debug, Clone)]
pub struct Input<'a> {
    pub task: Task,
    /// The log's own time of the record, which no endpoint can forge. One that goes backwards counts as the greatest so far.
    pub appended_at: Timestamp,
    pub what: What<'a>,
}

#[derive(Debug, Clone)]
pub enum What<'a> {
    Event(&'a EventView<'a>),
    /// Of a routed rule; only in stage two.
    Match(&'a RuleMatch),
    Command(Command<'a>),
    /// Where a command should stand on `control.v1` there is none that can be read.
    NoCommand {
        offset: i64,
    },
    Tick,
}

/// A command where its marker stands.
#[derive(Debug, Clone)]
pub struct Command<'a> {
    /// Its place on `control.v1`.
    pub offset: i64,
    pub command: &'a ControlCommand,
    /// Of `swap_rule_set`: the set of that digest, if its parts are all there and say a set; otherwise why not.
    pub set: Option<Result<&'a RuleSet, &'a str>>,
}

/// Which partition of which topic the records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    pub stage: Stage,
    pub partition: u32,
    pub partitions: NonZeroU32,
}

impl Task {
    /// Whether it answers what is about no partition in particular.
    pub fn is_first(self) -> bool {
        self.stage == Stage::One && self.partition == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `telemetry.events.v1`
    One,
    /// `rule.matches.v1`
    Two,
}
