//! Counts of events and of distinct values.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

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
