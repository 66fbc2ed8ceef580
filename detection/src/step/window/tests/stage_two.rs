//! What was found in one stage and is counted in the other.

use super::super::{role_of, step_of};
use super::*;
use crate::step::Stage;

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
