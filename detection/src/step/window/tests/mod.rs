//! Windows against slow ones that keep every event and count again each time: [`count`], [`sequence`], [`absence`]; what they
//! hold at most ([`bounds`]), and what stage two makes of what stage one found ([`stage_two`]).

mod absence;
mod bounds;
mod count;
mod sequence;
mod stage_two;

use proptest::prelude::*;

use super::Fired;
use crate::limits::Limits;
use crate::plan::Role;
use crate::rule::{Count, CountOf, Step, TopicPattern, Window};
use crate::step::trial::{Event, Said, Seen, Trial, rule};

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

/// An event of the group at a second.
fn at(second: i64, id: u64, group: &str, role: Role) -> Said {
    let (appended, observed) = (second * SECOND, second * SECOND);
    let (group, value) = (group.to_owned(), Some(id));
    Said::Event(Event { appended, observed, id, endpoint: "endpoint-0000001", group, role, value, seq: None })
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

fn fired(seen: &[Seen]) -> Option<Fired> {
    seen.iter().find_map(|seen| match seen {
        Seen::Fired { fired, .. } => Some(*fired),
        _ => None,
    })
}

fn without_ticks(records: &[Said]) -> Vec<Said> {
    records.iter().filter(|said| matches!(said, Said::Event(_))).cloned().collect()
}
