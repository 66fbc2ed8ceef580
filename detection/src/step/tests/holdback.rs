//! Which reason holds a match back, for how long, and how the count is told.

use contracts::records::AnyRecord;

use super::world::{Feed, World, alerts, events, member, rule, words};
use crate::limits::Limits;
use crate::rule::{Rule, Storm};
use crate::step::body;
use crate::step::effects::BreakerState;

fn dedup(window_ms: u64) -> Rule {
    let mut rule = rule("r");
    rule.holdback.dedup_window_ms = window_ms;
    rule
}

fn again(at: i64, id: &str) -> Feed {
    Feed::Match { at, observed: at, rule: 0, endpoint: "host", group: "[]", id: id.to_owned(), what: id.to_owned() }
}

const RAISED: [&str; 4] = ["alert", "alert.emitted", "rule.matched", "log.signal info"];

/// What a match at each of these seconds leads to.
#[track_caller]
fn check(rule: Rule, matches: &[(i64, &str, &[&str])]) {
    let mut world = World::of([rule]);
    for (at, what, expected) in matches {
        assert_eq!(words(&world.matches(*at, what)), *expected, "{what} at {at}s");
        conserved(&world);
    }
}

pub fn conserved(world: &World) {
    let told: u64 = world.counts.told.iter().sum();
    let counted = world.counts.alerts + told + world.still_held();
    assert_eq!(world.counts.matches, counted, "matches are alerts, told, or still held: {:?}", world.counts);
    let held: u64 = world.counts.held.iter().sum();
    assert_eq!(held, told + world.still_held());
    for (state, count) in BreakerState::ALL.into_iter().zip(world.counts.breakers) {
        let start = format!("circuit_breaker.tripped {} ", state.as_str());
        let told = words(&world.rows).iter().filter(|word| word.starts_with(&start)).count();
        assert_eq!(count, told as u64, "breakers counted as {}", state.as_str());
    }
}

fn then(first: &str) -> Vec<&str> {
    [&[first], &RAISED[..]].concat()
}

#[test]
fn without_any_window_every_match_raises_an_alert() {
    check(rule("r"), &[(0, "a", &RAISED), (0, "a", &RAISED), (1, "b", &RAISED)]);
}

#[test]
fn repeats_are_counted_and_do_not_extend_their_window() {
    let told = then("alert.suppressed deduplication 2");
    check(
        dedup(60_000),
        &[(0, "a", &RAISED), (30, "a", &[]), (30, "b", &RAISED), (59, "a", &[]), (60, "a", &told), (61, "a", &[])],
    );
}

#[test]
fn what_is_quiet_stays_so_per_endpoint_and_group() {
    let mut world = World::of([dedup(60_000)]);
    let from = |endpoint, group, id: &str| Feed::Match {
        at: 0,
        observed: 0,
        rule: 0,
        endpoint,
        group,
        id: id.to_owned(),
        what: "same".to_owned(),
    };
    let places = [("one", "[]"), ("two", "[]"), ("one", r#"["g"]"#), ("one", "[]"), ("one", r#"["g"]"#)];
    let raised: Vec<usize> = places
        .iter()
        .enumerate()
        .map(|(id, (endpoint, group))| alerts(&world.feed(&from(endpoint, group, &format!("event-{id}")))).len())
        .collect();
    assert_eq!(raised, [1, 1, 1, 0, 0]);
}

#[test]
fn suppression_holds_back_every_fingerprint_of_the_rule() {
    let mut rule = dedup(10_000);
    rule.holdback.suppression_window_ms = Some(60_000);
    let told = ["alert.suppressed deduplication 1"];
    let raised = then("alert.suppressed suppression 2");
    check(rule, &[(0, "a", &RAISED), (5, "a", &[]), (20, "b", &told), (30, "a", &[]), (60, "c", &raised)]);
}

#[test]
fn a_storm_passes_as_many_alerts_as_the_rule_allows() {
    let mut rule = rule("r");
    rule.holdback.storm = Some(Storm { alerts_max: 2, window_ms: 60_000 });
    let told = then("alert.suppressed storm_limit 2");
    check(
        rule,
        &[(0, "a", &RAISED), (1, "b", &RAISED), (2, "c", &[]), (59, "d", &[]), (60, "e", &told), (61, "f", &RAISED)],
    );
}

#[test]
fn a_trigger_raises_one_alert_in_a_day() {
    let mut world = World::of([rule("r")]);
    assert_eq!(words(&world.feed(&again(0, "event-a"))), RAISED);
    assert_eq!(words(&world.feed(&again(3600, "event-a"))), Vec::<String>::new());
    assert_eq!(words(&world.feed(&again(86_399, "event-a"))), Vec::<String>::new());
    let rows = world.feed(&again(86_400, "event-b"));
    assert_eq!(words(&rows), then("alert.suppressed duplicate 2"));
    assert_eq!(words(&world.feed(&again(86_401, "event-a"))), RAISED, "after a day it is a trigger like any other");
}

#[test]
fn a_count_is_told_by_ticks_alone_and_an_event_decides_as_if_there_were_none() {
    let mut world = World::of([dedup(60_000)]);
    world.matches(0, "a");
    world.matches(10, "a");
    assert_eq!(words(&world.tick(59)), Vec::<String>::new());
    let rows = world.tick(60);
    assert_eq!(words(&rows), ["alert.suppressed deduplication 1"]);
    assert_eq!(world.still_held(), 0);
    // A late spool: appended after the tick, observed before the window's end.
    let (id, what) = ("event-l".to_owned(), "a".to_owned());
    let late = Feed::Match { at: 80, observed: 30, rule: 0, endpoint: "host", group: "[]", id, what };
    let rows = world.feed(&late);
    assert_eq!(words(&rows), Vec::<String>::new(), "still inside the window by stream time");
    assert_eq!(world.still_held(), 1);
    assert_eq!(words(&world.tick(200)), ["alert.suppressed deduplication 1"], "and counted from 0 again");
    conserved(&world);
}

#[test]
fn what_is_told_names_the_alert_it_repeats() {
    let mut world = World::of([dedup(60_000)]);
    let raised = world.matches(0, "a");
    world.matches(10, "a");
    let rows = world.tick(100);
    let [told] = events(&rows, "alert.suppressed")[..] else { panic!("{rows:?}") };
    let alert = alerts(&raised)[0];
    let cases = [
        ("alert_id", format!("{:?}", alert.alert_id.as_str())),
        ("rule_id", r#""r""#.to_owned()),
        ("reason", r#""deduplication""#.to_owned()),
        ("dedup_hash", format!("{:?}", alert.dedup_hash.to_string())),
        ("suppressed_until", r#""2026-01-01T00:01:00.000000Z""#.to_owned()),
        ("count", "1".to_owned()),
    ];
    for (name, expected) in cases {
        assert_eq!(member(told, name), expected, "{name}");
    }
    assert_eq!(told.causation_id.as_ref().unwrap().as_str(), "event-0002");
    assert_eq!((told.event_depth.get(), &*told.ancestry), (1, &["r".to_owned()][..]));
}

#[test]
fn the_entry_that_closes_first_makes_room_and_its_count_is_told() {
    let limits = Limits { dedup_entries_max: 2, ..Limits::default() };
    let mut world = World::with([dedup(60_000)], limits);
    world.matches(0, "a");
    world.matches(1, "b");
    world.matches(2, "a");
    let rows = world.matches(3, "c");
    assert!(words(&rows).contains(&"alert.suppressed deduplication 1".to_owned()), "{:?}", words(&rows));
    assert_eq!(words(&world.matches(4, "b")), Vec::<String>::new(), "b is still quiet");
    assert_eq!(alerts(&world.matches(5, "a")).len(), 1, "a is quiet no more");
    conserved(&world);
}

#[test]
fn stream_time_forgets_what_is_over() {
    let mut rule = dedup(10_000);
    rule.holdback.suppression_window_ms = Some(10_000);
    rule.holdback.storm = Some(Storm { alerts_max: 1, window_ms: 10_000 });
    let mut world = World::of([rule]);
    world.matches(0, "a");
    for tag in [0x22, 0x23, 0x24, 0x25, 0x26] {
        assert!(world.has_rows(tag), "{tag:x}");
    }
    world.feed(&Feed::Event { at: 200_000 });
    for tag in [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26] {
        assert!(!world.has_rows(tag), "{tag:x}");
    }
}

#[test]
fn matches_that_are_held_back_are_told_of_where_the_rule_asks() {
    let mut rule = dedup(60_000);
    rule.tell_matches = true;
    check(rule, &[(0, "a", &RAISED), (1, "a", &["rule.matched"])]);
}

#[test]
fn an_endpoint_cannot_make_what_is_told_of_it_too_large() {
    let long = "ü".repeat(50_000);
    let mut world = World::of([dedup(60_000)]);
    let endpoint: &'static str = Box::leak(long.clone().into_boxed_str());
    let what = "w".repeat(200_000);
    let id = format!("{long}1");
    let first = Feed::Match { at: 0, observed: 0, rule: 0, endpoint, group: "[]", id, what: what.clone() };
    let second = Feed::Match { at: 0, observed: 0, rule: 0, endpoint, group: "[]", id: format!("{long}2"), what };
    let rows = [world.feed(&first), world.feed(&second), world.tick(3600)].concat();
    assert_eq!(events(&rows, "alert.suppressed").len(), 1);
    for row in &rows {
        if let AnyRecord::TelemetryEvent(event) = &row.record {
            let bytes = body(event).len();
            assert!(bytes <= 64 * 1024, "{}: {bytes} bytes", event.event_type);
        }
    }
}
