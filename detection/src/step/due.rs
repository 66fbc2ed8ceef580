//! What a deadline does when it comes: the one place that knows all kinds.

use contracts::avro::EventView;
use contracts::field::JsonObject;
use contracts::id::RuleId;

use super::deadline::{Due, Kind};
use super::round::{Match, Round};
use super::{command, conclude, escalation, holdback, idle, tally, window};

pub(crate) fn fire(round: &mut Round<'_, '_>, due: &Due) {
    let round = &mut round.of(due.owner.as_owner());
    match due.kind {
        Kind::Absence => unanswered(round, due),
        Kind::Group => {
            if let Some(rule) = round.plan.rule(&RuleId::new(&due.rule_id)) {
                window::expire(round, rule, due);
            }
        }
        Kind::Tally => tally::tell_due(round, due),
        Kind::TellHeld | Kind::Held | Kind::MuteEnd => holdback::due(round, due),
        Kind::Escalation => escalation::due(round, due),
        Kind::Idle => idle::forget(round, due, fire),
    }
}

/// An awaited step did not come: a match, of the event that it was awaited after.
fn unanswered(round: &mut Round<'_, '_>, due: &Due) {
    let plan = round.plan;
    let Some(rule) = plan.rule(&RuleId::new(&due.rule_id)) else { return };
    let Some(unanswered) = window::tell_absence(round, rule, due) else { return };
    if !command::is_enabled(round.view, rule) {
        round.out.counts.void += 1;
        return;
    }
    let event = EventView::read(&unanswered.body).expect("invariant: we wrote it");
    let payload = JsonObject::new(event.payload).expect("invariant: it was proven when the wait began");
    conclude(
        round,
        &Match {
            rule,
            owner: due.owner.as_owner(),
            group_key: &due.group_key,
            event: &event,
            payload: &payload.value(),
            details: None,
            triggered_at: unanswered.window.1,
            judged_at: due.time,
            occurrences: 1,
            window: Some(unanswered.window),
        },
    );
}
