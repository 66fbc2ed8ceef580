//! Deadlines against a list of them all, gone through with each record.

use proptest::prelude::*;

use super::super::trial::{EPOCH, Event, Said, Seen, Trial, rule};
use super::{Deadline, Kind, Owner, cancel, set};
use crate::limits::Limits;
use crate::plan::Role;
use crate::rule::{Count, CountOf, Window};

const OWNERS: [&str; 3] = ["a", "b", "c"];
const KINDS: [Kind; 3] = [Kind::TellHeld, Kind::Held, Kind::Escalation];

fn trial(per_record_max: usize) -> Trial {
    let count = Count { of: CountOf::Events, window_ms: 1, by: Vec::new(), threshold: 10_000 };
    let limits = Limits { deadlines_per_record_max: per_record_max, ..Limits::default() };
    Trial::of(rule(vec![Window::Count(count)], 0), limits)
}

fn event(endpoint: &'static str, observed: i64, appended: i64) -> Said {
    let (group, role) = ("[]".to_owned(), Role::Match);
    Said::Event(Event { appended, observed, id: 1, endpoint, group, role, value: None, seq: None })
}

/// A deadline's time, kind, rule, group and owner.
type Named = (i64, Kind, String, String, String);

fn named(seen: &[Seen]) -> Vec<Named> {
    let due = seen.iter().map(|seen| match seen {
        Seen::Other(due) => due.clone(),
        other => panic!("{other:?}"),
    });
    let owner = |owner: Owner<'_>| match owner {
        Owner::Endpoint(endpoint) => endpoint.to_owned(),
        Owner::Group { .. } => unreachable!(),
    };
    due.map(|due| (due.time - EPOCH, due.kind, due.rule_id, due.group_key, owner(due.owner.as_owner()))).collect()
}

#[test]
fn due_deadlines_fire_in_order_and_no_more_than_so_many_with_a_record() {
    let long = "g".repeat(200);
    let table = [
        (9, Kind::TellHeld, "r", "g"),
        (10, Kind::TellHeld, "r", "g"),
        (10, Kind::TellHeld, "r", "h"),
        (10, Kind::TellHeld, "r\0", ""),
        (10, Kind::TellHeld, "s", &*long),
        (11, Kind::TellHeld, "a", "g"),
    ];
    for is_tick in [true, false] {
        let mut trial = trial(4);
        trial.run(&[event("a", 0, 0)]);
        trial.change(|view| {
            for (time, kind, rule_id, group_key) in table.iter().rev() {
                let deadline =
                    Deadline { time: EPOCH + time, kind: *kind, rule_id, group_key, subject: group_key.as_bytes() };
                set(view, Owner::Endpoint("a"), &deadline);
            }
        });
        let next = |at| if is_tick { Said::Tick { appended: at } } else { event("a", at, at) };
        let fired = trial.run(&[next(8), next(12), next(12), next(12)]);
        let expected = table.map(|(time, kind, rule_id, group_key)| {
            (time, kind, rule_id.to_owned(), group_key.to_owned(), "a".to_owned())
        });
        let counts: Vec<_> = fired.iter().map(Vec::len).collect();
        assert_eq!(counts, [0, 4, 2, 0], "ticks: {is_tick}");
        assert_eq!(named(&fired.concat()), expected, "ticks: {is_tick}");
    }
}

#[derive(Debug, Clone)]
enum Action {
    Set { owner: usize, kind: usize, time: i64 },
    Cancel { owner: usize, kind: usize, time: i64 },
    Event { owner: usize, observed: i64, passed: i64 },
    Tick { passed: i64 },
}

fn action() -> impl Strategy<Value = Action> {
    let deadline = || (0..OWNERS.len(), 0..KINDS.len(), 0..80_i64);
    prop_oneof![
        4 => deadline().prop_map(|(owner, kind, time)| Action::Set { owner, kind, time }),
        1 => deadline().prop_map(|(owner, kind, time)| Action::Cancel { owner, kind, time }),
        4 => (0..OWNERS.len(), 0..80_i64, 0..8_i64)
            .prop_map(|(owner, observed, passed)| Action::Event { owner, observed, passed }),
        4 => (0..12_i64).prop_map(|passed| Action::Tick { passed }),
    ]
}

/// All deadlines that are set, and each owner's stream time and last append time.
struct Naive {
    set: Vec<(usize, usize, i64)>,
    clocks: [(i64, i64); OWNERS.len()],
    appended: i64,
}

impl Naive {
    /// Which are due with a record; the owner of an event or none for a tick.
    fn due(&mut self, owner: Option<usize>) -> Vec<(usize, usize, i64)> {
        let Self { set, clocks, appended } = self;
        let mut due: Vec<_> = set
            .extract_if(.., |(of, kind, time)| {
                let (stream_time, last_append) = clocks[*of];
                match (KINDS[*kind], owner) {
                    (Kind::Escalation, _) => *time <= *appended,
                    (Kind::Held, None) => false,
                    (_, Some(owner)) => *of == owner && *time <= stream_time,
                    (_, None) => *time <= stream_time + *appended - last_append,
                }
            })
            .collect();
        due.sort_unstable();
        due
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn each_deadline_fires_once_with_the_first_record_that_reaches_it(
        actions in proptest::collection::vec(action(), 1..80),
    ) {
        let mut trial = trial(1_000);
        let mut naive = Naive { set: Vec::new(), clocks: [(0, 0); OWNERS.len()], appended: 0 };
        // A clock for each, and what has to be forgotten of the group in a far future.
        trial.run(&OWNERS.map(|owner| event(owner, 0, 0)));
        for action in actions {
            let deadline = |kind: usize, time: i64| {
                Deadline { time: EPOCH + time, kind: KINDS[kind], rule_id: "r", group_key: "g", subject: &[] }
            };
            let owner_of = |owner: usize| Owner::Endpoint(OWNERS[owner]);
            let (record, owner) = match action {
                Action::Set { owner, kind, time } => {
                    trial.change(|view| set(view, owner_of(owner), &deadline(kind, time)));
                    if !naive.set.contains(&(owner, kind, time)) {
                        naive.set.push((owner, kind, time));
                    }
                    continue;
                }
                Action::Cancel { owner, kind, time } => {
                    trial.change(|view| cancel(view, owner_of(owner), &deadline(kind, time)));
                    naive.set.retain(|set| *set != (owner, kind, time));
                    continue;
                }
                Action::Event { owner, observed, passed } => {
                    naive.appended += passed;
                    naive.clocks[owner] = (naive.clocks[owner].0.max(observed), naive.appended);
                    (event(OWNERS[owner], observed, naive.appended), Some(owner))
                }
                Action::Tick { passed } => {
                    naive.appended += passed;
                    (Said::Tick { appended: naive.appended }, None)
                }
            };
            let fired = named(&trial.run(&[record]).concat());
            let place = |(time, kind, _, _, owner): &Named| {
                let owner = OWNERS.iter().position(|known| known == owner).unwrap();
                (owner, KINDS.iter().position(|known| known == kind).unwrap(), *time)
            };
            let mut found: Vec<_> = fired.iter().map(place).collect();
            for owner in 0..OWNERS.len() {
                for kind in 0..KINDS.len() {
                    let of = found.iter().filter(|(of, known, _)| (*of, *known) == (owner, kind));
                    prop_assert!(of.is_sorted_by_key(|(.., time)| *time), "{:?}", found);
                }
            }
            found.sort_unstable();
            prop_assert_eq!(found, naive.due(owner));
        }
    }
}
