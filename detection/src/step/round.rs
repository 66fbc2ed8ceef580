//! One record's work in progress: what every part of the step reads and writes.

use contracts::avro::EventView;
use contracts::field::JsonObject;
use contracts::json::Value;

use super::echo::Heard;
use super::{Effects, Task};
use crate::plan::{Plan, PlannedRule};
use crate::view::View;

/// Times are microseconds since 1970 throughout: event times, clocks of owners, append times.
pub(crate) struct Round<'r, 's> {
    pub plan: &'r Plan,
    pub view: &'r mut View<'s>,
    pub out: &'r mut Effects,
    /// Rows told so far that some rule is to see.
    pub heard: &'r mut Vec<Heard>,
    pub task: Task,
    /// The greatest append time so far, this record's included.
    pub appended_at: i64,
    /// Whose turn it is.
    pub owner: Owner<'r>,
}

impl<'r, 's> Round<'r, 's> {
    pub fn new(
        plan: &'r Plan,
        view: &'r mut View<'s>,
        out: &'r mut Effects,
        heard: &'r mut Vec<Heard>,
        task: Task,
        appended_at: i64,
    ) -> Self {
        Self { plan, view, out, heard, task, appended_at, owner: NOBODY }
    }

    /// The same round, in the turn of another owner.
    pub fn of<'n>(&'n mut self, owner: Owner<'n>) -> Round<'n, 's> {
        let Self { plan, view, out, heard, task, appended_at, .. } = self;
        Round { plan, view, out, heard, task: *task, appended_at: *appended_at, owner }
    }
}

/// Of what is about no endpoint. No event moves its clock: it goes by append time.
pub(crate) const NOBODY: Owner<'static> = Owner::Endpoint("_");

/// Whose clock runs and whose state it is: of a fused rule the endpoint, of a routed one the rule's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner<'a> {
    Endpoint(&'a str),
    Group { rule_id: &'a str, group_key: &'a str },
}

/// A rule's predicate and its windows hold: what the holdback admits, or counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Match<'m> {
    pub rule: &'m PlannedRule,
    pub owner: Owner<'m>,
    pub group_key: &'m str,
    /// The event that completed the match; of an absence the one that was not answered.
    pub event: &'m EventView<'m>,
    pub payload: &'m Value<'m>,
    /// The values compared, where an earlier stage took them down; otherwise the rule finds them in the payload.
    pub details: Option<&'m JsonObject>,
    /// Event time of the trigger, clamped; of an absence the deadline.
    pub triggered_at: i64,
    /// When by the owner's clock this is judged: the stream time with the event in it; of an absence the moment it was due,
    /// whenever that was noticed.
    pub judged_at: i64,
    /// Matches in its window; 1 without one.
    pub occurrences: i64,
    /// `(from, to]`
    pub window: Option<(i64, i64)>,
}
