//! Watcher events that a rule names are seen by it at once, in the step that told them.
//!
//! Invariant: this ends. An event told here is one deeper than its cause and carries its cause's rule in its ancestry; no rule
//! sees its own descendants, and beyond the greatest depth nothing is evaluated.
//!
//! Such events happen while their owner's clock stands, and do not move it. What commands lead to that is about no endpoint is
//! nobody's, whose clock is append time; so is what is told of an owner that was forgotten.

use contracts::avro::EventView;
use contracts::records::AnyRecord;
use contracts::time::Timestamp;

use super::clock::{self, Appended, Moment};
use super::deadline::{self, OwnerBuf, Passing};
use super::round::{NOBODY, Round};
use super::watcher::timestamp;
use super::{ancestry, body, due, evaluate};

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
        let owner = if clock::read(round.view, owner.as_owner()).is_some() { owner.clone() } else { NOBODY.into() };
        let AnyRecord::TelemetryEvent(event) = &round.out.rows[*row].record else {
            unreachable!("invariant: only events are heard")
        };
        let body = body(event);
        let event = EventView::read(&body).expect("invariant: we wrote it");
        let mut round = round.of(owner.as_owner());
        if ancestry::admit(&mut round, &event) {
            let moment = moment(&mut round, event.observed_at);
            evaluate(&mut round, &event, moment);
        }
        next += 1;
    }
}

fn moment(round: &mut Round<'_, '_>, observed_at: Timestamp) -> Moment {
    let (owner, event_time) = (round.owner, observed_at.micros());
    if owner == NOBODY {
        let moment = clock::advance(round, owner, timestamp(round.appended_at));
        let appended = Appended { at: round.appended_at, is_due: false };
        deadline::fire(round, appended, Passing::Event(owner, moment), due::fire);
        return Moment { event_time, ..moment };
    }
    let stream_time = clock::read(round.view, owner).map_or(event_time, |clock| clock.stream_time);
    Moment { event_time, stream_time, is_due: false }
}
