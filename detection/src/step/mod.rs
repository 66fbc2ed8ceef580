//! One record, applied: what follows from it, given the plan and the state so far.
//!
//! Invariant: the same plan, the same records in the same order, the same effects, byte for byte, however they were cut into
//! batches. State changes only here, and only by a record.
//!
//! Absent on purpose: reading the log, and everything that can fail for a reason outside of its arguments.

mod clock;
mod deadline;
mod effects;
mod input;
mod round;

pub use effects::{Counts, Effects, Held, Row};
pub use input::{Command, Input, Stage, Task, What};
pub(crate) use round::Owner;
