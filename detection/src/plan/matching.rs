//! One event held against the plan.
//!
//! Invariant: the hits are those of a plain reading of the rules; the index only leaves out what cannot be one. An event
//! that no rule can match is not parsed, and nothing is allocated for it.

use std::cell::OnceCell;

use contracts::avro::EventView;
use contracts::field::NotAJsonObject;
use contracts::json::check_object;
use contracts::limits::JSON_DEPTH_MAX;

use super::predicate::all_hold;
use super::selection::{is_bookkeeping, sees, selects};
use super::values::EventValues;
use super::{Hit, Matched, Plan, Scratch, group};
use crate::eval::{OverBudget, Work};

pub(super) fn matching<'e>(
    plan: &Plan,
    event: &EventView<'e>,
    scratch: &mut Scratch,
    limited: &mut dyn FnMut(usize) -> bool,
) -> Result<Matched<'e>, NotAJsonObject> {
    let mut matched = Matched::default();
    if is_bookkeeping(event) {
        return Ok(matched);
    }
    plan.index.find(event, scratch);
    let Scratch { rules, limits, fields, selected, .. } = scratch;
    rules.retain(|&rule| plan.may_match(rule, event));
    limits.retain(|&subscription| plan.may_ask(subscription, event));
    if rules.is_empty() && limits.is_empty() {
        return Ok(matched);
    }

    // From here on the payload counts, so it is proven first: nobody is asked about an event that is refused.
    check_object(event.payload, JSON_DEPTH_MAX)?;
    let readings = plan.paths.fields.read(event.payload, fields)?;
    let values = EventValues { paths: &plan.paths, payload: event.payload, readings, tree: OnceCell::new() };
    selected.clear();
    selected.resize(plan.subscriptions.len(), None);
    let mut one = Event { plan, event, values, selected };
    for &subscription in &*limits {
        let is_over = one.is_selected(subscription) == Ok(true) && limited(subscription);
        if is_over {
            one.selected[subscription] = Some(Ok(false));
        }
    }
    for &rule in &*rules {
        match one.hit(rule) {
            Ok(hit) => matched.hits.extend(hit),
            Err(OverBudget) => matched.over_budget.push(rule),
        }
    }
    if !matched.hits.is_empty() {
        matched.payload = Some(one.values.into_tree());
    }
    Ok(matched)
}

impl Plan {
    /// Whether the rule sees the event, as far as its head says.
    fn may_match(&self, rule: usize, event: &EventView<'_>) -> bool {
        let planned = &self.rules[rule];
        let naming = &planned.matcher.subscriptions;
        let selected = |&place: &usize| selects(&self.subscriptions[place].subscription, event);
        sees(&planned.rule, event) && (naming.is_empty() || naming.iter().any(selected))
    }

    /// Whether a subscription selects the event, as far as its head says, for a rule that sees it.
    fn may_ask(&self, subscription: usize, event: &EventView<'_>) -> bool {
        let named = &self.selectors[subscription].rules;
        selects(&self.subscriptions[subscription].subscription, event)
            && named.iter().any(|&rule| sees(&self.rules[rule].rule, event))
    }
}

/// An event that some rule may match.
struct Event<'p, 'e, 's> {
    plan: &'p Plan,
    event: &'p EventView<'e>,
    values: EventValues<'p, 'e, 's>,
    /// Which subscriptions select it, once somebody asked.
    selected: &'s mut Vec<Option<Result<bool, OverBudget>>>,
}

impl Event<'_, '_, '_> {
    fn hit(&mut self, rule: usize) -> Result<Option<Hit>, OverBudget> {
        let planned = &self.plan.rules[rule];
        let matcher = &planned.matcher;
        if !matcher.subscriptions.is_empty() && !self.is_any_selected(&matcher.subscriptions)? {
            return Ok(None);
        }
        let mut work = self.work();
        Ok(matcher.role(self.event, &self.values, &mut work)?.map(|role| Hit {
            rule,
            role,
            group_key: group::key(matcher, planned.rule.scope, self.event, &self.values),
            values: group::hashes(matcher, &self.values),
        }))
    }

    /// A subscription that selects the event outweighs one whose filters cost too much to say.
    fn is_any_selected(&mut self, subscriptions: &[usize]) -> Result<bool, OverBudget> {
        let mut outcome = Ok(false);
        for &subscription in subscriptions {
            match self.is_selected(subscription) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(OverBudget) => outcome = Err(OverBudget),
            }
        }
        outcome
    }

    fn is_selected(&mut self, subscription: usize) -> Result<bool, OverBudget> {
        if let Some(known) = self.selected[subscription] {
            return known;
        }
        let head = selects(&self.plan.subscriptions[subscription].subscription, self.event);
        let filters = &self.plan.selectors[subscription].filters;
        let outcome = if head { all_hold(filters, &self.values, &mut self.work()) } else { Ok(false) };
        self.selected[subscription] = Some(outcome);
        outcome
    }

    /// Each rule and each subscription has the whole budget: what others cost must not decide what it finds.
    fn work(&self) -> Work {
        Work::new(self.plan.limits.work_per_event_max)
    }
}
