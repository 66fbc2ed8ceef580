//! What people command: carried out once, told, or refused with everything that is wrong.

use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::field::JsonObject;
use contracts::partition::partition_of;
use contracts::records::{Alert, ControlCommandType as Kind, EscalationStatus, Severity};

use super::holdback::conserved;
use super::world::{Feed, SECOND, START, World, alerts, events, member, rule, set, words};
use crate::json_form;
use crate::rule::{Rule, RuleSet, TopicPattern};
use crate::step::Running;
use crate::step::effects::Row;
use crate::step::input::{Stage, Task};

/// The parameters of a command about an alert.
pub fn about(alert: &Alert) -> String {
    let escaped = alert.group_key.replace('"', "\\\"");
    format!(
        r#"{{"alert_id":"{}","rule_id":"{}","group_key":"{escaped}","endpoint_id":"{}"}}"#,
        alert.alert_id, alert.rule_id, alert.trigger_event.endpoint_id
    )
}

fn quiet() -> Rule {
    let mut rule = Rule { severity: Severity::High, ..rule("r") };
    rule.holdback.dedup_window_ms = 600_000;
    rule.holdback.suppression_window_ms = Some(600_000);
    rule
}

/// The parameters of the alert that a first match raises.
fn raised(world: &mut World) -> String {
    let rows = world.matches(0, "a");
    about(alerts(&rows)[0])
}

#[test]
fn an_acknowledged_alert_escalates_no_more() {
    let mut world = World::of([quiet()]);
    let alert = raised(&mut world);
    let rows = world.command(60, "c1", Kind::Acknowledge, &alert);
    let [told] = events(&rows, "alert.acknowledged")[..] else { panic!("{:?}", words(&rows)) };
    assert_eq!(member(told, "acknowledged_by"), r#""olga""#);
    assert_eq!(member(told, "acknowledged_at"), r#""2026-01-01T00:01:00.000000Z""#);
    assert_eq!((told.endpoint_id.as_str(), &*told.ancestry), ("host", &["r".to_owned()][..]));
    assert_eq!(told.causation_id.as_ref().unwrap().as_str(), "command:c1");
    assert_eq!(words(&world.tick(4000)), Vec::<String>::new());
    let [active] = &world.active()[..] else { panic!("{:?}", world.active()) };
    assert_eq!((active.acknowledged_by.as_deref(), &*active.group_key), (Some("olga"), "[]"));
    assert_eq!(active.escalation_status, EscalationStatus::Acknowledged);
    let rows = world.command(4001, "c2", Kind::Acknowledge, &alert);
    assert_eq!(words(&rows), ["command.refused olga acknowledged it at 2026-01-01T00:01:00.000000Z"]);
}

#[test]
fn a_resolved_alert_makes_way_for_its_next_episode() {
    let mut world = World::of([quiet()]);
    let alert = raised(&mut world);
    world.matches(1, "a");
    world.matches(2, "b");
    let rows = world.command(60, "c1", Kind::Resolve, &alert);
    assert_eq!(words(&rows), ["alert.suppressed deduplication 1", "alert.suppressed suppression 1", "alert.resolved"]);
    let resolved = events(&rows, "alert.resolved")[0];
    assert_eq!(member(resolved, "changed_by"), r#""olga""#);
    assert_eq!(member(resolved, "reason"), r#""because""#);
    assert_eq!(member(resolved, "position"), r#"{"control_offset":0,"topic":"telemetry.events.v1","partition":0}"#);
    assert_eq!(world.active(), []);
    let rows = world.matches(61, "a");
    assert_eq!(alerts(&rows)[0].episode, 2, "the same fingerprint again");
    assert_eq!(words(&world.tick(61 + 600)).len(), 1, "only the second alert escalates");
    assert_eq!(
        words(&world.command(62, "c2", Kind::Acknowledge, &alert))[0].split(' ').next(),
        Some("command.refused")
    );
    conserved(&world);
}

#[test]
fn resolving_an_old_alert_leaves_the_windows_of_a_later_one() {
    let mut rule = rule("r");
    rule.holdback.dedup_window_ms = 10_000;
    let mut world = World::of([rule]);
    let first = raised(&mut world);
    assert_eq!(alerts(&world.matches(20, "a")).len(), 1, "the window of the first is over");
    assert_eq!(words(&world.command(21, "c1", Kind::Resolve, &first)), ["alert.resolved"]);
    assert_eq!(words(&world.matches(22, "a")), Vec::<String>::new(), "the second one keeps its repeats quiet");
}

#[test]
fn a_repeated_command_does_nothing() {
    let mut world = World::of([quiet()]);
    let alert = raised(&mut world);
    assert_eq!(words(&world.command(1, "c1", Kind::Resolve, &alert)), ["alert.resolved"]);
    assert_eq!(world.command(1, "c1", Kind::Resolve, &alert), []);
    assert_eq!(world.command(1, "c1", Kind::DisableRule, r#"{"rule_id":"r"}"#), []);
    assert!(world.is_enabled(0), "whatever it says the second time");
    assert_eq!(alerts(&world.matches(2, "a"))[0].episode, 2, "resolved once");
}

#[test]
fn a_mute_holds_back_until_its_time_and_tells_how_many() {
    let mut world = World::of([rule("r"), rule("s")]);
    let until = |seconds: i64| format!(r#"{{"rule_id":"r","until":{}}}"#, START + seconds * SECOND);
    let rows = world.command(0, "c1", Kind::Mute, &until(60));
    assert_eq!(member(events(&rows, "rule.muted")[0], "until"), r#""2026-01-01T00:01:00.000000Z""#);
    assert_eq!(words(&world.matches(1, "a")), Vec::<String>::new());
    assert_eq!(words(&world.matches(2, "b")), Vec::<String>::new());
    assert_eq!(alerts(&world.matches_of(1, 3, "c")).len(), 1, "another rule speaks");
    assert_eq!(words(&world.tick(59)), Vec::<String>::new());
    assert_eq!(words(&world.tick(60)), ["alert.suppressed mute 2"]);
    assert_eq!(alerts(&world.matches(61, "d")).len(), 1);
    conserved(&world);
}

#[test]
fn a_mute_is_lifted_by_a_time_that_is_past() {
    let mut world = World::of([rule("r")]);
    let mute = |until: i64| format!(r#"{{"rule_id":"r","endpoint_id":"host","until":{}}}"#, START + until * SECOND);
    assert_eq!(words(&world.command(0, "c0", Kind::Mute, &mute(0)))[0].split(' ').next(), Some("command.refused"));
    world.command(0, "c1", Kind::Mute, &mute(600));
    world.matches(1, "a");
    assert_eq!(words(&world.command(5, "c2", Kind::Mute, &mute(5))), ["alert.suppressed mute 1", "rule.muted"]);
    assert_eq!(alerts(&world.matches(6, "b")).len(), 1);
    conserved(&world);
}

#[test]
fn a_mute_means_what_it_names() {
    let cases = [
        (r#""endpoint_id":"host","#, true),
        (r#""endpoint_id":"other","#, false),
        (r#""group_key":"[]","#, true),
        (r#""group_key":"[\"g\"]","#, false),
        (r#""group_key":"[]","endpoint_id":"other","#, false),
        ("", true),
    ];
    for (named, holds) in cases {
        let mut world = World::of([rule("r")]);
        let parameters = format!(r#"{{"rule_id":"r",{named}"until":"2027-01-01T00:00:00Z"}}"#);
        world.command(0, "c1", Kind::Mute, &parameters);
        assert_eq!(alerts(&world.matches(1, "a")).is_empty(), holds, "{named}");
    }
}

#[test]
fn a_rule_is_switched_off_and_on() {
    let mut world = World::of([rule("r")]);
    for (id, kind, is_on) in [("c1", Kind::DisableRule, false), ("c2", Kind::EnableRule, true)] {
        let rows = world.command(5, id, kind, r#"{"rule_id":"r"}"#);
        let name = if is_on { "rule.enabled" } else { "rule.disabled" };
        let told = events(&rows, name)[0];
        assert_eq!((&*told.topic, member(told, "enabled")), ("rule.state_change", is_on.to_string()));
        assert_eq!(member(told, "changed_at"), r#""2026-01-01T00:00:05.000000Z""#);
        assert_eq!(world.is_enabled(0), is_on);
    }
}

fn swap(world: &mut World, at: i64, id: &'static str, rules: Vec<Rule>) -> Vec<Row> {
    world.next_set = Some(set(rules));
    world.command(at, id, Kind::SwapRuleSet, &format!(r#"{{"digest":"{}"}}"#, "1".repeat(64)))
}

#[test]
fn a_swap_tells_what_it_drops_and_keeps_the_state_of_what_stays() {
    let deduped = |id: &str| {
        let mut rule = Rule { severity: Severity::Critical, ..rule(id) };
        rule.holdback.dedup_window_ms = 600_000;
        rule
    };
    let mut world = World::of([deduped("gone"), deduped("stays")]);
    for rule in [0, 0, 1, 1] {
        world.matches_of(rule, 0, "a");
    }
    world.command(1, "c0", Kind::Mute, r#"{"rule_id":"gone","until":"2027-01-01T00:00:00Z"}"#);
    let rows = swap(&mut world, 2, "c1", vec![deduped("stays")]);
    assert_eq!(words(&rows), ["alert.suppressed deduplication 1", "rule_set.swapped"]);
    let swapped = events(&rows, "rule_set.swapped")[0];
    assert_eq!(member(swapped, "subject"), format!("{:?}", "1".repeat(64)));
    assert_eq!(member(swapped, "dropped"), r#"[{"rule_id":"gone","why":"gone","active_alerts":1}]"#);
    assert_eq!(swapped.source, "set");
    assert_eq!(world.plan.rules.len(), 1);
    assert_eq!(world.plan.set.digest.to_string(), "1".repeat(64));
    assert_eq!(world.running().set, Some(world.plan.set.digest), "what a restart goes on with");
    assert_eq!(words(&world.matches_of(0, 3, "a")), Vec::<String>::new(), "its repeats stay quiet");
    assert_eq!(words(&world.tick(302)).len(), 1, "one of the two alerts escalates");
    assert!(!world.has_rows(0x35), "the mute went with its rule");
    conserved(&world);
}

#[test]
fn a_swap_with_an_error_keeps_what_runs() {
    let mut world = World::of([rule("r")]);
    let before = (Arc::clone(&world.plan), world.running());
    let rows = swap(&mut world, 0, "c1", Vec::new());
    assert!(words(&rows)[0].starts_with("command.refused rule set `set`: an empty rule set"), "{:?}", words(&rows));
    assert!(Arc::ptr_eq(&before.0, &world.plan));
    assert_eq!(before.1, world.running());
}

#[test]
fn a_swap_drops_the_state_of_a_rule_that_sees_something_else_and_not_of_one_that_says_it_otherwise() {
    let said = Rule { message: "said otherwise".to_owned(), ..quiet() };
    let seen = Rule { topics: vec![TopicPattern::All], ..quiet() };
    for (next, expected) in
        [(said, &["rule_set.swapped"][..]), (seen, &["alert.suppressed deduplication 1", "rule_set.swapped"])]
    {
        let mut world = World::of([quiet()]);
        let alert = raised(&mut world);
        world.matches(1, "a");
        let rows = swap(&mut world, 2, "c1", vec![next]);
        assert_eq!(words(&rows), expected);
        conserved(&world);
        assert_eq!(alerts(&world.matches(3, "a")).len(), expected.len() - 1);
        let rows = world.command(4, "c2", Kind::Acknowledge, &alert);
        assert_eq!(words(&rows), ["alert.acknowledged"], "what happened has happened");
    }
}

const SUBSCRIBE: &str =
    r#"{"watcher":"guard","subscription_id":"s","subscription":{"topic":"worker.*"},"rules":["r"]}"#;
const UNSUBSCRIBE: &str = r#"{"subscription_id":"s"}"#;

#[test]
fn a_subscription_comes_and_goes_and_outlives_a_swap() {
    let mut world = World::of([rule("r")]);
    let rows = world.command(5, "c1", Kind::Subscribe, SUBSCRIBE);
    assert_eq!(words(&rows), ["subscription.created"]);
    let created =
        r#"{"subscription_id":"s","topic":"worker.*","rule_count":1,"created_at":"2026-01-01T00:00:05.000000Z"}"#;
    assert_eq!(events(&rows, "subscription.created")[0].payload.as_str(), created);
    assert_eq!(world.plan.subscriptions, world.running().added);

    let again = words(&world.command(6, "c2", Kind::Subscribe, SUBSCRIBE));
    assert_eq!(again, ["command.refused expected an id that no subscription has; remove that one first"]);
    assert_eq!(words(&swap(&mut world, 7, "c3", vec![rule("r"), rule("t")])), ["rule_set.swapped"]);
    assert_eq!(world.plan.subscriptions.len(), 1);
    let without = words(&swap(&mut world, 8, "c4", vec![rule("t")]));
    assert!(without[0].starts_with("command.refused subscription `s`"), "{without:?}");
    assert_eq!(world.plan.rules.len(), 2, "what ran goes on");

    let rows = world.command(9, "c5", Kind::Unsubscribe, UNSUBSCRIBE);
    assert_eq!(events(&rows, "subscription.removed")[0].payload.as_str(), created);
    assert_eq!((world.plan.subscriptions.len(), world.running().added.len()), (0, 0));
}

#[test]
fn a_subscription_of_the_set_stays_removed_until_the_set_has_none_of_that_id() {
    let mut world = World::of([rule("r")]);
    let text = r#"{"subscription_id":"s","topic":"worker.*","rules":["r"]}"#;
    let mut own = set([rule("r")]);
    own.watchers[0].subscriptions = vec![json_form::subscription_from_json("s", text).unwrap()];
    let swap = |world: &mut World, id, set: &RuleSet| {
        world.next_set = Some(set.clone());
        world.command(0, id, Kind::SwapRuleSet, &format!(r#"{{"digest":"{}"}}"#, "1".repeat(64)))
    };
    swap(&mut world, "c1", &own);
    assert_eq!(world.plan.subscriptions.len(), 1);
    assert_eq!(words(&world.command(1, "c2", Kind::Unsubscribe, UNSUBSCRIBE)), ["subscription.removed"]);
    assert_eq!((world.plan.subscriptions.len(), world.running().removed), (0, vec!["s".to_owned()]));
    swap(&mut world, "c3", &own);
    assert_eq!(world.plan.subscriptions.len(), 0, "the same set again does not bring it back");
    assert_eq!(words(&world.command(2, "c4", Kind::Subscribe, SUBSCRIBE)), ["subscription.created"]);
    assert_eq!(words(&world.command(3, "c5", Kind::Unsubscribe, UNSUBSCRIBE)), ["subscription.removed"]);
    assert_eq!(world.plan.subscriptions.len(), 0);
    swap(&mut world, "c6", &set([rule("r")]));
    assert_eq!(world.running().removed, Vec::<String>::new());
    swap(&mut world, "c7", &own);
    assert_eq!(world.plan.subscriptions.len(), 1);
}

#[test]
fn a_subscription_that_is_wrong_is_refused_with_everything_that_is_wrong() {
    let mut world = World::of([rule("r")]);
    let wrong =
        r#"{"watcher":"guard","subscription_id":"s","subscription":{"topic":"worker.*","colour":1},"rules":["r"]}"#;
    let unknown = r#"{"watcher":"guard","subscription_id":"s","subscription":{"topic":"worker.*"},"rules":["q"]}"#;
    for (id, parameters, names) in [("c1", wrong, "colour"), ("c2", unknown, "q"), ("c3", "{}", "`watcher`")] {
        let rows = world.command(0, id, Kind::Subscribe, parameters);
        let words = words(&rows);
        assert!(words[0].starts_with("command.refused") && words[0].contains(names), "{words:?}");
        assert_eq!(world.running(), Running::default());
    }
}

#[test]
fn an_agents_status_is_kept_by_the_task_of_its_endpoint() {
    let parameters = r#"{"agent_id":"host","status":"PROBATION"}"#;
    for partition in 0..7 {
        let mut world = World::of([rule("r")]);
        world.task = task(Stage::One, partition);
        let is_owner = partition == partition_of(b"host", NonZeroU32::new(7).unwrap());
        let rows = world.command(0, "c1", Kind::SetAgentStatus, parameters);
        assert_eq!(rows.len(), usize::from(is_owner), "partition {partition}");
        assert_eq!(world.has_rows(0x36), is_owner);
        if is_owner {
            assert_eq!(member(events(&rows, "agent.status_changed")[0], "subject"), r#""host""#);
        }
    }
}

fn task(stage: Stage, partition: u32) -> Task {
    Task { stage, partition, partitions: NonZeroU32::new(7).unwrap() }
}

#[test]
fn one_task_answers_a_command() {
    let alert = r#"{"alert_id":"none","rule_id":"r","group_key":"[]","endpoint_id":"host"}"#;
    let unknown = r#"{"alert_id":"none","rule_id":"gone","group_key":"[]","endpoint_id":"host"}"#;
    let owner = partition_of(b"host", NonZeroU32::new(7).unwrap());
    let cases = [
        (Kind::Acknowledge, alert, (Stage::One, owner)),
        (Kind::Resolve, unknown, (Stage::One, 0)),
        (Kind::Resolve, "{}", (Stage::One, 0)),
        (Kind::DisableRule, r#"{"rule_id":"r"}"#, (Stage::One, 0)),
        (Kind::Mute, r#"{"rule_id":"r","until":"2027-01-01T00:00:00Z"}"#, (Stage::One, 0)),
    ];
    for (kind, parameters, expected) in cases {
        let tasks = (0..7).flat_map(|partition| [(Stage::One, partition), (Stage::Two, partition)]);
        let answering: Vec<_> = tasks
            .filter(|(stage, partition)| {
                let mut world = World::of([rule("r")]);
                world.task = task(*stage, *partition);
                !world.command(0, "c1", kind, parameters).is_empty()
            })
            .collect();
        assert_eq!(answering, [expected], "{kind:?} {parameters}");
    }
    for stage in [Stage::One, Stage::Two] {
        let mut world = World::of([rule("r")]);
        world.task = task(stage, 3);
        let digest = format!(r#"{{"digest":"{}"}}"#, "0".repeat(64));
        assert_eq!(world.command(0, "c1", Kind::SwapRuleSet, &digest).len(), 1, "every task answers a swap");
    }
}

#[test]
fn everything_wrong_with_a_command_is_said_at_once() {
    let cases = [
        (
            Kind::Resolve,
            r#"{"alert":"a","rule_id":7,"group_key":"[]"}"#,
            "`alert`: unknown field; the nearest known is `alert_id`; `alert_id`: missing; expected a string; `rule_id`: expected a string, found a number; `endpoint_id`: missing; expected a string",
        ),
        (Kind::DisableRule, r#"{"rule_id":"rr"}"#, r#"expected a rule of set "set", found "rr"; did you mean "r"?"#),
        (
            Kind::SetAgentStatus,
            r#"{"agent_id":"host","status":"asleep"}"#,
            r#"`status`: expected one of ACTIVE, PROBATION, BLOCKED, found "asleep""#,
        ),
        (Kind::Unsubscribe, r#"{"subscription_id":"s"}"#, "expected the id of a subscription that runs, found none"),
        (
            Kind::Resolve,
            r#"{"alert_id":"a","rule_id":"r","group_key":"[]","endpoint_id":"host"}"#,
            r#"expected an active alert of rule "r" with group [] on endpoint "host", found none; it may be resolved, or these are not its own"#,
        ),
        (
            Kind::SwapRuleSet,
            r#"{"digest":"0000000000000000000000000000000000000000000000000000000000000000"}"#,
            "expected all parts of this set on rule.sets.v1, found none",
        ),
    ];
    for (kind, parameters, reason) in cases {
        let mut world = World::of([rule("r")]);
        assert!(JsonObject::new(parameters).is_ok());
        let rows = world.command(0, "c1", kind, parameters);
        assert_eq!(words(&rows), [format!("command.refused {reason}")], "{kind:?} {parameters}");
    }
}

#[test]
fn mutes_that_hold_at_once_are_counted_apart_and_told_once_each() {
    let mut routed = rule("r");
    routed.scope.fleet = true;
    let mut world = World::of([routed]);
    world.task.stage = Stage::Two;
    let until = |seconds: i64, more: &str| format!(r#"{{"rule_id":"r","until":{}{more}}}"#, START + seconds * SECOND);
    world.command(0, "c1", Kind::Mute, &until(100, ""));
    world.command(0, "c2", Kind::Mute, &until(200, r#","endpoint_id":"other""#));
    for (second, endpoint) in (1..).zip(["host", "other", "host", "other", "other"]) {
        let id = format!("event-{second}");
        let feed = Feed::Match { at: second, observed: second, rule: 0, endpoint, group: "[]", what: id.clone(), id };
        assert_eq!(words(&world.feed(&feed)), Vec::<String>::new());
    }
    assert_eq!(words(&world.tick(100)), ["alert.suppressed mute 2"]);
    assert_eq!(words(&world.tick(200)), ["alert.suppressed mute 3"]);
    conserved(&world);
}
