//! What matching needs while it looks at one event, kept from one event to the next so that nothing is allocated.

use super::candidates::Candidates;
use crate::eval::OverBudget;
use crate::jsonpath;

/// Fits any plan; give each thread one. It holds nothing that a result could depend on.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) candidates: Candidates,
    /// Rules that the index could not leave out, ascending.
    pub(super) rules: Vec<usize>,
    /// Subscriptions with a rate, likewise.
    pub(super) limits: Vec<usize>,
    pub(super) selected: Vec<Option<Result<bool, OverBudget>>>,
    pub(super) fields: jsonpath::Scratch,
}
