//! Owners that have been silent for long: their state is forgotten.
//!
//! Invariant: nothing that is still to be told is forgotten. An owner with an alarm is not idle, and ticks bring every alarm
//! about. The row that watches an owner is set once, when its clock begins, and moved only when its time has come.
//!
//! What goes is what stream time would have made the owner forget one day, its streams, its rates and its clock. What waits for people
//! (open alerts, mutes) stays.

use super::clock::{self, NEVER, micros};
use super::deadline::{self, Deadline, Due, Fire, Kind};
use super::round::{Owner, Round};
use super::{rate, stream, window};

/// Begins to watch an owner whose clock has just begun.
pub(crate) fn watch(round: &mut Round<'_, '_>, owner: Owner<'_>) {
    let time = round.appended_at.saturating_add(micros(round.plan.limits.idle_ms_max));
    set(round, owner, time);
}

/// Forgets an owner if it is idle, or watches on. At most so many rows with a record as deadlines may fire.
pub(crate) fn forget(round: &mut Round<'_, '_>, due: &Due, fire: Fire) {
    let owner = due.owner.as_owner();
    let Some(clock) = clock::read(round.view, owner) else { return };
    let idle_from = clock.last_append.saturating_add(micros(round.plan.limits.idle_ms_max));
    if idle_from > round.appended_at {
        return set(round, owner, idle_from);
    }
    if clock.alarm_from != NEVER {
        let next = clock.earliest_bound().max(round.appended_at).saturating_add(1);
        return set(round, owner, next);
    }
    let rows_max = round.plan.limits.deadlines_per_record_max;
    let expiries = deadline::expiries(round.view, owner, rows_max);
    for due in &expiries {
        match due.kind {
            Kind::Group => window::forget(round.view, due),
            _ => fire(round, due),
        }
    }
    if expiries.len() == rows_max {
        return set(round, owner, round.appended_at.saturating_add(1));
    }
    deadline::remove_expiries(round.view, owner);
    if let Owner::Endpoint(endpoint_id) = owner {
        stream::forget(round.view, endpoint_id);
    }
    rate::forget(round, owner);
    clock::remove(round.view, owner);
}

fn set(round: &mut Round<'_, '_>, owner: Owner<'_>, time: i64) {
    let deadline = Deadline { time, kind: Kind::Idle, rule_id: "", group_key: "", subject: &[] };
    deadline::set(round.view, owner, &deadline);
}
