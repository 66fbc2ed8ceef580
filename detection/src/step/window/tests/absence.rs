//! What should have followed and did not.

use std::collections::BTreeMap;

use super::*;

/// The oracle of absences: all times of all steps.
struct Naive {
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

impl Naive {
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
        let mut naive = Naive { groups: BTreeMap::new(), clock, window, lateness };
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
