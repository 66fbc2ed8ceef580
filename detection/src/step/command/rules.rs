//! Mute, enable and disable: what people say of a rule.
//!
//! A switch holds until the opposite is commanded or the rule is dropped: swapping in a corrected rule does not turn it on
//! behind the back of whoever turned it off.

use contracts::id::RuleId;
use contracts::json::Object;
use contracts::nearest::nearest;
use contracts::owner_event::NO_ENDPOINT;

use super::{About, Order, Refusal};
use crate::plan::{Plan, PlannedRule};
use crate::step::holdback::{self, Mute};
use crate::step::round::Round;
use crate::step::row::{Row as _, row};
use crate::step::watcher::{self, News, Outcome, timestamp};
use crate::view::View;
use crate::view::keys::Key;

const TAG: u8 = 0x34;

row! {
    struct Switch version 1 {
        is_on: bool,
    }
}

/// Whether a rule runs: as last commanded, else as its author wrote.
pub(crate) fn is_enabled(view: &mut View<'_>, planned: &PlannedRule) -> bool {
    let switch = view.read(&key(planned.rule.id.as_str()), Switch::from_row);
    switch.map_or(planned.rule.enabled, |switch| switch.is_on)
}

pub(super) fn switch(round: &mut Round<'_, '_>, order: Order<'_>, rule_id: &str, is_on: bool) -> Result<(), Refusal> {
    let rule_id = known(round.plan, rule_id)?;
    round.view.put(&key(rule_id.as_str()), Switch { is_on }.to_row());
    let news = News::RuleSwitched {
        rule_id,
        enabled: is_on,
        changed_by: &order.command.issued_by,
        changed_at: round.appended_at,
    };
    order.tell_news(round, Some(&About { rule_id, endpoint_id: NO_ENDPOINT }), &news);
    Ok(())
}

pub(super) fn mute(round: &mut Round<'_, '_>, order: Order<'_>, rule_id: &str, mute: &Mute) -> Result<(), Refusal> {
    let rule_id = known(round.plan, rule_id)?;
    holdback::set_mute(round, rule_id.as_str(), mute.clone())
        .map_err(|error| Refusal::new(rule_id.as_str(), error.to_string()))?;
    let mut more = Object::new().with("until", timestamp(mute.until).to_string());
    for (member, value) in [("group_key", &mute.group_key), ("endpoint_id", &mute.endpoint_id)] {
        if let Some(value) = value {
            more.insert(member, watcher::name(value));
        }
    }
    let about = About { rule_id, endpoint_id: mute.endpoint_id.as_deref().unwrap_or(NO_ENDPOINT) };
    order.tell(round, Some(&about), Outcome::RuleMuted, rule_id.as_str(), None, more);
    Ok(())
}

/// The rule is no more.
pub(super) fn forget(view: &mut View<'_>, rule_id: &str) {
    view.remove(&key(rule_id));
    holdback::forget_mutes(view, rule_id);
}

fn known<'p>(plan: &'p Plan, rule_id: &str) -> Result<&'p RuleId, Refusal> {
    let planned = plan.rule(&RuleId::new(rule_id));
    planned.map(|planned| &planned.rule.id).ok_or_else(|| Refusal::new(rule_id, no_rule(plan, rule_id)))
}

pub(super) fn no_rule(plan: &Plan, rule_id: &str) -> String {
    let near = nearest(rule_id, plan.rules.iter().map(|planned| planned.rule.id.as_str()));
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    format!("expected a rule of set {:?}, found {rule_id:?}{near}", plan.set.name)
}

fn key(rule_id: &str) -> Key {
    let mut key = Key::tagged(TAG);
    key.text(rule_id);
    key
}
