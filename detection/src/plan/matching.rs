//! One event held against the plan.
//!
//! Invariant: the hits are those of a plain reading of the rules; the index only leaves out what cannot be asking. An event
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
use crate::jsonpath::{self, Readings};

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
    let Scratch { candidates, rules, limits, fields, selected } = scratch;
    plan.index.search(event, candidates);
    let mut readings = None;
    if !candidates.fields.is_empty() {
        let read = plan.read(event, fields)?;
        plan.index.read(read, candidates);
        readings = Some(read);
    }
    plan.split(candidates.targets.sorted(), event, rules, limits);
    if rules.is_empty() && limits.is_empty() {
        return Ok(matched);
    }

    // From here on the payload counts, so it is proven first: nobody is asked about an event that is refused.
    let readings = match readings {
        Some(readings) => readings,
        None => plan.read(event, fields)?,
    };
    let values = EventValues { paths: &plan.paths, payload: event.payload, readings, tree: OnceCell::new() };
    selected.clear();
    selected.resize(plan.subscriptions.len(), None);
    let mut asking = Asking { plan, event, values, selected };
    for &subscription in &*limits {
        let is_over = asking.is_selected(subscription) == Ok(true) && limited(subscription);
        if is_over {
            asking.selected[subscription] = Some(Ok(false));
        }
    }
    for &rule in &*rules {
        match asking.hit(rule) {
            Ok(hit) => matched.hits.extend(hit),
            Err(OverBudget) => matched.over_budget.push(rule),
        }
    }
    if !matched.hits.is_empty() {
        matched.payload = Some(asking.values.into_tree());
    }
    Ok(matched)
}

impl Plan {
    /// The values of all paths that are read directly, from a payload that is thereby proven to be a JSON object.
    fn read<'e, 's>(
        &self,
        event: &EventView<'e>,
        scratch: &'s mut jsonpath::Scratch,
    ) -> Result<Readings<'e, 's>, NotAJsonObject> {
        let readings = self.paths.fields.read_within(event.payload, JSON_DEPTH_MAX, scratch)?;
        if !event.payload.trim_ascii_start().starts_with('{') {
            check_object(event.payload, JSON_DEPTH_MAX)?;
        }
        Ok(readings)
    }

    /// The candidates that the event's head leaves: rules, and subscriptions to be asked about their rate.
    fn split(&self, targets: &[usize], event: &EventView<'_>, rules: &mut Vec<usize>, limits: &mut Vec<usize>) {
        let (of_rules, of_subscriptions) =
            targets.split_at(targets.partition_point(|&target| target < self.rules.len()));
        rules.clear();
        rules.extend(of_rules.iter().copied().filter(|&rule| self.may_match(rule, event)));
        let subscriptions = of_subscriptions.iter().map(|target| target - self.rules.len());
        limits.clear();
        limits.extend(subscriptions.filter(|&subscription| self.may_ask(subscription, event)));
    }

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

/// The rules being asked about one event.
struct Asking<'p, 'e, 's> {
    plan: &'p Plan,
    event: &'p EventView<'e>,
    values: EventValues<'p, 'e, 's>,
    /// Which subscriptions select it, once somebody asked.
    selected: &'s mut Vec<Option<Result<bool, OverBudget>>>,
}

impl Asking<'_, '_, '_> {
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
