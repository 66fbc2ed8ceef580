//! The way of a match to the task that holds its group's state, and into its windows there.
//!
//! Invariant: what stage two needs of an event travels with it. Lateness is judged before, by the endpoint's stream time; there
//! a match takes its place by time.
//!
//! What an event is to a sequence or an absence travels as `step`: the number of the step; of an absence 0 opens the wait and 1
//! answers it. Where it can serve several, all of them stand in the details, under `steps`.

use contracts::avro::EventView;
use contracts::field::{JsonObject, NotAJsonObject};
use contracts::id::RuleId;
use contracts::json::{Number, Object, Value};
use contracts::records::RuleMatch;
use contracts::topics::RULE_MATCHES;

use super::clock::Moment;
use super::effects::Row;
use super::payload::Payload;
use super::round::Round;
use super::watcher::timestamp;
use super::window::{self, Observation};
use super::{body, command, conclude};
use crate::plan::{Hit, PlannedRule, Role};
use crate::rule::Window;

const STEPS: &str = "steps";

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
    let steps = steps(&hit.role);
    let details = rule.details(payload.value()?);
    let found = RuleMatch {
        rule_id: rule.rule.id.clone(),
        rule_digest: rule.digest,
        control_offset: command::offset(round.view),
        group_key: group_key.to_owned(),
        endpoint_id: contracts::id::EndpointId::new(event.endpoint_id),
        event: event.to_event()?,
        event_time: timestamp(moment.event_time),
        step: steps.first().copied(),
        value_hash: hit.values.first().copied().flatten(),
        details: if steps.len() > 1 { with_steps(&details, &steps) } else { details },
    };
    let key = key(&rule.rule.id, group_key);
    round.out.rows.push(Row { topic: RULE_MATCHES, key, record: found.into() });
    Ok(())
}

/// Takes a match into its group. One of a rule that a command has removed since is void, and counted.
pub(super) fn take(round: &mut Round<'_, '_>, found: &RuleMatch, moment: Moment) {
    let plan = round.plan;
    let Some(rule) = plan.rule(&found.rule_id).filter(|rule| command::is_enabled(round.view, &rule.rule)) else {
        round.out.counts.void += 1;
        return;
    };
    let body = body(&found.event);
    let event = EventView::read(&body).expect("invariant: we wrote it");
    let payload = found.event.payload.value();
    let seen = Observation {
        rule,
        owner: round.owner,
        group_key: &found.group_key,
        role: &role(rule, found),
        values: &[found.value_hash],
        event: &event,
        moment,
    };
    let full = window::observe(round, &seen).expect("invariant: the payload of a record is an object");
    if let Some(full) = full {
        conclude(round, &full.matched(&seen, &payload, Some(&found.details)));
    }
}

/// The key of a match: what decides which task holds its group.
pub(crate) fn key(rule_id: &RuleId, group_key: &str) -> String {
    format!("{rule_id}/{group_key}")
}

fn steps(role: &Role) -> Vec<i32> {
    match role {
        Role::Match => Vec::new(),
        Role::Steps(steps) => {
            steps.iter().map(|step| i32::try_from(*step).expect("invariant: a sequence has few steps")).collect()
        }
        Role::Absence { after, step } => [(0, *after), (1, *step)].iter().filter(|(_, is)| *is).map(|(step, _)| *step).collect(),
    }
}

fn role(rule: &PlannedRule, found: &RuleMatch) -> Role {
    let details = found.details.value();
    let several = details.as_object().and_then(|details| details.get(STEPS)).and_then(Value::as_array);
    let several = several.map(|steps| steps.iter().filter_map(|step| step.as_number()?.to_i64()).collect::<Vec<_>>());
    let steps = several.unwrap_or_else(|| found.step.map(i64::from).into_iter().collect());
    match &*rule.windows {
        [Window::Sequence { .. }] => Role::Steps(steps.iter().filter_map(|step| usize::try_from(*step).ok()).collect()),
        [Window::Absent { .. }] => Role::Absence { after: steps.contains(&0), step: steps.contains(&1) },
        _ => Role::Match,
    }
}

fn with_steps(details: &JsonObject, steps: &[i32]) -> JsonObject {
    let steps: Vec<Value<'_>> = steps.iter().map(|step| Number::from(i64::from(*step)).into()).collect();
    let Value::Object(details) = details.value() else { unreachable!("invariant: details are an object") };
    let details: Object<'_> = details.with(STEPS, steps);
    JsonObject::new(details.text()).expect("invariant: it was one before")
}
