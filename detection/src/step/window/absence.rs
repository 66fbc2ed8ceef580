//! Absences: after an `after` no `step` came in time, that is within `(after, after + W]`.
//!
//! Invariant: of a group the earliest unanswered `after` waits, and its alarm fires when the owner's clock passes
//! `after + W + lateness`, until when a `step` may still come late. A `step` answers it whatever the order they came in.
//!
//! A tick may tell of the `after` before stream time has passed. It then waits on, told: what events decide until stream
//! time has passed is what they would have decided without the tick.
//!
//! Times of steps are kept as long as an `after` may come late before them. Of three, no two neighbours further apart than W
//! from first to last, the middle one answers nothing that the others do not, and is dropped; of more than [`STEPS_MAX`] the
//! oldest is dropped, and an `after` that comes late before it may be told of although it was answered.
//!
//! A row is 18 bytes, 8 for each step kept, and while an `after` waits 8 and its event as Avro has it: nearly all of it is
//! the event.

use contracts::field::NotAJsonObject;

use super::{Head, Span};
use crate::view::value::{Malformed, Reader};

/// Times of steps in one group.
pub(super) const STEPS_MAX: usize = 64;

/// The `after` that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    after: i64,
    event: Option<Body>,
}

/// An event as Avro has it, until it is told.
type Body = Vec<u8>;

#[derive(Debug, Default)]
struct State {
    waiting: Option<Waiting>,
    /// Ascending.
    steps: Vec<i64>,
}

/// An alarm that an event takes back, and one that it sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Alarms {
    pub off: Option<i64>,
    pub on: Option<i64>,
}

/// An `after` that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// Its event as Avro has it.
    pub body: Vec<u8>,
    /// `(after, deadline]`, in which no step came.
    pub window: (i64, i64),
}

/// An event of an absence, in its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    pub time: i64,
    pub stream_time: i64,
    pub after: bool,
    pub step: bool,
}

/// Takes an event into its place. The row's newest time has the event in it. `body` is asked for if the event is to wait.
pub(super) fn take(
    row: &mut Vec<u8>,
    span: Span,
    event: Observed,
    body: impl Fn() -> Result<Body, NotAJsonObject>,
) -> Result<Result<Alarms, NotAJsonObject>, Malformed> {
    let head = Head::of(row)?;
    let mut state = State::read(row)?;
    let off = state.alarm(span);
    state.waiting.take_if(|waiting| waiting.event.is_none() && due(waiting.after, span) <= event.stream_time);
    if event.step {
        state.answer(event.time, span.window);
    }
    if event.after && state.opens(event.time, span.window) {
        match body() {
            Ok(body) => state.waiting = Some(Waiting { after: event.time, event: Some(body) }),
            Err(error) => return Ok(Err(error)),
        }
    }
    state.forget(head.newest.saturating_sub(span.lateness));
    state.write(row, head);
    let on = state.alarm(span);
    Ok(Ok(if on == off { Alarms::default() } else { Alarms { off, on } }))
}

/// Tells of the `after` whose alarm it is, once.
pub(super) fn tell(row: &mut Vec<u8>, span: Span, alarm: i64) -> Result<Option<Unanswered>, Malformed> {
    let head = Head::of(row)?;
    let mut state = State::read(row)?;
    if state.alarm(span) != Some(alarm) {
        return Ok(None);
    }
    let Some(Waiting { after, event }) = &mut state.waiting else { return Ok(None) };
    let window = (*after, after.saturating_add(span.window));
    let told = event.take().map(|body| Unanswered { body, window });
    state.write(row, head);
    Ok(told)
}

/// Whether an `after` waits that was not told of.
pub(super) fn is_open(row: &[u8]) -> Result<bool, Malformed> {
    State::read(row).map(|state| state.waiting.is_some_and(|waiting| waiting.event.is_some()))
}

/// When the clock has passed the time in which a step may still come.
fn due(after: i64, span: Span) -> i64 {
    after.saturating_add(span.kept()).saturating_add(1)
}

impl State {
    fn alarm(&self, span: Span) -> Option<i64> {
        self.waiting.as_ref().filter(|waiting| waiting.event.is_some()).map(|waiting| due(waiting.after, span))
    }

    fn answer(&mut self, time: i64, window: i64) {
        self.waiting.take_if(|waiting| waiting.after < time && time <= waiting.after.saturating_add(window));
        let place = self.steps.partition_point(|known| *known < time);
        self.steps.insert(place, time);
        // At most one of the three triples around the new one has a middle to spare at a time; dropping it may spare another.
        while let Some(spare) = self.steps.windows(3).position(|near| near[2] - near[0] <= window) {
            self.steps.remove(spare + 1);
        }
    }

    /// Whether an `after` is to wait: no step answers it, and none before it waits.
    fn opens(&self, after: i64, window: i64) -> bool {
        let next = self.steps.partition_point(|step| *step <= after);
        let is_answered = self.steps.get(next).is_some_and(|step| *step <= after.saturating_add(window));
        !is_answered && self.waiting.as_ref().is_none_or(|waiting| after < waiting.after)
    }

    fn forget(&mut self, until: i64) {
        let old = self.steps.partition_point(|step| *step <= until);
        self.steps.drain(..old.max(self.steps.len().saturating_sub(STEPS_MAX)));
    }

    fn read(row: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(row);
        Head::read(&mut from)?;
        let waiting = match from.byte()? {
            NONE => None,
            TOLD => Some(Waiting { after: from.time()?, event: None }),
            OPEN => Some(Waiting { after: from.time()?, event: Some(from.bytes()?.to_vec()) }),
            _ => return Err(from.expected("whether an event waits")),
        };
        let mut steps = Vec::new();
        while !from.is_at_end() {
            steps.push(from.time()?);
        }
        Ok(Self { waiting, steps })
    }

    fn write(&self, row: &mut Vec<u8>, head: Head) {
        let mut row = head.begin(row);
        match &self.waiting {
            None => row.byte(NONE),
            Some(Waiting { after, event: None }) => row.byte(TOLD).time(*after),
            Some(Waiting { after, event: Some(body) }) => row.byte(OPEN).time(*after).bytes(body),
        };
        for step in &self.steps {
            row.time(*step);
        }
    }
}

/// What a row of no events is, behind its head.
pub(super) const EMPTY: &[u8] = &[NONE];

const NONE: u8 = 0;
const TOLD: u8 = 1;
const OPEN: u8 = 2;
