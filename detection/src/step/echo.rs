//! Watcher events that a rule names are seen by it at once, in the step that told them.
//!
//! Invariant: this ends. An event told here is one deeper than its cause and carries its cause's rule in its ancestry; no rule
//! sees its own descendants, and beyond the greatest depth nothing is evaluated.
//!
//! Absent on purpose: the clock of such events. They happen while their owner's clock stands, and do not move it.

use contracts::avro::EventView;
use contracts::records::AnyRecord;

use super::clock::{self, Moment};
use super::deadline::OwnerBuf;
use super::round::Round;
use super::{ancestry, body, evaluate};

/// A row that some rule hears, and whose state the rule keeps then.
#[derive(Debug)]
pub(crate) struct Heard {
    pub row: usize,
    pub owner: OwnerBuf,
}

/// Evaluates what was told in this round, and what that leads to, in the order of telling.
pub(crate) fn evaluate_heard(round: &mut Round<'_, '_>) {
    let mut next = 0;
    while next < round.heard.len() {
        let Heard { row, owner } = &round.heard[next];
        let owner = owner.clone();
        let AnyRecord::TelemetryEvent(event) = &round.out.rows[*row].record else {
            unreachable!("invariant: only events are heard")
        };
        let body = body(event);
        let event = EventView::read(&body).expect("invariant: we wrote it");
        let mut round = round.of(owner.as_owner());
        if ancestry::admit(&mut round, &event) {
            let moment = moment(&mut round, &event);
            evaluate(&mut round, &event, moment);
        }
        next += 1;
    }
}

fn moment(round: &mut Round<'_, '_>, event: &EventView<'_>) -> Moment {
    let owner = round.owner;
    let observed_at = event.observed_at.micros();
    let stream_time = clock::read(round.view, owner).map_or(observed_at, |clock| clock.stream_time);
    Moment { event_time: observed_at, stream_time, is_due: false }
}
