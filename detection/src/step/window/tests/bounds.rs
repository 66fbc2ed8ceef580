//! How much is held: groups, bytes, and what is told of what was too late or one too many.

use contracts::records::AnyRecord;

use super::*;
use crate::step::trial::event;
use crate::view::keys::Tag;

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
