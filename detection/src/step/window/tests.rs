//! Windows against slow ones that keep every event and count again each time.

use std::collections::{BTreeMap, BTreeSet};

use contracts::records::AnyRecord;
use proptest::prelude::*;

use super::{Fired, role_of, step_of};
use crate::limits::Limits;
use crate::plan::Role;
use crate::rule::{Count, CountOf, Step, TopicPattern, Window};
use crate::step::Stage;
use crate::step::trial::{Event, Said, Seen, Trial, event, rule};
use crate::view::keys::Tag;

const SECOND: i64 = 1_000_000;

fn count(window_ms: u64, threshold: u32) -> Window {
    Window::Count(Count { of: CountOf::Events, window_ms, by: Vec::new(), threshold })
}

fn distinct(window_ms: u64, threshold: u32) -> Window {
    let of = CountOf::Distinct(crate::jsonpath::Path::parse("$.value").unwrap());
    Window::Count(Count { of, window_ms, by: Vec::new(), threshold })
}

fn sequence(window_ms: u64, steps: usize) -> Window {
    let by = vec![crate::jsonpath::Path::parse("$.by").unwrap()];
    Window::Sequence { window_ms, by, steps: (0..steps).map(step).collect() }
}

fn absent(window_ms: u64) -> Window {
    let by = vec![crate::jsonpath::Path::parse("$.by").unwrap()];
    Window::Absent { window_ms, after: step(0), step: step(1), by }
}

fn step(number: usize) -> Step {
    Step { topic: TopicPattern::Exact(format!("step.{number}")), filter: None }
}

/// The oracle of counts: of a group all events that were taken.
struct Naive {
    groups: BTreeMap<String, Vec<Event>>,
    /// Stream time when the last event of each group was taken.
    seen_at: BTreeMap<String, i64>,
    stream_time: i64,
    window: i64,
    lateness: i64,
    threshold: usize,
    /// How much a set of events holds.
    holds: fn(&[&Event]) -> usize,
    /// Whether the engine keeps all of a cell.
    is_kept_whole: fn(&[&Event], usize) -> bool,
}

/// What the oracle says of an event.
#[derive(Debug, PartialEq)]
struct Verdict {
    /// Of the earliest full window: how much it holds, and its end.
    full: Option<(i64, i64)>,
    /// Whether the engine has kept all that the oracle has. Otherwise it must still decide the same, but may say less of how
    /// much there was, and does not know every event again.
    is_exact: bool,
    is_repeated: bool,
}

impl Naive {
    fn judge(&mut self, event: &Event) -> Verdict {
        let Self { window, lateness, threshold, .. } = *self;
        self.stream_time = self.stream_time.max(event.observed);
        let group = self.groups.entry(event.group.clone()).or_default();
        let newest = group.iter().map(|known| known.observed).max();
        let seen_at = self.seen_at.entry(event.group.clone()).or_insert(i64::MAX);
        let nothing = |is_repeated: bool| Verdict { full: None, is_exact: !is_repeated, is_repeated };
        if newest.is_some() && self.stream_time > seen_at.saturating_add(window + lateness) {
            group.clear();
        } else if newest.is_some_and(|newest| event.observed < newest - lateness) {
            return nothing(false);
        }
        *seen_at = self.stream_time;
        let mut cells = BTreeMap::<i64, Vec<&Event>>::new();
        for known in &*group {
            cells.entry((crate::step::trial::EPOCH + known.observed).div_euclid(window)).or_default().push(known);
        }
        let is_exact = cells.values().all(|cell| (self.is_kept_whole)(cell, threshold));
        if group.iter().any(|known| known.id == event.id) {
            return Verdict { is_exact, ..nothing(true) };
        }
        group.push(event.clone());
        let ends: BTreeSet<_> = group.iter().map(|known| known.observed).collect();
        let full = ends.range(event.observed..event.observed + window).find_map(|end| {
            let within = |known: &&Event| known.observed > end - window && known.observed <= *end;
            let held = (self.holds)(&group.iter().filter(within).collect::<Vec<_>>());
            (held >= threshold).then(|| (i64::try_from(held).unwrap(), *end))
        });
        Verdict { full, is_exact, is_repeated: false }
    }
}

fn events_of(threshold: usize, window: i64, lateness: i64) -> Naive {
    Naive {
        groups: BTreeMap::new(),
        seen_at: BTreeMap::new(),
        stream_time: i64::MIN,
        window,
        lateness,
        threshold,
        holds: |events| events.len(),
        is_kept_whole: |cell, threshold| cell.len() < 2 * threshold,
    }
}

fn values_of(threshold: usize, window: i64, lateness: i64) -> Naive {
    let values = |events: &[&Event]| events.iter().filter_map(|event| event.value).collect::<BTreeSet<_>>().len();
    let is_kept_whole = |cell: &[&Event], threshold: usize| {
        let times = |event: &Event| cell.iter().filter(|other| other.value == event.value).count();
        cell.len() < 2 * threshold && cell.iter().all(|event| times(event) < 2)
    };
    Naive { holds: values, is_kept_whole, ..events_of(threshold, window, lateness) }
}

/// Events around a time that goes on, late ones, far too late ones and repeated ones among them.
fn records(steps_max: usize) -> impl Strategy<Value = Vec<Said>> {
    let event = (0..40_i64, 0..100_u8, 0..3_u8, 0..6_u64, 0..steps_max, any::<bool>());
    let record = prop_oneof![9 => event.prop_map(Some), 1 => Just(None)];
    proptest::collection::vec((record, 0..12_i64), 1..120).prop_map(move |plan| {
        let (mut appended, mut stream_time) = (100, 100);
        let mut records: Vec<Said> = Vec::new();
        for (number, (record, passed)) in plan.into_iter().enumerate() {
            appended += passed;
            let Some((jitter, luck, group, value, step, both)) = record else {
                appended += 30;
                records.push(Said::Tick { appended: appended * SECOND });
                continue;
            };
            if luck < 10
                && let Some(Said::Event(again)) = records.iter().rev().find(|said| matches!(said, Said::Event(_)))
            {
                let again = Event { appended: appended * SECOND, ..again.clone() };
                records.push(Said::Event(again));
                continue;
            }
            let observed = match luck {
                10..60 => stream_time + jitter / 8,
                60..70 => stream_time + jitter,
                70..95 => stream_time - jitter / 2,
                _ => stream_time - jitter * 3,
            };
            stream_time = stream_time.max(observed);
            appended = appended.max(observed);
            let steps = if both && step + 1 < steps_max { vec![step, step + 1] } else { vec![step] };
            records.push(Said::Event(Event {
                appended: appended * SECOND,
                observed: observed * SECOND,
                id: number as u64,
                endpoint: "endpoint",
                group: format!("[\"{group}\"]"),
                role: if steps_max > 1 { Role::Steps(steps) } else { Role::Match },
                value: (value > 0).then_some(value),
                seq: None,
            }));
        }
        records
    })
}

/// Many events of one group in any order, none too late, so that cells lose much of their middle.
fn dense() -> impl Strategy<Value = Vec<Said>> {
    let event = (0..60_i64, 1..12_u64);
    proptest::collection::vec(event, 20..150).prop_map(|events| {
        let said = (0..).zip(events).map(|(id, (second, value))| {
            let Said::Event(event) = at(second, id, "[]", Role::Match) else { unreachable!() };
            Said::Event(Event { value: Some(value), appended: 60 * SECOND, ..event })
        });
        said.collect()
    })
}

fn fired(seen: &[Seen]) -> Option<Fired> {
    seen.iter().find_map(|seen| match seen {
        Seen::Fired { fired, .. } => Some(*fired),
        _ => None,
    })
}

fn without_ticks(records: &[Said]) -> Vec<Said> {
    records.iter().filter(|said| matches!(said, Said::Event(_))).cloned().collect()
}

/// Each record against the oracle; in batches of one and in one batch; with ticks and without.
fn check(
    window: &Window,
    lateness: i64,
    records: &[Said],
    mut judge: impl FnMut(&Event) -> Verdict,
) -> Result<(), TestCaseError> {
    let trial = || Trial::of(rule(vec![window.clone()], (lateness / 1_000).unsigned_abs()), Limits::default());
    let (mut one_by_one, mut at_once, mut no_ticks) = (trial(), trial(), trial());
    let seen = one_by_one.run(records);
    prop_assert_eq!(&at_once.batch(records), &seen);
    prop_assert_eq!(&at_once.store, &one_by_one.store);
    let mut any_unknown = false;
    for (record, seen) in records.iter().zip(&seen) {
        let Said::Event(event) = record else { continue };
        let found = fired(seen).map(|fired| (fired.occurrences, fired.window.1));
        let verdict = judge(event);
        any_unknown |= verdict.is_repeated && !verdict.is_exact;
        if verdict.is_exact {
            prop_assert_eq!(found, verdict.full, "{:?}", event);
        } else if !verdict.is_repeated {
            prop_assert_eq!(found.is_some(), verdict.full.is_some(), "{:?}", event);
            let is_at_most = found.map(|found| found.0) <= verdict.full.map(|full| full.0);
            prop_assert!(is_at_most || any_unknown, "{:?} {:?} {:?}", found, verdict, event);
        }
    }
    let of_events = records.iter().zip(seen).filter(|(said, _)| matches!(said, Said::Event(_)));
    let of_events: Vec<_> = of_events.map(|(_, seen)| fired(&seen)).collect();
    let alone = no_ticks.run(&without_ticks(records));
    prop_assert_eq!(alone.iter().map(|seen| fired(seen)).collect::<Vec<_>>(), of_events);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_count_fires_as_if_everything_was_kept(
        records in records(1),
        window_s in 1..40_u64,
        lateness_s in 0..30_i64,
        threshold in 1..8_u32,
    ) {
        let lateness = lateness_s * SECOND;
        let mut naive = events_of(threshold as usize, window_s.cast_signed() * SECOND, lateness);
        check(&count(window_s * 1_000, threshold), lateness, &records, |event| naive.judge(event))?;
    }

    #[test]
    fn a_distinct_count_fires_as_if_everything_was_kept(
        records in records(1),
        window_s in 1..40_u64,
        lateness_s in 0..30_i64,
        threshold in 1..5_u32,
    ) {
        let lateness = lateness_s * SECOND;
        let mut naive = values_of(threshold as usize, window_s.cast_signed() * SECOND, lateness);
        check(&distinct(window_s * 1_000, threshold), lateness, &records, |event| match event.value {
            Some(_) => naive.judge(event),
            None => Verdict { full: None, ..naive.judge(event) },
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_count_of_many_events_decides_as_if_everything_was_kept(
        records in dense(),
        window_s in 1..40_u64,
        threshold in 2..6_u32,
    ) {
        let mut naive = events_of(threshold as usize, window_s.cast_signed() * SECOND, 60 * SECOND);
        check(&count(window_s * 1_000, threshold), 60 * SECOND, &records, |event| naive.judge(event))?;
    }

    #[test]
    fn a_distinct_count_of_many_events_decides_as_if_everything_was_kept(
        records in dense(),
        window_s in 1..40_u64,
        threshold in 2..6_u32,
    ) {
        let mut naive = values_of(threshold as usize, window_s.cast_signed() * SECOND, 60 * SECOND);
        check(&distinct(window_s * 1_000, threshold), 60 * SECOND, &records, |event| naive.judge(event))?;
    }
}

/// The oracle of sequences: all events of a group, walked from the first each time.
struct NaiveSequence {
    groups: BTreeMap<String, Vec<Walked>>,
    /// Stream time when the last event of each group was taken.
    seen_at: BTreeMap<String, i64>,
    stream_time: i64,
    window: i64,
    lateness: i64,
    steps: usize,
}

#[derive(Clone)]
struct Walked {
    event: Event,
    steps: Vec<usize>,
    /// The number of the completed sequence that it was in, and whether as its last.
    consumed: Option<(u64, bool)>,
}

impl NaiveSequence {
    /// Where the sequence that the event completes ends; and, while none was completed in the group, whether any choice of
    /// events at all makes one.
    fn judge(&mut self, event: &Event) -> (Option<i64>, Option<bool>) {
        let Role::Steps(steps) = event.role.clone() else { unreachable!() };
        let Self { window, lateness, .. } = *self;
        self.stream_time = self.stream_time.max(event.observed);
        let group = self.groups.entry(event.group.clone()).or_default();
        let newest = group.iter().map(|known| known.event.observed).max();
        let seen_at = self.seen_at.entry(event.group.clone()).or_insert(i64::MAX);
        if newest.is_some() && self.stream_time > seen_at.saturating_add(window + lateness) {
            group.clear();
        } else if newest.is_some_and(|newest| event.observed < newest - lateness) {
            return (None, None);
        }
        *seen_at = self.stream_time;
        if group.iter().any(|known| known.event.id == event.id) {
            return (None, None);
        }
        group.push(Walked { event: event.clone(), steps, consumed: None });
        group.sort_by_key(|known| (known.event.observed, known.steps[0], known.steps.len()));
        let is_untouched = group.iter().all(|known| known.consumed.is_none());
        let any = is_untouched.then(|| exists(group, event.id, self.steps, window, &mut Vec::new()));
        let mut under_way = vec![Vec::<usize>::new(); self.steps];
        for at in 0..group.len() {
            if let Some((by, true)) = group[at].consumed {
                let is_of_it = |at: &usize| group[*at].consumed.is_some_and(|consumed| consumed.0 == by);
                under_way.iter_mut().filter(|chain| chain.iter().any(is_of_it)).for_each(Vec::clear);
                continue;
            }
            for step in group[at].steps.clone().into_iter().rev() {
                let before = if step == 0 { Vec::new() } else { under_way[step - 1].clone() };
                let start = |chain: &[usize]| chain.first().map(|first| group[*first].event.observed);
                let is_viable =
                    step == 0 || start(&before).is_some_and(|start| start > group[at].event.observed - window);
                let chain = [before, vec![at]].concat();
                let is_whole = step + 1 == self.steps;
                if is_whole && chain.iter().any(|at| group[*at].consumed.is_some()) {
                    continue;
                }
                if is_viable && start(&under_way[step]) <= start(&chain) {
                    under_way[step] = chain;
                }
            }
            if let Some(chain) = under_way.pop_if(|last| !last.is_empty()) {
                for used in chain {
                    group[used].consumed = Some((event.id, used == at));
                }
                return (Some(group[at].event.observed), any);
            }
        }
        (None, any)
    }
}

/// Whether some events, one for each step, are in order and within the window, and this one is among them.
fn exists(group: &[Walked], id: u64, steps: usize, window: i64, chosen: &mut Vec<usize>) -> bool {
    if chosen.len() == steps {
        let times: Vec<_> = chosen.iter().map(|at| group[*at].event.observed).collect();
        let is_in_window = times[steps - 1] - times[0] < window;
        return is_in_window && times.is_sorted() && chosen.iter().any(|at| group[*at].event.id == id);
    }
    (0..group.len()).any(|at| {
        if chosen.contains(&at) || !group[at].steps.contains(&chosen.len()) {
            return false;
        }
        chosen.push(at);
        let found = exists(group, id, steps, window, chosen);
        chosen.pop();
        found
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_sequence_fires_as_if_everything_was_kept(
        records in records(3),
        window_s in 1..40_u64,
        lateness_s in 0..30_i64,
    ) {
        let lateness = lateness_s * SECOND;
        let (groups, seen_at, window) = (BTreeMap::new(), BTreeMap::new(), window_s.cast_signed() * SECOND);
        let mut naive = NaiveSequence { groups, seen_at, stream_time: i64::MIN, window, lateness, steps: 3 };
        let mut verdicts = BTreeMap::new();
        check(&sequence(window_s * 1_000, 3), lateness, &records, |event| {
            let (end, any) = naive.judge(event);
            verdicts.insert(event.id, (end, any, event.clone()));
            Verdict { full: end.map(|end| (3, end)), is_exact: true, is_repeated: false }
        })?;
        let single = |event: &Event| matches!(&event.role, Role::Steps(steps) if steps.len() == 1);
        if verdicts.values().all(|(_, _, event)| single(event)) {
            for (end, any, event) in verdicts.values() {
                prop_assert!(any.is_none_or(|any| any == end.is_some()), "{event:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// How long late events are waited for must not matter where none is late.
    #[test]
    fn a_sequence_in_order_fires_the_same_whatever_the_lateness(
        records in records(3),
        window_s in 1..40_u64,
        lateness_s in 1..60_u64,
    ) {
        let mut in_order: Vec<_> = records.into_iter().filter_map(|said| match said {
            Said::Event(event) => Some(event),
            Said::Tick { .. } => None,
        }).collect();
        in_order.sort_by_key(|event| match &event.role {
            Role::Steps(steps) => (event.observed, steps[0], steps.len()),
            _ => unreachable!(),
        });
        in_order.dedup_by_key(|event| event.id);
        let in_order: Vec<_> = in_order.into_iter().map(Said::Event).collect();
        let [without, with] = [0, lateness_s].map(|lateness_s| {
            let mut trial = Trial::of(rule(vec![sequence(window_s * 1_000, 3)], lateness_s * 1_000), Limits::default());
            trial.run(&in_order).iter().map(|seen| fired(seen)).collect::<Vec<_>>()
        });
        prop_assert_eq!(without, with);
    }
}

/// The oracle of absences: all times of all steps.
struct NaiveAbsence {
    groups: BTreeMap<String, Waits>,
    /// Stream time, and when the last event was appended.
    clock: (i64, i64),
    window: i64,
    lateness: i64,
}

#[derive(Default)]
struct Waits {
    newest: Option<i64>,
    /// Stream time when its last event was taken.
    seen_at: i64,
    /// Time, id, and whether it was told.
    waiting: Option<(i64, u64, bool)>,
    steps: Vec<i64>,
}

impl NaiveAbsence {
    /// What is told at a time of the endpoint's clock.
    fn tell(&mut self, clock: i64) -> Vec<(String, (i64, i64))> {
        let kept = self.window + self.lateness;
        let mut told = Vec::new();
        for (group, waits) in &mut self.groups {
            if let Some((after, id, is_told @ false)) = &mut waits.waiting
                && *after + kept < clock
            {
                *is_told = true;
                told.push((*after, group.clone(), (format!("event-{id:08}"), (*after, *after + self.window))));
            }
        }
        told.sort();
        told.into_iter().map(|(_, _, told)| told).collect()
    }

    fn judge(&mut self, record: &Said) -> Vec<(String, (i64, i64))> {
        let (stream_time, last_append) = &mut self.clock;
        let event = match record {
            Said::Tick { appended } => {
                let clock = *stream_time + appended - *last_append;
                return self.tell(clock);
            }
            Said::Event(event) => event,
        };
        *stream_time = event.observed.max(*stream_time);
        *last_append = event.appended;
        let stream_time = *stream_time;
        let told = self.tell(stream_time);
        let kept = self.window + self.lateness;
        let waits = self.groups.entry(event.group.clone()).or_default();
        if waits.newest.is_some() && stream_time > waits.seen_at + kept {
            *waits = Waits::default();
        }
        if waits.newest.is_some_and(|newest| event.observed < newest - self.lateness) {
            return told;
        }
        waits.newest = waits.newest.max(Some(event.observed));
        waits.seen_at = stream_time;
        waits.waiting.take_if(|(after, ..)| *after + kept < stream_time);
        let Role::Absence { after, step } = event.role else { unreachable!() };
        if step {
            waits.steps.push(event.observed);
        }
        let answers = |after: i64, step: i64| after < step && step <= after + self.window;
        waits.waiting.take_if(|(after, ..)| step && answers(*after, event.observed));
        let is_answered = waits.steps.iter().any(|step| answers(event.observed, *step));
        if after && !is_answered && waits.waiting.is_none_or(|(earliest, ..)| event.observed < earliest) {
            waits.waiting = Some((event.observed, event.id, false));
        }
        told
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_absence_is_told_of_as_if_everything_was_kept(
        records in records(2),
        window_s in 1..40_u64,
        lateness_s in 0..30_i64,
    ) {
        let records: Vec<_> = records.into_iter().map(as_absence).collect();
        let lateness = lateness_s * SECOND;
        let (window, clock) = (window_s.cast_signed() * SECOND, (i64::MIN, 0));
        let mut naive = NaiveAbsence { groups: BTreeMap::new(), clock, window, lateness };
        let mut trial = Trial::of(rule(vec![absent(window_s * 1_000)], lateness_s.unsigned_abs() * 1_000), Limits::default());
        for (record, seen) in records.iter().zip(trial.run(&records)) {
            let told = seen.into_iter().map(|seen| match seen {
                Seen::Absent { id, window, at } => {
                    assert_eq!(at, window.1 + lateness + 1, "when it was due");
                    (id, window)
                }
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(told.collect::<Vec<_>>(), naive.judge(record), "{:?}", record);
        }
    }
}

fn as_absence(record: Said) -> Said {
    match record {
        Said::Event(event) => {
            let Role::Steps(steps) = &event.role else { unreachable!() };
            let role = Role::Absence { after: steps.contains(&0), step: steps.contains(&1) };
            Said::Event(Event { role, ..event })
        }
        tick @ Said::Tick { .. } => tick,
    }
}

/// An event of the group at a second.
fn at(second: i64, id: u64, group: &str, role: Role) -> Said {
    let (appended, observed) = (second * SECOND, second * SECOND);
    let (group, value) = (group.to_owned(), Some(id));
    Said::Event(Event { appended, observed, id, endpoint: "endpoint-0000001", group, role, value, seq: None })
}

#[test]
fn a_flood_of_new_groups_neither_evicts_a_slow_attack_nor_exceeds_the_cap() {
    const FLOOD: u64 = 1_000_000;
    const ATTACK: u64 = 5;
    let mut trial = Trial::of(rule(vec![count(60_000, 5)], 60_000), Limits::default());
    let mut alerts = Vec::new();
    let mut id = 0;
    for round in 0..ATTACK {
        let attack = at(i64::try_from(round).unwrap() * 10, id, "[\"attack\"]", Role::Match);
        alerts.extend(trial.batch(&[attack]).concat());
        id += 1;
        for _ in 0..FLOOD / ATTACK / 1_000 {
            let second = i64::try_from(round).unwrap() * 10;
            let batch: Vec<_> = (id..id + 1_000).map(|id| at(second, id, &format!("[{id}]"), Role::Match)).collect();
            id += 1_000;
            alerts.extend(trial.batch(&batch).concat());
        }
    }
    let window = (-20 * SECOND, 40 * SECOND);
    let attack = Seen::Fired { id: id - FLOOD / ATTACK - 1, fired: Fired { occurrences: 5, window } };
    assert_eq!(alerts, [attack]);
    let groups = u64::from(trial.plan.limits.groups_max);
    assert_eq!(trial.out.counts.overflows, FLOOD + 1 - groups);
    // A group's row and its end; the task, the clock and its watch, the number of groups, the tally and its alarm with its
    // place among the ticks.
    assert_eq!(trial.store.len() as u64, 2 * groups + 7);
}

#[test]
fn bytes_per_group_are_as_stated() {
    let role = |place: usize| Role::Steps(vec![place]);
    let matches = |count: usize| vec![Role::Match; count];
    let after = Role::Absence { after: true, step: false };
    let table = [
        (count(60_000, 5), matches(5)),
        (count(60_000, 100), matches(100)),
        (distinct(60_000, 5), matches(5)),
        (distinct(60_000, 100), matches(100)),
        (sequence(60_000, 3), vec![role(0), role(1)]),
        (absent(60_000), vec![after.clone()]),
    ];
    let Said::Event(waits) = at(0, 0, "[\"user-00000001\"]", after) else { unreachable!() };
    let body = crate::step::body(&event(&waits)).len();
    let measured = table.map(|(window, roles)| {
        let mut trial = Trial::of(rule(vec![window], 60_000), Limits::default());
        let mut bytes = Vec::new();
        for (id, role) in (0..).zip(roles) {
            let seconds = i64::try_from(id).unwrap() / 2;
            trial.batch(&[at(seconds, id, "[\"user-00000001\"]", role)]);
            bytes.push(trial.bytes(Tag::Group));
        }
        assert_eq!(trial.bytes(Tag::Expiry), 108);
        (bytes[0], bytes[bytes.len() - 1])
    });
    let absence = 77 + body;
    assert_eq!(measured, [(87, 151), (87, 1_671), (91, 187), (91, 2_467), (87, 105), (absence, absence)]);
}

#[test]
fn a_silent_endpoint_is_forgotten_once_all_it_has_to_tell_is_told() {
    let idle_ms_max = 100_000;
    let limits = Limits { idle_ms_max, ..Limits::default() };
    let after = Role::Absence { after: true, step: false };
    let tick = |second: i64| Said::Tick { appended: second * SECOND };
    // The window is longer than the silence that makes an endpoint idle.
    let mut trial = Trial::of(rule(vec![absent(200_000)], 0), limits);
    let Said::Event(event) = at(0, 1, "[1]", after) else { unreachable!() };
    trial.run(&[Said::Event(Event { seq: Some(1), ..event })]);
    let told = trial.run(&[tick(99), tick(100), tick(150), tick(199), tick(200), tick(201)]);
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1]);
    trial.run(&[tick(202), tick(203)]);
    assert_eq!(trial.store.len(), 1, "the task's row");
}

#[test]
fn all_counts_of_a_rule_must_hold_together() {
    let mut trial = Trial::of(rule(vec![count(10_000, 2), distinct(60_000, 3)], 60_000), Limits::default());
    // Second, value, and whether both hold: two in 10 s, three values in 60 s.
    let table =
        [(0, 1, false), (20, 2, false), (40, 3, false), (45, 3, true), (59, 1, false), (101, 9, false), (102, 3, true)];
    for (id, (second, value, expected)) in (0..).zip(table) {
        let Said::Event(event) = at(second, id, "[1]", Role::Match) else { unreachable!() };
        let seen = trial.run(&[Said::Event(Event { value: Some(value), ..event })]);
        assert_eq!(fired(&seen[0]).map(|fired| fired.occurrences), expected.then_some(2), "second {second}");
    }
}

#[test]
fn stage_two_takes_what_is_late_into_what_it_keeps() {
    for (stage, expected) in [(Stage::One, false), (Stage::Two, true)] {
        let mut trial = Trial::of(rule(vec![count(60_000, 3)], 10_000), Limits::default());
        trial.stage = stage;
        let records = [(100, 1), (110, 2), (80, 3)].map(|(second, id)| at(second, id, "[1]", Role::Match));
        let seen = trial.run(&records);
        assert_eq!(fired(&seen[2]).is_some(), expected, "{stage:?}");
        assert_eq!(trial.out.counts.late, u64::from(!expected), "{stage:?}");
    }
}

#[test]
fn a_step_that_is_walked_for_good_does_not_come_before_one_observed_earlier() {
    for (second, expected) in [(99, false), (100, true), (130, true)] {
        let mut trial = Trial::of(rule(vec![sequence(60_000, 2)], 10_000), Limits::default());
        trial.stage = Stage::Two;
        let step = |second, id, step| at(second, id, "[1]", Role::Steps(vec![step]));
        // The second start moves the newest time so far that the first is kept as under way alone.
        let seen = trial.run(&[step(100, 1, 0), step(150, 2, 0), step(second, 3, 1)]);
        assert_eq!(fired(&seen[2]).is_some(), expected, "second {second}");
    }
}

#[test]
fn a_role_survives_its_way_to_stage_two() {
    let of = |window| Trial::of(rule(vec![window], 0), Limits::default()).plan;
    let (counted, in_order, awaited) = (of(count(1_000, 1)), of(sequence(1_000, 3)), of(absent(1_000)));
    let both = |after, step| Role::Absence { after, step };
    let table = [
        (&counted, Role::Match, None),
        (&in_order, Role::Steps(vec![0]), Some(0)),
        (&in_order, Role::Steps(vec![2]), Some(2)),
        (&in_order, Role::Steps(vec![0, 2]), Some(-5)),
        (&awaited, both(true, false), Some(0)),
        (&awaited, both(false, true), Some(1)),
        (&awaited, both(true, true), Some(-3)),
    ];
    for (plan, role, step) in table {
        assert_eq!(step_of(&role), step);
        assert_eq!(role_of(&plan.rules[0], step), Some(role));
    }
    for (plan, step) in
        [(&counted, Some(0)), (&in_order, None), (&in_order, Some(3)), (&in_order, Some(-8)), (&awaited, Some(2))]
    {
        assert_eq!(role_of(&plan.rules[0], step), None, "{step:?}");
    }
}

#[test]
fn what_is_late_or_one_too_many_is_tallied_and_told_once() {
    let limits = Limits { groups_max: 1, ..Limits::default() };
    let mut trial = Trial::of(rule(vec![count(60_000, 100)], 10_000), limits);
    let events = [(100, "[1]"), (89, "[1]"), (90, "[1]"), (80, "[1]"), (100, "[2]"), (101, "[3]")];
    let records: Vec<_> = (1..).zip(events).map(|(id, (second, group))| at(second, id, group, Role::Match)).collect();
    trial.batch(&records);
    assert_eq!((trial.out.counts.late, trial.out.counts.overflows, trial.out.rows.len()), (2, 2, 0));
    trial.run(&[Said::Tick { appended: 159 * SECOND }]);
    assert_eq!(trial.out.rows.len(), 0, "a minute on the endpoint's clock has not passed");
    trial.run(&[Said::Tick { appended: 162 * SECOND }, Said::Tick { appended: 300 * SECOND }]);
    let told: Vec<_> = trial
        .out
        .rows
        .iter()
        .map(|row| match &row.record {
            AnyRecord::TelemetryEvent(event) => (&*event.event_type, event.payload.as_str()),
            other => panic!("{}", other.name()),
        })
        .collect();
    let payload = |first, last| {
        format!(
            r#"{{"rule_id":"the_rule","endpoint_id":"endpoint-0000001","count":2,"first_event_id":"event-{first:08}","last_event_id":"event-{last:08}"}}"#
        )
    };
    assert_eq!(told, [("event.late", &*payload(2, 4)), ("window.overflow", &*payload(5, 6))]);
}
