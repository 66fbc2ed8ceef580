//! What an evaluation may cost: bytes scanned and nodes visited, never time.
//!
//! Invariant: the same rule on the same payload costs the same everywhere, so that what is over its budget on one machine
//! is so on all.

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    left: u64,
}

/// An evaluation that would have cost more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an evaluation within its work budget, found more bytes to scan and nodes to visit; name fewer values in its paths"
)]
pub struct OverBudget;

impl Work {
    pub const fn new(budget: u64) -> Self {
        Self { left: budget }
    }

    pub fn left(self) -> u64 {
        self.left
    }

    /// Pays for `units` bytes or nodes. Once it was not enough, nothing is left.
    pub fn spend(&mut self, units: usize) -> Result<(), OverBudget> {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        let left = self.left.checked_sub(units);
        self.left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(OverBudget)
    }
}
