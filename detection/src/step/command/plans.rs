//! Subscribe, unsubscribe and swap: what changes the plan itself.
//!
//! Invariants: the plan changes only if all of it compiles; otherwise everything that is wrong is the reason of the refusal,
//! and what ran goes on. What was added or removed at run time outlives a swap, and a swap that it does not fit is refused. A
//! rule keeps its state while its `state_digest` stays; before other state is dropped, what it held back is told.

use std::fmt::Display;
use std::sync::Arc;

use contracts::canonical::Digest;
use contracts::json::{Object, Value};
use contracts::nearest::nearest;
use contracts::records::RuleSetRef;

use super::parameters::Subscribe;
use super::running::{self, Added, Changed, Running, SetRow};
use super::{Order, Refusal, rules};
use crate::diagnostic::Diagnostic;
use crate::json_form;
use crate::plan::{Plan, PlannedRule, PlannedSubscription, Routing};
use crate::rule::RuleSet;
use crate::step::active;
use crate::step::holdback;
use crate::step::rate;
use crate::step::round::Round;
use crate::step::watcher::{News, Outcome};
use crate::view::keys::{self, Key};

/// Named in one reason; what is over it is counted.
const PROBLEMS_MAX: usize = 20;
/// Dropped rules named in one event; what is over it is counted.
const DROPPED_MAX: usize = 200;
/// Watchers named where another was meant.
const WATCHERS_NAMED_MAX: usize = 10;

pub(super) fn subscribe(round: &mut Round<'_, '_>, order: Order<'_>, wanted: &Subscribe) -> Result<(), Refusal> {
    let id = &*wanted.subscription_id;
    if round.plan.subscriptions.iter().any(|planned| planned.subscription.id == *id) {
        return Err(Refusal::new(id, "expected an id that no subscription has; remove that one first"));
    }
    if !round.plan.rule_set.watchers.iter().any(|watcher| watcher.name == wanted.watcher) {
        return Err(Refusal::new(id, no_watcher(round.plan, &wanted.watcher)));
    }
    let text = text_of(wanted);
    let subscription = json_form::subscription_from_json(id, &text);
    let subscription = subscription
        .map_err(|wrong| Refusal::new(id, problems(wrong.iter().map(text_of_diagnostic), wrong.count())))?;
    let (topic, rule_count) = (subscription.topic.to_string(), subscription.rules.len());
    let mut running = running_of(round, id)?;
    running.added.push(PlannedSubscription { watcher: wanted.watcher.clone(), subscription });
    let plan = recompile(round.plan, &round.plan.rule_set, &running, id)?;

    let created_at = round.appended_at;
    let added = Some(Added { watcher: wanted.watcher.clone(), text, at: created_at });
    let changed = Changed { added, ..running::get(round.view, id) };
    running::put(round.view, &changed);
    round.out.plan = Some(Arc::new(plan));
    let news =
        News::SubscriptionChanged { is_created: true, subscription_id: id, topic: &topic, rule_count, created_at };
    order.tell_news(round, None, &news);
    Ok(())
}

pub(super) fn unsubscribe(round: &mut Round<'_, '_>, order: Order<'_>, id: &str) -> Result<(), Refusal> {
    let plan = round.plan;
    let planned = plan.subscriptions.iter().find(|planned| planned.subscription.id == id);
    let planned = planned.ok_or_else(|| Refusal::new(id, "expected the id of a subscription that runs, found none"))?;
    let mut running = running_of(round, id)?;
    let known = running::get(round.view, id);
    let (created_at, changed) = match known.added {
        Some(added) => (added.at, Changed { added: None, ..known }),
        None => (running::set(round.view).map_or(0, |row| row.since), Changed { is_removed: true, ..known }),
    };
    running.added.retain(|added| added.subscription.id != id);
    if changed.is_removed {
        running.removed.push(id.to_owned());
    }
    let new = recompile(plan, &plan.rule_set, &running, id)?;

    running::put(round.view, &changed);
    rate::forget_subscription(round.view, id);
    round.out.plan = Some(Arc::new(new));
    let topic = planned.subscription.topic.to_string();
    let rule_count = planned.subscription.rules.len();
    let news =
        News::SubscriptionChanged { is_created: false, subscription_id: id, topic: &topic, rule_count, created_at };
    order.tell_news(round, None, &news);
    Ok(())
}

pub(super) fn swap(
    round: &mut Round<'_, '_>,
    order: Order<'_>,
    digest: Digest,
    set: Option<&Result<&RuleSet, &str>>,
) -> Result<(), Refusal> {
    let subject = digest.to_string();
    let set = match set {
        Some(Ok(set)) => *set,
        Some(Err(why)) => return Err(Refusal::new(&subject, *why)),
        None => return Err(Refusal::new(&subject, "expected all parts of this set on rule.sets.v1, found none")),
    };
    let mut running = running_of(round, &subject)?;
    // A removal is void once the set itself has no such subscription.
    let has = |id: &String| set.watchers.iter().flat_map(|watcher| &watcher.subscriptions).any(|own| own.id == *id);
    let void: Vec<String> = running.removed.extract_if(.., |id| !has(id)).collect();
    let mut plan = recompile(round.plan, set, &running, &subject)?;
    plan.set = RuleSetRef { name: set.name.clone(), digest };

    for id in void {
        let changed = Changed { is_removed: false, ..running::get(round.view, &id) };
        running::put(round.view, &changed);
    }
    let since = round.appended_at;
    running::put_set(round.view, &SetRow { digest, since });
    for planned in &round.plan.subscriptions {
        if !plan.subscriptions.iter().any(|next| next.subscription.id == planned.subscription.id) {
            rate::forget_subscription(round.view, &planned.subscription.id);
        }
    }
    let dropped = drop_state(round, &plan);
    let more = Object::new()
        .with("dropped_count", count(dropped.len()))
        .with("dropped", dropped.into_iter().take(DROPPED_MAX).collect::<Vec<_>>());
    round.out.plan = Some(Arc::new(plan));
    order.tell(round, None, Outcome::RuleSetSwapped, &subject, None, more);
    Ok(())
}

/// Drops the state that the new plan does not go on with; says of which rules, and why.
fn drop_state(round: &mut Round<'_, '_>, new: &Plan) -> Vec<Value<'static>> {
    let old = round.plan;
    let mut dropped = Vec::new();
    for planned in &old.rules {
        let next = new.rule(&planned.rule.id);
        if next.is_some_and(|next| next.state_digest == planned.state_digest) {
            continue;
        }
        let rule_id = planned.rule.id.as_str();
        holdback::dropped(round, rule_id);
        for tag in [keys::Tag::Groups, keys::Tag::Group] {
            round.view.remove_prefix(Key::new(tag).text(rule_id));
        }
        // Alerts are of the past: only where nobody could find them any more they end, and with them their escalation.
        let stays = next.is_some_and(|next| is_fused(next) == is_fused(planned));
        let alerts = if stays { 0 } else { active::drop_rule(round.view, rule_id) };
        if next.is_none() {
            rules::forget(round.view, rule_id);
        }
        let rule = Object::new()
            .with("rule_id", rule_id.to_owned())
            .with("why", if next.is_none() { "gone" } else { "changed" })
            .with("active_alerts", count(alerts));
        dropped.push(rule.into());
    }
    dropped
}

fn is_fused(planned: &PlannedRule) -> bool {
    matches!(planned.routing, Routing::Fused { .. })
}

/// The subscription whole, in its JSON form.
fn text_of(wanted: &Subscribe) -> String {
    let parts = wanted.subscription.value();
    let parts = parts.as_object().cloned().unwrap_or_default();
    let rules: Vec<Value<'_>> = wanted.rules.iter().map(|rule_id| Value::from(rule_id.as_str())).collect();
    parts.with("subscription_id", &*wanted.subscription_id).with("rules", rules).text().into_owned()
}

fn no_watcher(plan: &Plan, name: &str) -> String {
    let near = nearest(name, plan.rule_set.watchers.iter().map(|watcher| watcher.name.as_str()));
    let names = plan.rule_set.watchers.iter().map(|watcher| watcher.name.as_str());
    let near = near.map_or_else(
        || format!("; it has {}", names.take(WATCHERS_NAMED_MAX).collect::<Vec<_>>().join(", ")),
        |near| format!("; did you mean {near:?}?"),
    );
    format!("expected a watcher of set {:?}, found {name:?}{near}", plan.set.name)
}

fn running_of(round: &mut Round<'_, '_>, subject: &str) -> Result<Running, Refusal> {
    running::running(round.view)
        .map_err(|wrong| Refusal::new(subject, problems(wrong.iter().map(text_of_diagnostic), wrong.count())))
}

fn recompile(plan: &Plan, set: &RuleSet, running: &Running, subject: &str) -> Result<Plan, Refusal> {
    let compiled = plan.recompile(set, &running.added, &running.removed);
    compiled.map_err(|wrong| Refusal::new(subject, problems(&wrong, wrong.len())))
}

fn text_of_diagnostic(diagnostic: &Diagnostic) -> String {
    let part =
        |name: &str, text: &Option<String>| text.as_ref().map(|text| format!("{name}{text}")).unwrap_or_default();
    let Diagnostic { message, expected, found, help, .. } = diagnostic;
    format!("{message}{}{}{}", part("; expected ", expected), part(", found ", found), part("; ", help))
}

fn problems<P: Display>(wrong: impl IntoIterator<Item = P>, count: usize) -> String {
    let mut named: Vec<String> = wrong.into_iter().take(PROBLEMS_MAX).map(|problem| problem.to_string()).collect();
    if count > named.len() {
        named.push(format!("and {} more", count - named.len()));
    }
    named.join("; ")
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
