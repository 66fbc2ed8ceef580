//! The shell around the pure core: records in, rows out, each exactly once, whatever is killed in between.
//!
//! Two positions and an epoch say how far a task is:
//! - **L**, the next input offset to apply, lies in the store and moves in the same write as the state it led to;
//! - **N**, the group's committed offset, moves only in the publication that makes visible what came from offsets below it;
//! - the **epoch** of a task changes with every assignment, revocation and loss of its partition.
//!
//! Invariant: what is visible are the rows of the offsets below N, each once. Rows of offsets from N to L wait in the outbox,
//! which was written together with the state; where N is ahead of L, the input from L to N is applied again and its rows,
//! which are visible already, are dropped.
//!
//! Absent on purpose: a second log of changes (the input log is it), clocks and randomness in anything that is published,
//! and automatic offset resets.

mod accepted_loss;
mod backlog;
pub mod checkpoint;
pub mod control;
pub mod core;
pub mod detecting;
mod error;
pub mod failpoint;
mod framing;
mod lookout;
mod member;
pub mod metrics;
mod outbox;
mod ownership;
mod publisher;
mod pulse;
mod readiness;
mod recovery;
pub mod replay;
pub mod service;
pub mod settings;
mod shared;
pub mod store;
mod task;
pub mod traces;
mod watch;

pub use core::{Core, CoreError, Cores, Standing};
pub use error::ProcessorError;
pub use failpoint::{Failpoints, Point, Stopped};
pub use framing::{FramingError, Framings, TOPICS};
pub use lookout::RESTORE_MARGIN;
pub use member::{Heard, TaskLoop};
pub use metrics::{Counted, Metrics};
pub use outbox::{RowTooLarge, Rows};
pub use publisher::{Outbound, Sent};
pub use pulse::Pulse;
pub use readiness::{Readiness, Waiting};
pub use service::Processor;
pub use settings::{Settings, StateLoss};
pub use task::{Stage, TaskId};
pub use watch::Watch;
