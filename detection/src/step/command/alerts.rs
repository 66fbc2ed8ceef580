//! Acknowledge and resolve: what people say of an active alert.

use contracts::id::{AlertId, RuleId};
use contracts::json::Object;

use super::parameters::AlertRef;
use super::{About, Order, Refusal};
use crate::plan::Routing;
use crate::step::active::{self, Acknowledged, Active};
use crate::step::clock;
use crate::step::holdback::{self, Slot};
use crate::step::round::{Owner, Round};
use crate::step::watcher::{News, Outcome, timestamp};

/// Ends the escalation.
pub(super) fn acknowledge(round: &mut Round<'_, '_>, order: Order<'_>, alert: &AlertRef) -> Result<(), Refusal> {
    let (slot, mut active) = find(round, alert)?;
    let round = &mut round.of(slot.owner);
    if let Some(known) = &active.acknowledged {
        let reason = format!("{} acknowledged it at {}", known.by, timestamp(known.at));
        return Err(Refusal::new(&alert.alert_id, reason));
    }
    let (by, at) = (order.command.issued_by.clone(), round.appended_at);
    active.acknowledged = Some(Acknowledged { by, at });
    active.escalation = None;
    active::put(round.view, slot, &active);
    let news = News::AlertAcknowledged {
        alert_id: &active.alert_id,
        acknowledged_by: &order.command.issued_by,
        acknowledged_at: at,
    };
    order.tell_news(round, Some(&about(&active)), &news);
    Ok(())
}

/// Ends the alert: its escalation, and what its repeats were kept quiet by.
pub(super) fn resolve(round: &mut Round<'_, '_>, order: Order<'_>, alert: &AlertRef) -> Result<(), Refusal> {
    let (slot, active) = find(round, alert)?;
    let round = &mut round.of(slot.owner);
    active::remove(round.view, slot, &active.alert_id);
    let now = clock::now(round, slot.owner).unwrap_or(round.appended_at);
    holdback::resolved(round, slot, active.dedup_hash, &active.alert_id, now);
    order.tell(round, Some(&about(&active)), Outcome::AlertResolved, active.alert_id.as_str(), None, Object::new());
    Ok(())
}

fn about(active: &Active) -> About<'_> {
    About { rule_id: &active.rule_id, endpoint_id: active.cause.endpoint_id.as_str() }
}

fn find<'a>(round: &mut Round<'_, '_>, alert: &'a AlertRef) -> Result<(Slot<'a>, Active), Refusal> {
    let refuse = |reason: String| Refusal::new(&alert.alert_id, reason);
    let planned = round.plan.rule(&RuleId::new(&*alert.rule_id));
    let planned = planned.ok_or_else(|| refuse(super::rules::no_rule(round.plan, &alert.rule_id)))?;
    let owner = match planned.routing {
        Routing::Fused { .. } => Owner::Endpoint(&alert.endpoint_id),
        Routing::Routed { .. } => Owner::Group { rule_id: &alert.rule_id, group_key: &alert.group_key },
    };
    let slot = Slot { rule_id: &alert.rule_id, owner, group_key: &alert.group_key };
    let active = active::get(round.view, slot, &AlertId::new(&*alert.alert_id));
    let active = active.ok_or_else(|| {
        refuse(format!(
            "expected an active alert of rule {:?} with group {} on endpoint {:?}, found none; it may be resolved, or these are not its own",
            alert.rule_id, alert.group_key, alert.endpoint_id
        ))
    })?;
    Ok((slot, active))
}
