//! Windows: what a rule counts, orders or misses over time.
//!
//! Invariant: what a group decides follows from the group's events and their event times alone, in the order they came. Ticks
//! never enter; how far the owner's stream time has come enters in one way: once it has moved on by more than W + lateness
//! since the group's last event, the group begins anew, whether or not its rows were forgotten yet. So a group whose events
//! all lie far behind those of other groups, as a spool brings them, is counted as if it were alone.
//!
//! The groups of a rule and an owner are bounded by `groups_max`. Beyond it a new group is not taken up and its event is
//! tallied: it would be the least advanced and the newest. So whoever invents keys cannot evict what has begun.
//!
//! Bytes of a group, key and value, as the test `bytes_per_group_are_as_stated` measures them with a rule of 8 bytes, an
//! endpoint of 16 and a group of 17, whose key takes 50. What ends the group's time takes 108 more.
//!
//! | window | one event | N events in a row, none late |
//! | --- | --- | --- |
//! | count, N = 5 | 87 | 151 |
//! | count, N = 100 | 87 | 1,671 |
//! | distinct, N = 5 | 91 | 187 |
//! | distinct, N = 100 | 91 | 2,467 |
//! | sequence of three, two of them seen | 87 | 105 |
//! | absence, waiting | 77 and the event | – |
//!
//! At most a count of N takes 71 and (32 N + 12) (2 + ⌈lateness / W⌉), a distinct count 67 and 48 N (2 + ⌈lateness / W⌉).
//!
//! Windows do not reset when they fire; the holdback keeps them quiet.

mod absence;
mod count;
mod distinct;
mod entries;
mod sequence;
#[cfg(test)]
mod tests;

pub(crate) use absence::Unanswered;

use contracts::avro::EventView;
use contracts::canonical::Digest;
use contracts::field::NotAJsonObject;

use super::Stage;
use super::clock::{self, Moment, micros};
use super::deadline::{self, Deadline, Due, Kind};
use super::round::{Owner, Round};
use super::tally::{self, About};
use super::watcher::Tally;
use crate::plan::{PlannedRule, Role};
use crate::rule::{Count, CountOf, Window};
use crate::view::View;
use crate::view::keys::{Key, Tag};
use crate::view::value::{Malformed, Reader, Writer, row};
use entries::Short;

/// A window that is full with the event just observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fired {
    /// Events in it; of a sequence its steps, of a distinct count the values.
    pub occurrences: i64,
    /// `(from, to]`
    pub window: (i64, i64),
}

/// An event that a rule with windows hit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation<'o> {
    pub rule: &'o PlannedRule,
    pub owner: Owner<'o>,
    pub group_key: &'o str,
    pub role: &'o Role,
    /// For each distinct count its value's hash.
    pub values: &'o [Option<Digest>],
    pub event: &'o EventView<'o>,
    pub moment: Moment,
}

/// How long things count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    window: i64,
    lateness: i64,
}

impl Span {
    /// How far behind the newest event anything can still matter.
    fn kept(self) -> i64 {
        self.window.saturating_add(self.lateness)
    }
}

const VERSION: u8 = 1;
/// Version and [`Head`].
const HEAD_BYTES: usize = 17;

/// What every row begins with, behind its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// The greatest event time of the group.
    newest: i64,
    /// The owner's stream time when its last event came.
    seen_at: i64,
}

/// Takes an event into the windows of its group: what is full with it, if all of the rule's windows are. Of several counts
/// the first says how many.
pub(crate) fn observe(round: &mut Round<'_, '_>, seen: &Observation<'_>) -> Result<Option<Fired>, NotAJsonObject> {
    let time = seen.moment.event_time;
    match &*seen.rule.windows {
        [Window::Absent { .. }] => observe_absence(round, seen).map(|()| None),
        [Window::Sequence { steps, .. }] => {
            let serves = match seen.role {
                Role::Steps(serves) => &**serves,
                Role::Match | Role::Absence { .. } => &[],
            };
            let (id, span) = (short_id(seen.event), span(seen.rule, 0));
            let take = |row: &mut Vec<u8>| sequence::take(row, span, steps.len(), time, id, serves);
            Ok(in_group(round, seen, 0, &[], take).and_then(count::Taken::fired))
        }
        windows => Ok(observe_counts(round, seen, windows)),
    }
}

/// Whether an event of a routed rule is in time, which is judged in stage one, by the endpoint's stream time. One that is not
/// is tallied.
pub(crate) fn admit_routed(
    round: &mut Round<'_, '_>,
    rule: &PlannedRule,
    event: &EventView<'_>,
    moment: Moment,
) -> bool {
    let is_late = moment.event_time < moment.stream_time.saturating_sub(micros(rule.rule.lateness_ms));
    if is_late && !rule.windows.is_empty() {
        let owner = Owner::Endpoint(event.endpoint_id);
        tally::count(round, owner, Tally::EventLate, About::Rule(rule.rule.id.as_str()), event);
    }
    !is_late || rule.windows.is_empty()
}

/// An absence whose alarm went off: what was not answered, unless it was told before.
pub(crate) fn tell_absence(round: &mut Round<'_, '_>, rule: &PlannedRule, due: &Due) -> Option<Unanswered> {
    // A swap may have put a rule of another kind in the place of the one that waited.
    let [Window::Absent { .. }] = &*rule.windows else { return None };
    let key = row_key(rule.rule.id.as_str(), due.owner.as_owner(), &due.group_key, 0);
    round.view.update(&key, |row| absence::tell(row, span(rule, 0), due.time)).flatten()
}

/// Forgets a group whose time has come, or waits on.
pub(crate) fn expire(round: &mut Round<'_, '_>, rule: &PlannedRule, due: &Due) {
    let owner = due.owner.as_owner();
    let Some(stream_time) = clock::read(round.view, owner).map(|clock| clock.stream_time) else { return };
    let rule_id = rule.rule.id.as_str();
    let key = row_key(rule_id, owner, &due.group_key, 0);
    let state = round.view.update(&key, |row| Ok((Head::of(row)?, is_over(rule, row, stream_time)?)));
    match state {
        None => {}
        Some((_, true)) => forget(round.view, due),
        Some((head, false)) => {
            let time = head.last().saturating_add(kept(rule)).max(stream_time).saturating_add(1);
            set_expiry(round.view, rule_id, owner, &due.group_key, time);
        }
    }
}

/// A role as the `step` of a routed match says it: the step's number, or, where the event can serve several, their bits
/// negated. Of an absence `after` is step 0 and the awaited one step 1.
pub(crate) fn step_of(role: &Role) -> Option<i32> {
    let steps: &[usize] = match role {
        Role::Match => return None,
        Role::Steps(steps) => steps,
        Role::Absence { after: true, step: true } => &[0, 1],
        Role::Absence { step: true, .. } => &[1],
        Role::Absence { .. } => &[0],
    };
    match *steps {
        [step] => i32::try_from(step).ok(),
        _ => Some(-steps.iter().fold(0, |bits, step| bits | 1 << step)),
    }
}

/// The role that [`step_of`] said of an event of this rule; none if it could not have.
pub(crate) fn role_of(rule: &PlannedRule, step: Option<i32>) -> Option<Role> {
    let steps_max = match &*rule.windows {
        [Window::Sequence { steps, .. }] => steps.len(),
        [Window::Absent { .. }] => 2,
        _ => return step.is_none().then_some(Role::Match),
    };
    let bits = match step? {
        step @ 0.. => 1_u32.checked_shl(step.unsigned_abs())?,
        bits => bits.unsigned_abs(),
    };
    if bits >> steps_max != 0 {
        return None;
    }
    Some(match &*rule.windows {
        [Window::Absent { .. }] => Role::Absence { after: bits & 1 != 0, step: bits & 2 != 0 },
        _ => Role::Steps((0..steps_max).filter(|step| bits >> step & 1 == 1).collect()),
    })
}

/// Forgets a group, whatever it holds.
pub(crate) fn forget(view: &mut View<'_>, due: &Due) {
    let owner = due.owner.as_owner();
    view.remove_prefix(&group_rows(&due.rule_id, owner, &due.group_key));
    change_groups(view, &due.rule_id, owner, |groups| groups.saturating_sub(1));
}

fn observe_counts(round: &mut Round<'_, '_>, seen: &Observation<'_>, windows: &[Window]) -> Option<Fired> {
    let time = seen.moment.event_time;
    let id = short_id(seen.event);
    let mut values = seen.values.iter();
    let mut first = None;
    let mut all_full = true;
    for (term, window) in windows.iter().enumerate() {
        let Window::Count(Count { of, threshold, .. }) = window else { return None };
        let span = span(seen.rule, term);
        let threshold = *threshold as usize;
        let taken = match of {
            CountOf::Events => {
                in_group(round, seen, term, count::EMPTY, |row| count::take(row, span, threshold, time, id))
            }
            CountOf::Distinct(_) => {
                let value = values.next().copied().flatten().map(|value| short(&value));
                in_group(round, seen, term, &[], |row| match value {
                    Some(value) => distinct::take(row, span, threshold, time, value, id),
                    None => Ok(count::Taken::Kept),
                })
            }
        };
        match taken? {
            count::Taken::Again => return None,
            count::Taken::Kept => all_full = false,
            count::Taken::Fired(fired) => first = first.or(Some(fired)),
        }
    }
    first.filter(|_| all_full)
}

fn observe_absence(round: &mut Round<'_, '_>, seen: &Observation<'_>) -> Result<(), NotAJsonObject> {
    let Role::Absence { after, step } = *seen.role else { return Ok(()) };
    let span = span(seen.rule, 0);
    let Moment { event_time: time, stream_time, .. } = seen.moment;
    let observed = absence::Observed { time, stream_time, after, step };
    let body = || seen.event.to_event().map(|event| super::body(&event));
    let taken = in_group(round, seen, 0, absence::EMPTY, |row| absence::take(row, span, observed, body));
    let Some(alarms) = taken.transpose()? else { return Ok(()) };
    let alarm = |time| Deadline {
        time,
        kind: Kind::Absence,
        rule_id: seen.rule.rule.id.as_str(),
        group_key: seen.group_key,
        subject: &[],
    };
    if let Some(time) = alarms.off {
        deadline::cancel(round.view, seen.owner, &alarm(time));
    }
    if let Some(time) = alarms.on {
        deadline::set(round.view, seen.owner, &alarm(time));
    }
    Ok(())
}

/// Changes a row of the event's group, which begins now or anew if need be. None if the event is late, or its group is one
/// too many; both are tallied.
fn in_group<T>(
    round: &mut Round<'_, '_>,
    seen: &Observation<'_>,
    term: usize,
    empty: &[u8],
    take: impl Fn(&mut Vec<u8>) -> Result<T, Malformed>,
) -> Option<T> {
    let Moment { event_time, stream_time, .. } = seen.moment;
    let judges_lateness = round.task.stage == Stage::One;
    let lateness = micros(seen.rule.rule.lateness_ms);
    let first = Head { newest: event_time, seen_at: stream_time };
    let key = row_key(seen.rule.rule.id.as_str(), seen.owner, seen.group_key, term);
    let known = round.view.update(&key, |row| {
        let Head { newest, .. } = Head::of(row)?;
        if is_over(seen.rule, row, stream_time)? {
            begin(row, first, empty);
        } else if judges_lateness && event_time < newest.saturating_sub(lateness) {
            return Ok(None);
        } else {
            Head { newest: newest.max(event_time), ..first }.put(row);
        }
        take(row).map(Some)
    });
    match known {
        Some(Some(taken)) => Some(taken),
        Some(None) => {
            tally_for(round, seen, Tally::EventLate);
            None
        }
        None => {
            if term == 0 && !begin_group(round, seen) {
                tally_for(round, seen, Tally::WindowOverflow);
                return None;
            }
            let mut row = Vec::new();
            begin(&mut row, first, empty);
            let taken = take(&mut row);
            let taken = round.view.readable(&key, taken);
            round.view.put(&key, row);
            taken
        }
    }
}

/// Whether there is room for one more group; if so it is counted, and its end is set.
fn begin_group(round: &mut Round<'_, '_>, seen: &Observation<'_>) -> bool {
    let rule_id = seen.rule.rule.id.as_str();
    let groups_max = u64::from(round.plan.limits.groups_max);
    let groups = change_groups(round.view, rule_id, seen.owner, |groups| groups.saturating_add(1).min(groups_max + 1));
    if groups > groups_max {
        change_groups(round.view, rule_id, seen.owner, |_| groups_max);
        return false;
    }
    let Moment { event_time, stream_time, .. } = seen.moment;
    let time = event_time.max(stream_time).saturating_add(kept(seen.rule)).saturating_add(1);
    set_expiry(round.view, rule_id, seen.owner, seen.group_key, time);
    true
}

fn tally_for(round: &mut Round<'_, '_>, seen: &Observation<'_>, tally: Tally) {
    tally::count(round, seen.owner, tally, About::Rule(seen.rule.rule.id.as_str()), seen.event);
}

/// Whether stream time has left a group behind, and nothing in it is still to be told.
fn is_over(rule: &PlannedRule, row: &[u8], stream_time: i64) -> Result<bool, Malformed> {
    if stream_time <= Head::of(row)?.last().saturating_add(kept(rule)) {
        return Ok(false);
    }
    match &*rule.windows {
        [Window::Absent { .. }] => absence::is_open(row).map(|is_open| !is_open),
        _ => Ok(true),
    }
}

fn begin(row: &mut Vec<u8>, head: Head, empty: &[u8]) {
    head.begin(row).raw(empty);
}

impl Head {
    fn of(row: &[u8]) -> Result<Self, Malformed> {
        Self::read(&mut Reader::new(row))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        Ok(Self { newest: from.time()?, seen_at: from.time()? })
    }

    /// The beginning of a row that is written anew.
    fn begin(self, row: &mut Vec<u8>) -> Writer<'_> {
        let mut row = Writer::over(row, VERSION);
        row.time(self.newest).time(self.seen_at);
        row
    }

    /// In place, into a row that has a head.
    fn put(self, row: &mut [u8]) {
        row[1..9].copy_from_slice(&self.newest.to_le_bytes());
        row[9..HEAD_BYTES].copy_from_slice(&self.seen_at.to_le_bytes());
    }

    /// What an event of a watcher, told while its owner's clock stood, may have moved beyond that clock.
    fn last(self) -> i64 {
        self.newest.max(self.seen_at)
    }
}

/// Of a rule with several windows the longest.
fn kept(rule: &PlannedRule) -> i64 {
    (0..rule.windows.len()).map(|term| span(rule, term).kept()).max().unwrap_or_default()
}

fn span(rule: &PlannedRule, term: usize) -> Span {
    let window_ms = match &rule.windows[term] {
        Window::Count(count) => count.window_ms,
        Window::Sequence { window_ms, .. } | Window::Absent { window_ms, .. } => *window_ms,
    };
    Span { window: micros(window_ms), lateness: micros(rule.rule.lateness_ms) }
}

fn set_expiry(view: &mut View<'_>, rule_id: &str, owner: Owner<'_>, group_key: &str, time: i64) {
    let deadline = Deadline { time, kind: Kind::Group, rule_id, group_key, subject: &[] };
    deadline::set(view, owner, &deadline);
}

/// Changes the number of a rule's groups, and gives it.
fn change_groups(view: &mut View<'_>, rule_id: &str, owner: Owner<'_>, change: impl Fn(u64) -> u64) -> u64 {
    let mut key = Key::new(Tag::Groups);
    key.place(rule_id, owner);
    let changed = view.update(&key, |bytes| {
        let mut from = Reader::new(bytes);
        from.version(VERSION)?;
        let groups = change(from.uint()?);
        Writer::over(bytes, VERSION).uint(groups);
        Ok(groups)
    });
    if changed == Some(0) {
        view.remove(&key);
    }
    changed.unwrap_or_else(|| {
        let groups = change(0);
        view.put(
            &key,
            row(VERSION, |row| {
                row.uint(groups);
            }),
        );
        groups
    })
}

/// The rows of a group: one for each window of the rule.
fn group_rows(rule_id: &str, owner: Owner<'_>, group_key: &str) -> Key {
    let mut key = Key::new(Tag::Group);
    key.place(rule_id, owner).text(group_key);
    key
}

fn row_key(rule_id: &str, owner: Owner<'_>, group_key: &str, term: usize) -> Key {
    let mut key = group_rows(rule_id, owner, group_key);
    key.byte(u8::try_from(term).expect("invariant: a rule has few windows"));
    key
}

fn short_id(event: &EventView<'_>) -> Short {
    short(&Digest::of(event.event_id.as_bytes()))
}

fn short(digest: &Digest) -> Short {
    *digest.as_bytes().first_chunk().expect("invariant: a digest has more than eight bytes")
}
