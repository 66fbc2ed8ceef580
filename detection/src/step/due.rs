//! What a deadline does when it comes: the one place that knows all kinds.

use super::deadline::{Due, Kind};
use super::round::Round;
use super::{command, escalation, holdback, tally, window};

pub(crate) fn fire(round: &mut Round<'_, '_>, due: &Due) {
    let mut round = round.of(due.owner.as_owner());
    match due.kind {
        Kind::Absence => window::unanswered(&mut round, due),
        Kind::Group => window::forget(&mut round, due),
        Kind::Tally => tally::due(&mut round, due),
        Kind::TellHeld | Kind::Held | Kind::MuteEnd => holdback::due(&mut round, due),
        Kind::Escalation => escalation::due(&mut round, due),
        Kind::Idle => command::idle(&mut round, due),
    }
}
