//! One record, applied: what follows from it, given the plan and the state so far.
//!
//! Invariant: the same plan, the same records in the same order, the same effects, byte for byte, however they were cut into
//! batches. State changes only here, and only by a record.
//!
//! Absent on purpose: reading the log, and everything that can fail for a reason outside of its arguments.

use contracts::record::Field as _;
use contracts::records::TelemetryEvent;

mod active;
mod alert;
mod clock;
mod command;
mod deadline;
mod effects;
mod escalation;
mod holdback;
mod input;
mod request;
mod round;
mod row;
#[cfg(test)]
mod tests;
mod watcher;

pub use active::{ACTIVE_PER_SCOPE_MAX, ActiveAlert, active_alerts};
pub use command::{AgentStatus, COMMANDS_REMEMBERED_MAX, Running, running};
pub use effects::{Counts, Effects, Held, Row};
pub use input::{Command, Input, Stage, Task, What};
pub(crate) use round::Owner;

/// The Avro body of an event, for [`EventView::read`](contracts::avro::EventView::read).
pub fn body(event: &TelemetryEvent) -> Vec<u8> {
    let mut body = Vec::new();
    event.write(&mut body).expect("invariant: a record that was read or built is within its limits");
    body
}

pub fn step(_plan: &crate::plan::Plan, _view: &mut crate::view::View<'_>, _input: &Input<'_>) -> Effects {
    todo!()
}
