//! Looking at a processor that runs, from any thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crate::core::Standing;
use crate::metrics::Metrics;
use crate::readiness::{Readiness, Waiting};
use crate::shared::Shared;
use crate::task::TaskId;

/// Keeps nothing open: once the processor has ended there is nothing more to see.
#[derive(Debug, Clone)]
pub struct Watch(Weak<Shared>);

impl Watch {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    /// `None`: it has ended.
    pub fn metrics(&self) -> Option<Metrics> {
        self.0.upgrade().map(|shared| Metrics::of(&shared))
    }

    /// The tasks that run here, and what is in force in those that take commands.
    pub fn standings(&self) -> BTreeMap<TaskId, Option<Standing>> {
        let live = self.0.upgrade().map(|shared| shared.ownership.live()).unwrap_or_default();
        live.into_iter().map(|(task, live)| (task, live.standing)).collect()
    }

    pub fn readiness(&self) -> Readiness {
        let ended = || Readiness::Waiting(vec![Waiting::NotRunning]);
        self.metrics().map_or_else(ended, |metrics| metrics.readiness)
    }
}
