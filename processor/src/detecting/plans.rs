//! The plans that tasks run by: one in memory for all that run by the same.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use detection::plan::Plan;

#[derive(Default)]
pub(super) struct Plans(Mutex<Vec<Weak<Plan>>>);

impl Plans {
    /// This plan, or one that is the same and was there before.
    pub fn only(&self, plan: Arc<Plan>) -> Arc<Plan> {
        let mut known = self.0.lock().expect("invariant: comparing plans does not panic");
        known.retain(|plan| plan.strong_count() > 0);
        let same = known.iter().filter_map(Weak::upgrade).find(|known| is_same(known, &plan));
        same.unwrap_or_else(|| {
            known.push(Arc::downgrade(&plan));
            plan
        })
    }
}

/// All else follows from these.
fn is_same(a: &Plan, b: &Plan) -> bool {
    a.set == b.set && a.subscriptions == b.subscriptions
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plans").finish_non_exhaustive()
    }
}
