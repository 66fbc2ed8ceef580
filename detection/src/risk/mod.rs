//! The risk of an agent: a score from 0 to 100 with everything it rests on, made anew from what is known of the agent
//! whenever that changes.
//!
//! [`score()`] is the formula, over snapshots that somebody has. [`step()`] keeps the snapshots of live agents, one for each
//! alert, and applies the formula whenever one enters or has left.
//!
//! Invariant: what a score says depends on the set of snapshots alone, never on the order in which they or anything in
//! them came.
//!
//! Absent on purpose: decay, learning, and a risk alert as a signal; nothing here can feed itself.

mod plan;
mod score;
mod state;
mod step;

pub use plan::{
    ALERT_ID_BYTES_MAX, EVIDENCE_BYTES_PER_SIGNAL_MAX, EVIDENCE_PER_SIGNAL_MAX, REPORTS_MAX, RiskPlan, SIGNALS_MAX,
    Weights,
};
pub use score::{HIGH_RISK, REPORT_VERSION, Scored, score};
pub use state::{NewerLayout, active_alerts, migrate, reports, snapshots};
pub use step::{Counts, Effects, Input, step};
