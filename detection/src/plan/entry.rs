//! Under what a rule, or a subscription with a rate, is filed in the index.
//!
//! Invariant: an event that the rule matches opens the gate of one of its entries and meets the need of the same one.

use super::gates::Gate;
use super::matcher::Stage;
use super::need::Need;
use super::paths::Paths;
use super::predicate::Node;
use super::selection::Selector;
use super::{PlannedRule, PlannedSubscription};
use crate::rule::{Rule, TopicPattern};

/// The rules by their places, after them the subscriptions by theirs.
pub(super) type Target = u32;

#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub gate: Gate,
    /// None: whatever the payload says.
    pub need: Option<Need>,
}

/// The entries of a rule.
pub(super) fn of_rule(
    planned: &PlannedRule,
    subscriptions: &[PlannedSubscription],
    selectors: &[Selector],
    paths: &Paths,
) -> Vec<Entry> {
    let matcher = &planned.matcher;
    let stages: Vec<Option<&Stage>> = match matcher.stages().map(Some).collect::<Vec<_>>() {
        stages if stages.is_empty() => vec![None],
        stages => stages,
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (gate, filters) in ways_in(planned, subscriptions, selectors) {
        for stage in &stages {
            let step = stage.and_then(|stage| stage.filter.as_ref());
            let together = matcher.conditions.iter().chain(filters).chain(step);
            let gate = narrower(gate.clone(), stage.map(|stage| Gate::Topic(stage.topic.clone())));
            let entry = Entry { gate, need: Need::of_all(together, paths) };
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    entries
}

/// The entry of a subscription that is asked about its rate, whatever becomes of the event.
pub(super) fn of_limit(planned: &PlannedSubscription, selector: &Selector, paths: &Paths) -> Entry {
    Entry { gate: Gate::Topic(planned.subscription.topic.clone()), need: Need::of_all(&selector.filters, paths) }
}

/// How events reach the rule, each with what else it asks of them.
fn ways_in<'p>(
    planned: &'p PlannedRule,
    subscriptions: &'p [PlannedSubscription],
    selectors: &'p [Selector],
) -> Vec<(Gate, &'p [Node])> {
    let naming = &planned.matcher.subscriptions;
    let own = own_gates(&planned.rule);
    if naming.is_empty() {
        return own.into_iter().map(|gate| (gate, [].as_slice())).collect();
    }
    let ways = naming.iter().flat_map(|&place| {
        let topic = Gate::Topic(subscriptions[place].subscription.topic.clone());
        let gates = match topic {
            Gate::Topic(TopicPattern::All) if !own.is_empty() => own.clone(),
            topic => vec![topic],
        };
        gates.into_iter().map(move |gate| (gate, selectors[place].filters.as_slice()))
    });
    ways.collect()
}

/// Of topics and types, which must both fit, the types: they are exact.
fn own_gates(rule: &Rule) -> Vec<Gate> {
    if rule.event_types.is_empty() {
        return rule.topics.iter().cloned().map(Gate::Topic).collect();
    }
    rule.event_types.iter().cloned().map(Gate::EventType).collect()
}

/// Of two gates that must both be open the one that fewer events open.
fn narrower(one: Gate, other: Option<Gate>) -> Gate {
    let breadth = |gate: &Gate| match gate {
        Gate::EventType(_) | Gate::Topic(TopicPattern::Exact(_)) => 0,
        Gate::Topic(TopicPattern::Prefix(_) | TopicPattern::Suffix(_)) => 1,
        Gate::Topic(TopicPattern::All) => 2,
    };
    other.filter(|other| breadth(other) < breadth(&one)).unwrap_or(one)
}
