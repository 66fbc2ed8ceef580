//! One record, applied: what follows from it, given the plan and the state so far.
//!
//! Invariant: the same plan, the same records in the same order, the same effects, byte for byte, however they were cut into
//! batches. State changes only here, and only by a record.
//!
//! Absent on purpose: reading the log, and everything that can fail for a reason outside of its arguments.

mod active;
mod alert;
mod ancestry;
pub(crate) mod clock;
mod command;
mod deadline;
mod due;
mod echo;
mod effects;
mod escalation;
mod holdback;
mod idle;
mod input;
mod payload;
mod rate;
mod request;
mod round;
mod route;
mod row;
mod stream;
mod tally;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;
mod watcher;
mod window;

pub use active::{ACTIVE_PER_SCOPE_MAX, ActiveAlert, active_alerts};
pub use command::{AgentStatus, COMMANDS_REMEMBERED_MAX, Running, offset as control_offset, running};
pub use effects::{BreakerState, Counts, Effects, Held, Row};
pub use input::{Command, Input, Stage, Task, What};
pub(crate) use round::Owner;

use contracts::avro::EventView;
use contracts::field::NotAJsonObject;
use contracts::json::Value;
use contracts::record::Field as _;
use contracts::records::{RuleMatch, TelemetryEvent};

use crate::plan::{Hit, Plan, Routing};
use crate::view::View;
use clock::{Appended, Moment};
use deadline::Passing;
use holdback::{Admitted, Slot};
use payload::Payload;
use round::{Match, Round};
use stream::Admission;
use tally::About;
use watcher::Tally;
use window::Observation;

/// Applies one record.
pub fn step(plan: &Plan, view: &mut View<'_>, input: &Input<'_>) -> Effects {
    let mut out = Effects::default();
    let mut heard = Vec::new();
    let appended = clock::append(view, input.appended_at);
    let mut round = Round::new(plan, view, &mut out, &mut heard, input.task, appended.at);
    match &input.what {
        What::Event(event) => observe(&mut round, appended, event),
        What::Match(found) => collect(&mut round, appended, found),
        What::Command(given) => {
            deadline::fire(&mut round, appended, Passing::Command, due::fire);
            command::apply(&mut round, given);
        }
        What::NoCommand { offset } => command::pass(round.view, *offset),
        What::Tick => deadline::fire(&mut round, appended, Passing::Tick, due::fire),
    }
    echo::evaluate_heard(&mut round);
    out
}

/// An event where it was appended: first what is due by its time, then the event itself, unless it was sent before or lies too
/// deep.
fn observe(round: &mut Round<'_, '_>, appended: Appended, event: &EventView<'_>) {
    round.out.counts.events += 1;
    let owner = Owner::Endpoint(event.endpoint_id);
    let mut round = round.of(owner);
    let moment = clock::advance(&mut round, owner, event.observed_at);
    deadline::fire(&mut round, appended, Passing::Event(owner, moment), due::fire);
    if stream::admit(&mut round, event, moment) == Admission::Evaluate && ancestry::admit(&mut round, event) {
        evaluate(&mut round, event, moment);
    }
}

/// What the rules make of an event whose place in time is known.
fn evaluate(round: &mut Round<'_, '_>, event: &EventView<'_>, moment: Moment) {
    if let Err(error) = try_evaluate(round, event, moment) {
        round.out.refused = Some(error);
    }
}

fn try_evaluate(round: &mut Round<'_, '_>, event: &EventView<'_>, moment: Moment) -> Result<(), NotAJsonObject> {
    let plan = round.plan;
    let mut scratch = std::mem::take(&mut round.view.scratch);
    let mut is_limited = |subscription: usize| rate::is_over(round, &plan.subscriptions[subscription], event, moment);
    let matched = plan.matching(event, &mut scratch, &mut is_limited);
    round.view.scratch = scratch;
    let matched = matched?;
    for rule in matched.over_budget {
        let rule = &plan.rules[rule];
        if !command::is_enabled(round.view, rule) {
            continue;
        }
        let slot = Slot { rule_id: rule.rule.id.as_str(), owner: round.owner, group_key: NO_GROUP };
        holdback::failed(round, slot, rule, event, moment.stream_time);
    }
    let mut payload = Payload::of(event, matched.payload);
    for hit in &matched.hits {
        follow(round, event, moment, hit, &mut payload)?;
    }
    Ok(())
}

/// A hit: counted by its windows here, or sent to where the rule's state lives.
fn follow(
    round: &mut Round<'_, '_>,
    event: &EventView<'_>,
    moment: Moment,
    hit: &Hit,
    payload: &mut Payload<'_>,
) -> Result<(), NotAJsonObject> {
    let rule = &round.plan.rules[hit.rule];
    if !command::is_enabled(round.view, rule) {
        return Ok(());
    }
    let Some(group_key) = &hit.group_key else {
        tally::count(round, round.owner, Tally::EventUngrouped, About::Rule(rule.rule.id.as_str()), event);
        return Ok(());
    };
    if let Routing::Routed { .. } = rule.routing {
        return route::send(round, rule, hit, group_key, event, moment, payload);
    }
    let seen = Observation { rule, owner: round.owner, group_key, role: &hit.role, values: &hit.values, event, moment };
    if let Some(full) = full(round, &seen)? {
        conclude(round, &full.of(&seen, payload.value()?));
    }
    Ok(())
}

/// What a match counts.
struct Full {
    occurrences: i64,
    window: Option<(i64, i64)>,
}

/// An event taken into its windows: full if they are, and always without any.
fn full(round: &mut Round<'_, '_>, seen: &Observation<'_>) -> Result<Option<Full>, NotAJsonObject> {
    if seen.rule.windows.is_empty() {
        return Ok(Some(Full { occurrences: 1, window: None }));
    }
    let fired = window::observe(round, seen)?;
    Ok(fired.map(|fired| Full { occurrences: fired.occurrences, window: Some(fired.window) }))
}

impl Full {
    fn of<'m>(&self, seen: &Observation<'m>, payload: &'m Value<'m>) -> Match<'m> {
        Match {
            rule: seen.rule,
            owner: seen.owner,
            group_key: seen.group_key,
            event: seen.event,
            payload,
            details: None,
            triggered_at: seen.moment.event_time,
            judged_at: seen.moment.stream_time,
            occurrences: self.occurrences,
            window: self.window,
        }
    }
}

/// The group key of a rule that groups by nothing.
const NO_GROUP: &str = "[]";

/// A match that stage one sent: its group takes the endpoint's place.
fn collect(round: &mut Round<'_, '_>, appended: Appended, found: &RuleMatch) {
    let owner = Owner::Group { rule_id: found.rule_id.as_str(), group_key: &found.group_key };
    let mut round = round.of(owner);
    let moment = clock::advance(&mut round, owner, found.event_time);
    deadline::fire(&mut round, appended, Passing::Event(owner, moment), due::fire);
    route::take(&mut round, found, moment);
}

/// A match that is whole: held back, or an alert and all that follows from one.
fn conclude(round: &mut Round<'_, '_>, matched: &Match<'_>) {
    let hash = holdback::fingerprint(matched, round.plan.limits.work_per_event_max);
    if let Admitted::Raise { episode } = holdback::admit(round, matched, hash) {
        let raised = alert::raise(round, matched, hash, episode);
        escalation::open(round, matched, &raised);
        request::propose(round, matched, &raised);
    }
}

/// The Avro body of an event, for [`EventView::read`].
pub fn body(event: &TelemetryEvent) -> Vec<u8> {
    let mut body = Vec::new();
    event.write(&mut body).expect("invariant: a record that was read or built is within its limits");
    body
}
