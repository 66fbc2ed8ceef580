//! The breaker's states, and what is told of them.

use super::holdback::conserved;
use super::world::{Feed, World, alerts, events, member, rule, words};
use crate::limits::Limits;

/// Small numbers: over three failures a minute open it, one a minute passes half-open.
fn small() -> Limits {
    Limits { breaker_failures_max: 3, breaker_trial_max: 1, ..Limits::default() }
}

/// How many alerts a match at each second raises, and the changes that are told with it.
#[track_caller]
fn check(feeds: &[(Feed, usize, &[&str])]) {
    let mut world = World::with([rule("r")], small());
    for (place, (feed, raised, changes)) in feeds.iter().enumerate() {
        let rows = world.feed(feed);
        assert_eq!(alerts(&rows).len(), *raised, "{place}: {feed:?} {:?}", words(&rows));
        let told = rows.iter().filter(|row| {
            events(std::slice::from_ref(*row), "circuit_breaker.tripped").iter().any(|event| event.source == "guard")
        });
        let told: Vec<String> = told.flat_map(|row| words(std::slice::from_ref(row))).collect();
        let expected: Vec<String> = changes.iter().map(|change| format!("circuit_breaker.tripped {change}")).collect();
        assert_eq!(told, expected, "{place}: {feed:?}");
        conserved(&world);
    }
}

fn at(at: i64) -> Feed {
    let id = format!("event-{at}");
    Feed::Match { at, observed: at, rule: 0, endpoint: "host", group: "[]", what: id.clone(), id }
}

fn over_budget(at: i64) -> Feed {
    Feed::OverBudget { at, rule: 0 }
}

#[test]
fn one_more_than_a_minute_allows_opens_it_and_the_cooldown_lets_nothing_pass() {
    check(&[
        (at(0), 1, &[]),
        (at(1), 1, &[]),
        (at(2), 1, &[]),
        (at(3), 0, &["open 4"]),
        (at(4), 0, &[]),
        (at(62), 0, &[]),
        (at(63), 1, &["half_open 0"]),
    ]);
}

#[test]
fn failures_of_another_minute_do_not_count() {
    check(&[(at(0), 1, &[]), (at(58), 1, &[]), (at(59), 1, &[]), (at(60), 1, &[]), (at(61), 1, &[]), (at(62), 1, &[])]);
}

#[test]
fn a_calm_trial_closes_it_and_a_busy_one_opens_it_again() {
    let open = |feeds: &[(Feed, usize, &'static [&'static str])]| {
        let start: [(Feed, usize, &'static [&'static str]); 4] =
            [(at(0), 1, &[]), (at(1), 1, &[]), (at(2), 1, &[]), (at(3), 0, &["open 4"])];
        check(&[&start[..], feeds].concat());
    };
    open(&[(at(70), 1, &["half_open 0"]), (at(71), 0, &["open 2"]), (at(130), 0, &[]), (at(131), 1, &["half_open 0"])]);
    open(&[(at(70), 1, &["half_open 0"]), (at(122), 0, &["open 2"])]);
    open(&[(at(70), 1, &["half_open 0"]), (at(123), 1, &["closed 1"]), (at(124), 1, &[])]);
    open(&[
        (at(500), 1, &["half_open 0", "closed 0"]),
        (at(501), 1, &[]),
        (at(502), 1, &[]),
        (at(503), 0, &["open 4"]),
    ]);
}

#[test]
fn evaluations_over_their_budget_are_failures_too() {
    check(&[
        (over_budget(0), 0, &[]),
        (over_budget(1), 0, &[]),
        (at(2), 1, &[]),
        (over_budget(3), 0, &["open 4"]),
        (at(4), 0, &[]),
    ]);
}

#[test]
fn ticks_tell_the_changes_once_and_change_no_decision() {
    let tick = |at| Feed::Tick { at };
    check(&[
        (at(0), 1, &[]),
        (at(1), 1, &[]),
        (at(2), 1, &[]),
        (at(3), 0, &["open 4"]),
        (tick(62), 0, &[]),
        (tick(63), 0, &["half_open 0"]),
        (tick(64), 0, &[]),
        (tick(123), 0, &["closed 0"]),
        (tick(400), 0, &[]),
        // Observed long before what the ticks showed: it decides by its own time.
        (late(401, 4), 0, &[]),
        (late(402, 63), 1, &[]),
        (late(403, 64), 0, &["open 2"]),
    ]);
}

fn late(at: i64, observed: i64) -> Feed {
    let id = format!("event-{at}");
    Feed::Match { at, observed, rule: 0, endpoint: "host", group: "[]", what: id.clone(), id }
}

#[test]
fn all_rules_of_an_endpoint_together_have_one_more() {
    let mut world = World::with([rule("a"), rule("b")], small());
    for second in 0..3 {
        assert_eq!(alerts(&world.matches_of(usize::from(second == 1), second, "x")).len(), 1);
    }
    let rows = world.matches_of(1, 3, "x");
    assert_eq!(words(&rows), ["circuit_breaker.tripped open 4"]);
    let [tripped] = events(&rows, "circuit_breaker.tripped")[..] else { panic!("{rows:?}") };
    assert_eq!(member(tripped, "watcher_id"), r#""set""#);
    assert_eq!(member(tripped, "rule_id"), "", "it is of no rule");
    assert_eq!(alerts(&world.matches_of(0, 4, "y")).len(), 0, "no rule of the endpoint passes");
    let other = Feed::Match {
        at: 5,
        observed: 5,
        rule: 0,
        endpoint: "other",
        group: "[]",
        id: "on-other".to_owned(),
        what: "x".to_owned(),
    };
    assert_eq!(alerts(&world.feed(&other)).len(), 1, "another endpoint has its own");
    let rows = world.tick(200);
    let told: Vec<String> = words(&rows).into_iter().filter(|word| word.contains("suppressed")).collect();
    assert_eq!(told, ["alert.suppressed circuit_breaker 1", "alert.suppressed circuit_breaker 1"]);
    conserved(&world);
}
