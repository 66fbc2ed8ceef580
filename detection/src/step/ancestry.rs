//! How far an event is from what was first observed.
//!
//! Invariant: depth and ancestry are what stages and collectors wrote into the event's own fields, never what a payload says.

use contracts::avro::EventView;

use super::round::{Owner, Round};
use super::tally::{self, About};
use super::watcher::Tally;

/// Whether the event is evaluated: one that is too deep is tallied instead.
pub(crate) fn admit(round: &mut Round<'_, '_>, event: &EventView<'_>) -> bool {
    let is_admitted = event.event_depth.get() <= round.plan.limits.event_depth_max;
    if !is_admitted {
        tally::count(round, Owner::Endpoint(event.endpoint_id), Tally::EventTooDeep, About::Event, event);
    }
    is_admitted
}
