//! Steps in order.

use std::collections::BTreeMap;

use super::*;
use crate::step::Stage;

/// The oracle of sequences: all events of a group, walked from the first each time.
struct Naive {
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

impl Naive {
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
        let mut naive = Naive { groups, seen_at, stream_time: i64::MIN, window, lateness, steps: 3 };
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
