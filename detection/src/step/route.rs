//! The way of a match to the task that holds its group's state, and into its windows there.
//!
//! Invariant: what stage two needs of an event travels with it. Lateness is judged before, by the endpoint's stream time; there
//! a match takes its place by time.

use contracts::avro::EventView;
use contracts::field::NotAJsonObject;
use contracts::id::{EndpointId, RuleId};
use contracts::records::RuleMatch;
use contracts::topics::RULE_MATCHES;

use super::clock::Moment;
use super::effects::Row;
use super::payload::Payload;
use super::round::{Match, Round};
use super::watcher::timestamp;
use super::window::{self, Observation};
use super::{body, command, conclude, full};
use crate::plan::{Hit, PlannedRule};

/// Sends a hit of a routed rule to stage two.
pub(super) fn send(
    round: &mut Round<'_, '_>,
    rule: &PlannedRule,
    hit: &Hit,
    group_key: &str,
    event: &EventView<'_>,
    moment: Moment,
    payload: &mut Payload<'_>,
) -> Result<(), NotAJsonObject> {
    if !window::admit_routed(round, rule, event, moment) {
        return Ok(());
    }
    let found = RuleMatch {
        rule_id: rule.rule.id.clone(),
        rule_digest: rule.digest,
        control_offset: command::offset(round.view),
        group_key: group_key.to_owned(),
        endpoint_id: EndpointId::new(event.endpoint_id),
        event: event.to_event()?,
        event_time: timestamp(moment.event_time),
        step: window::step_of(&hit.role),
        value_hash: hit.values.first().copied().flatten(),
        details: rule.details(payload.value()?),
    };
    let key = key(&rule.rule.id, group_key);
    round.out.rows.push(Row { topic: RULE_MATCHES, key, record: found.into() });
    Ok(())
}

/// Takes a match into its group. One of a rule that a command has removed or switched off since is void, and counted.
pub(super) fn take(round: &mut Round<'_, '_>, found: &RuleMatch, moment: Moment) {
    let plan = round.plan;
    let rule = plan.rule(&found.rule_id).filter(|rule| command::is_enabled(round.view, rule));
    let Some((rule, role)) = rule.and_then(|rule| Some((rule, window::role_of(rule, found.step)?))) else {
        round.out.counts.void += 1;
        return;
    };
    let body = body(&found.event);
    let event = EventView::read(&body).expect("invariant: we wrote it");
    let (owner, group_key, values) = (round.owner, &found.group_key, &[found.value_hash]);
    let seen = Observation { rule, owner, group_key, role: &role, values, event: &event, moment };
    let full = full(round, &seen).expect("invariant: the payload of a record is an object");
    if let Some(full) = full {
        let payload = found.event.payload.value();
        conclude(round, &Match { details: Some(&found.details), ..full.of(&seen, &payload) });
    }
}

/// The key of a match: what decides which task holds its group.
pub(crate) fn key(rule_id: &RuleId, group_key: &str) -> String {
    format!("{rule_id}/{group_key}")
}
