//! A rule that raises alerts by the hundred is broken, or drowns whoever reads them: its breaker opens.
//!
//! Closed: more than `breaker_failures_max` failures in a minute open it; a minute begins with its first failure. Open:
//! nothing passes for the cooldown. Half-open: for one minute `breaker_trial_max` alerts pass; one more opens it again, and
//! if none comes it closes. A failure is an alert that comes this far, or an evaluation over its budget of work.
//!
//! Invariant: the state at a time follows from the row and that time, and only events change that part of the row. What
//! ticks change is how many of its changes were told.
//!
//! There is one per rule in its scope, and one over all rules of an endpoint. A routed rule's owner has that rule alone, so
//! it has no second one.

use contracts::avro::EventView;
use contracts::id::RuleId;

use super::held::Hold;
use super::slot::{Slot, Subject, Tag};
use crate::limits::Limits;
use crate::plan::PlannedRule;
use crate::step::clock::micros;
use crate::step::deadline::Kind;
use crate::step::effects::{BreakerState, Held};
use crate::step::round::{Match, Owner, Round};
use crate::step::row::{Part, Row as _, row};
use crate::step::watcher::{self, Cause, News, Told};
use crate::view::value::{Malformed, Reader, Writer};

const MINUTE: i64 = 60_000_000;

/// What the breaker does, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Closed {
        since: i64,
        failures: i64,
    },
    /// By so many `failures` in the minute, more than the `threshold`.
    Open {
        since: i64,
        failures: i64,
        threshold: i64,
    },
    HalfOpen {
        since: i64,
        admitted: i64,
    },
}

/// A change of state that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    to: BreakerState,
    at: i64,
    failures: i64,
    threshold: i64,
}

row! {
    pub(super) struct Breaker version 1 {
        state: State,
        /// Of the changes that time makes of this state, how many were told.
        told: i64,
        watcher: String,
        /// None of a breaker over all rules.
        rule_id: Option<RuleId>,
        /// What opened it.
        cause: Cause,
    }
}

/// Counts an alert that comes this far, with both breakers.
pub(super) fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>) -> Result<(), Hold> {
    let failure = Failure { rule: matched.rule, event: matched.event, at: matched.judged_at };
    for tag in tags(matched.owner) {
        if let Some(until) = fail(round, Slot::of(matched), *tag, &failure) {
            return Err(Hold { reason: Held::CircuitBreaker, until, repeats: None, alert_id: None });
        }
    }
    Ok(())
}

/// Counts an evaluation over its budget of work. `at` is the owner's stream time.
pub(crate) fn failed(round: &mut Round<'_, '_>, slot: Slot<'_>, rule: &PlannedRule, event: &EventView<'_>, at: i64) {
    round.out.counts.over_budget += 1;
    for tag in tags(slot.owner) {
        fail(round, slot, *tag, &Failure { rule, event, at });
    }
}

struct Failure<'f> {
    rule: &'f PlannedRule,
    event: &'f EventView<'f>,
    at: i64,
}

fn tags(owner: Owner<'_>) -> &'static [Tag] {
    match owner {
        Owner::Endpoint(_) => &[Tag::Breaker, Tag::OwnerBreaker],
        Owner::Group { .. } => &[Tag::Breaker],
    }
}

/// Counts a failure; says until when nothing passes, if nothing does.
fn fail(round: &mut Round<'_, '_>, slot: Slot<'_>, tag: Tag, failure: &Failure<'_>) -> Option<i64> {
    let limits = &round.plan.limits;
    let key = slot.key(tag);
    let known = round.view.read(&key, Breaker::from_row);
    let known_calm = known.as_ref().map(|breaker| breaker.state.calm_from(limits));
    let mut breaker = known.unwrap_or_else(|| Breaker::new(round, tag, failure));
    breaker.tell_until(round, slot, failure.at);
    breaker.settle(failure.at, limits);

    let state = breaker.state.after_failure(failure.at, limits);
    if let State::Open { since, failures, threshold } = state
        && state != breaker.state
    {
        breaker.cause = failure.cause(tag);
        breaker.told = 0;
        breaker.tell(round, slot, Change { to: BreakerState::Open, at: since, failures, threshold });
        let half_open = since.saturating_add(micros(limits.breaker_cooldown_ms));
        slot.set(round.view, Kind::TellHeld, half_open, &Subject::Row(tag, None));
    }
    breaker.state = state;
    if known_calm != Some(state.calm_from(limits)) {
        slot.set(round.view, Kind::Held, state.calm_from(limits), &Subject::Row(tag, None));
    }
    round.view.put(&key, breaker.to_row());
    match state {
        State::Open { since, .. } => Some(since.saturating_add(micros(limits.breaker_cooldown_ms))),
        State::Closed { .. } | State::HalfOpen { .. } => None,
    }
}

/// A deadline came: on the owner's clock, then a change is told; by its stream time, then a calm breaker is forgotten.
pub(super) fn due(round: &mut Round<'_, '_>, slot: Slot<'_>, tag: Tag, kind: Kind, time: i64) {
    let limits = &round.plan.limits;
    let key = slot.key(tag);
    let Some(mut breaker) = round.view.read(&key, Breaker::from_row) else { return };
    breaker.tell_until(round, slot, time);
    if let Some(next) = breaker.untold(limits).next() {
        slot.set(round.view, Kind::TellHeld, next.at, &Subject::Row(tag, None));
    }
    if kind == Kind::Held && breaker.state.calm_from(limits) <= time {
        round.view.remove(&key);
    } else {
        round.view.put(&key, breaker.to_row());
    }
}

impl Failure<'_> {
    /// Of a breaker over all rules the rule that failed joins the way, so that it does not hear of it.
    fn cause(&self, tag: Tag) -> Cause {
        let mut cause = Cause::of_event(self.event);
        if tag == Tag::OwnerBreaker {
            cause.ancestry.push(self.rule.rule.id.to_string());
        }
        cause
    }
}

impl Breaker {
    fn new(round: &Round<'_, '_>, tag: Tag, failure: &Failure<'_>) -> Self {
        let of_rule = tag == Tag::Breaker;
        Self {
            state: State::Closed { since: failure.at, failures: 0 },
            told: 0,
            watcher: if of_rule { failure.rule.source.clone() } else { round.plan.set.name.clone() },
            rule_id: of_rule.then(|| failure.rule.rule.id.clone()),
            cause: failure.cause(tag),
        }
    }

    /// Takes the state on to a time.
    fn settle(&mut self, at: i64, limits: &Limits) {
        while let Some(change) =
            self.state.changes(limits).into_iter().flatten().next().filter(|change| change.at <= at)
        {
            self.state = match self.state {
                State::Open { .. } => State::HalfOpen { since: change.at, admitted: 0 },
                State::HalfOpen { .. } | State::Closed { .. } => State::Closed { since: change.at, failures: 0 },
            };
            self.told = (self.told - 1).max(0);
        }
    }

    fn untold(&self, limits: &Limits) -> impl Iterator<Item = Change> + use<> {
        let told = usize::try_from(self.told).unwrap_or(0);
        self.state.changes(limits).into_iter().flatten().skip(told)
    }

    /// Tells the changes up to a time that were not told yet.
    fn tell_until(&mut self, round: &mut Round<'_, '_>, slot: Slot<'_>, time: i64) {
        for change in self.untold(&round.plan.limits).take_while(|change| change.at <= time) {
            self.told += 1;
            self.tell(round, slot, change);
        }
    }

    fn tell(&self, round: &mut Round<'_, '_>, slot: Slot<'_>, change: Change) {
        round.out.counts.breakers[change.to as usize] += 1;
        let told =
            Told { watcher: &self.watcher, rule_id: self.rule_id.as_ref(), cause: &self.cause, observed_at: change.at };
        let news = News::BreakerTripped {
            state: change.to.as_str(),
            failure_count: change.failures,
            threshold: change.threshold,
            triggered_at: change.at,
            of: self.rule_id.as_ref().map(|rule_id| (rule_id, slot.group_key)),
        };
        watcher::tell(round, told, &news);
    }
}

impl State {
    fn after_failure(self, at: i64, limits: &Limits) -> Self {
        let failures_max = i64::from(limits.breaker_failures_max);
        let trial_max = i64::from(limits.breaker_trial_max);
        match self {
            Self::Closed { since, failures } => {
                let is_over = failures == 0 || at >= since.saturating_add(MINUTE);
                let (since, failures) = if is_over { (at, 1) } else { (since, failures + 1) };
                if failures > failures_max {
                    return Self::Open { since: at, failures, threshold: failures_max };
                }
                Self::Closed { since, failures }
            }
            Self::Open { .. } => self,
            Self::HalfOpen { admitted, .. } if admitted >= trial_max => {
                Self::Open { since: at, failures: admitted + 1, threshold: trial_max }
            }
            Self::HalfOpen { since, admitted } => Self::HalfOpen { since, admitted: admitted + 1 },
        }
    }

    /// What time alone makes of it, in order.
    fn changes(self, limits: &Limits) -> [Option<Change>; 2] {
        let half_open =
            |at| Change { to: BreakerState::HalfOpen, at, failures: 0, threshold: limits.breaker_trial_max.into() };
        let closed = |at, failures| Change {
            to: BreakerState::Closed,
            at,
            failures,
            threshold: limits.breaker_failures_max.into(),
        };
        match self {
            Self::Closed { .. } => [None, None],
            Self::Open { since, .. } => {
                let at = since.saturating_add(micros(limits.breaker_cooldown_ms));
                [Some(half_open(at)), Some(closed(at.saturating_add(MINUTE), 0))]
            }
            Self::HalfOpen { since, admitted } => [Some(closed(since.saturating_add(MINUTE), admitted)), None],
        }
    }

    /// When it is as if it had never been.
    fn calm_from(self, limits: &Limits) -> i64 {
        match self {
            Self::Closed { since, .. } => since.saturating_add(MINUTE),
            Self::Open { .. } | Self::HalfOpen { .. } => {
                self.changes(limits).into_iter().flatten().last().map_or(i64::MAX, |change| change.at)
            }
        }
    }
}

impl Part for State {
    fn write(&self, out: &mut Writer<'_>) {
        match *self {
            Self::Closed { since, failures } => out.byte(0).time(since).int(failures),
            Self::Open { since, failures, threshold } => out.byte(1).time(since).int(failures).int(threshold),
            Self::HalfOpen { since, admitted } => out.byte(2).time(since).int(admitted),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.byte()? {
            0 => Ok(Self::Closed { since: from.time()?, failures: from.int()? }),
            1 => Ok(Self::Open { since: from.time()?, failures: from.int()?, threshold: from.int()? }),
            2 => Ok(Self::HalfOpen { since: from.time()?, admitted: from.int()? }),
            _ => Err(from.expected("a breaker's state")),
        }
    }
}
