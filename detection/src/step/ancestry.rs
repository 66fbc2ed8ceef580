//! How far an event is from what was first observed.
//!
//! Invariant: depth and ancestry are what stages and collectors wrote into the event's own fields, never what a payload says.

use contracts::avro::EventView;

use super::round::{Owner, Round};
use super::tally::{self, About};
use super::watcher::Tally;

/// Whether the event is evaluated: one that is too deep is tallied instead. Where that telling itself comes back too deep, as
/// it does if somebody feeds what watchers tell to the input, it is only counted: else it would be told for ever.
pub(crate) fn admit(round: &mut Round<'_, '_>, event: &EventView<'_>) -> bool {
    let is_admitted = event.event_depth.get() <= round.plan.limits.event_depth_max;
    if !is_admitted && event.is_watcher_generated && event.event_type == Tally::EventTooDeep.as_str() {
        round.out.counts.too_deep += 1;
    } else if !is_admitted {
        tally::count(round, Owner::Endpoint(event.endpoint_id), Tally::EventTooDeep, About::Event, event);
    }
    is_admitted
}
