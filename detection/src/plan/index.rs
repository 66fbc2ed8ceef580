use contracts::avro::EventView;

use super::paths::Paths;
use super::scratch::Scratch;
use super::selection::Selector;
use super::{Plan, PlannedRule, PlannedSubscription};

#[derive(Debug)]
pub(super) struct Index {
    rules: usize,
    limits: Vec<usize>,
}

impl Index {
    pub fn new(rules: &[PlannedRule], subscriptions: &[PlannedSubscription], _: &[Selector], _: &Paths) -> Self {
        let limits = subscriptions.iter().enumerate();
        let limits = limits.filter(|(_, planned)| planned.subscription.events_per_sec_max.is_some());
        Self { rules: rules.len(), limits: limits.map(|(place, _)| place).collect() }
    }

    /// What has to be so before the rule is evaluated, in words.
    pub fn looked_at_if(&self, _: &Plan, _: &PlannedRule) -> Vec<String> {
        Vec::new()
    }

    pub fn find(&self, _event: &EventView<'_>, scratch: &mut Scratch) {
        scratch.rules.clear();
        scratch.rules.extend(0..self.rules);
        scratch.limits.clear();
        scratch.limits.extend(&self.limits);
    }
}
