//! Risk: alerts of `alerts.v1`, weighted by the rule sets that raised them.

use std::collections::BTreeSet;

use bus::Record;
use contracts::canonical::Digest;
use contracts::codec;
use contracts::records::Alert;
use detection::risk::{self, RiskPlan};
use detection::view::View;

use super::rows::{push_all, push_letter};
use super::{Detecting, refuse};
use crate::control::ControlError;
use crate::core::{Core, CoreError};
use crate::outbox::Rows;
use crate::task::TaskId;

/// Rule sets whose weights are kept; beyond, they are looked up anew.
const SETS_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Alerts {
    shared: Detecting,
    id: TaskId,
    plan: RiskPlan,
    /// The sets that [`Alerts::plan`] has the weights of, and those that nobody can find.
    sets: BTreeSet<Digest>,
    has_current_layout: bool,
}

impl Alerts {
    pub fn new(shared: Detecting, id: TaskId) -> Self {
        let plan = RiskPlan::clone(&shared.risk);
        Self { shared, id, plan, sets: BTreeSet::new(), has_current_layout: false }
    }

    /// An alert names the rule set that was in force, so that all tasks weigh it alike, whenever they come to it.
    fn know(&mut self, digest: Digest) -> Result<(), CoreError> {
        if self.sets.contains(&digest) {
            return Ok(());
        }
        if self.sets.len() == SETS_MAX {
            self.sets.clear();
            self.plan = RiskPlan::clone(&self.shared.risk);
        }
        match self.shared.control.set(digest) {
            Ok(set) => {
                let weights = std::mem::take(&mut self.plan.weights);
                self.plan.weights = weights.with_rule_set(digest, &set);
            }
            Err(error @ ControlError::Set { .. }) => {
                tracing::warn!(%error, task = %self.id, "alerts of this rule set count in full");
            }
            Err(source) => return Err(CoreError::Control { task: self.id, source }),
        }
        self.sets.insert(digest);
        Ok(())
    }
}

impl Core for Alerts {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        let (of, id) = ((self.id, record), self.id);
        if !self.has_current_layout {
            risk::migrate(view).map_err(|source| CoreError::NewerRiskState { task: id, source })?;
            self.has_current_layout = true;
        }
        let alert: Alert = match codec::decode(record.value.unwrap_or_default(), &*self.shared.schemas) {
            Ok(alert) => alert,
            Err(error) => return push_letter(refuse(self.id, record, &error)?, of, &self.shared.framings, rows),
        };
        self.know(alert.rule_set.digest)?;
        let input = risk::Input { appended_at: record.appended_at, alert: &alert };
        let effects = risk::step(&self.plan, view, &input);
        rows.counted.risk += effects.counts;
        push_all(&effects.rows, of, &self.shared.framings, rows)
    }
}
