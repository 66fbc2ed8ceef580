//! Commands: where they take effect, what is passed over, and that a restart goes on by what was commanded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::To;
use contracts::canonical::Digest;
use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{CommandId, EndpointId};
use contracts::records::{AnyRecord, ControlCommand, ControlCommandType, DeadLetterReason, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics;
use detection::limits::Limits;
use detection::parts;
use detection::plan::Plan;
use detection::rule::RuleSet;
use detection::scenario::START_MICROS;

use crate::pipeline::{Pipeline, compiled, encoded};

/// Longer than a swap waits for its set.
const LATER: Duration = Duration::from_mins(1);

fn set(message: &str) -> RuleSet {
    let rule = |name: &str, more: &str| {
        format!(
            "rule {name} {{ topic: \"t\" severity: low category: policy alert: \"{message}\" dedup_window: 0s {more} }}"
        )
    };
    let rules = rule("here", "") + &rule("fleet", "scope: fleet filter: \"count_in_window(60s) >= 2\"");
    compiled(&rules).rule_set.clone()
}

/// Rules of the set called `message` alert with it.
fn publish(pipeline: &Pipeline, message: &str) -> Digest {
    let (digest, parts) = parts::split(&set(message)).unwrap();
    for part in parts {
        pipeline.send(topics::RULE_SETS, &format!("{digest}/{}", part.part), &encoded(&part));
    }
    digest
}

fn command(id: &str, command: ControlCommandType, parameters: &str) -> Vec<u8> {
    encoded(&ControlCommand {
        command_id: CommandId::new(id),
        command,
        parameters: JsonObject::new(parameters).unwrap(),
        issued_by: "ann".to_owned(),
        issued_at: Timestamp::from_micros(START_MICROS).unwrap(),
        reason: None,
    })
}

fn give(pipeline: &Pipeline, value: &[u8]) {
    pipeline.append(topics::CONTROL, To::Partition { index: 0, key: None }, value);
}

fn swap(pipeline: &mut Pipeline, id: &str, digest: Digest) {
    give(pipeline, &command(id, ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{digest}"}}"#)));
    assert_eq!(pipeline.mark(), 2, "one marker for each stage");
    pipeline.settle();
}

fn event(pipeline: &mut Pipeline, number: usize) {
    let text = format!(r#"{{"topic":"t","payload":{{"n":{number}}},"endpoint_id":"e{number}"}}"#);
    let event = drafted(&text);
    pipeline.send(topics::TELEMETRY_EVENTS, event.endpoint_id.as_str(), &encoded(&event));
    pipeline.settle();
}

/// Rule and message of each alert.
fn alerts(pipeline: &Pipeline) -> Vec<String> {
    let alerts = pipeline.records(topics::ALERTS).into_iter().map(|(_, record)| match record {
        AnyRecord::Alert(alert) => format!("{} {}", alert.rule_id, alert.message),
        other => panic!("{other:?}"),
    });
    alerts.collect()
}

/// Type and payload of what watchers told of commands.
fn told(pipeline: &Pipeline, event_type: &str) -> Vec<String> {
    let told = pipeline.records(topics::WATCHER_EVENTS).into_iter().filter_map(|(_, record)| match record {
        AnyRecord::TelemetryEvent(event) if event.event_type == event_type => Some(event.payload.as_str().to_owned()),
        _ => None,
    });
    told.collect()
}

fn letters(pipeline: &Pipeline) -> Vec<(String, DeadLetterReason)> {
    let letters = pipeline.records(topics::DEAD_LETTERS).into_iter().map(|(_, record)| match record {
        AnyRecord::DeadLetter(letter) => (letter.topic.clone(), letter.reason),
        other => panic!("{other:?}"),
    });
    letters.collect()
}

fn without_rules() -> Pipeline {
    Pipeline::new(&Arc::new(Plan::nothing(Limits::default())))
}

#[test]
fn a_rule_set_runs_from_its_swap_on_in_both_stages_and_after_a_restart() {
    let mut pipeline = without_rules();
    event(&mut pipeline, 0);
    assert!(alerts(&pipeline).is_empty(), "no rules, no alerts");
    let first = publish(&pipeline, "first");
    swap(&mut pipeline, "c1", first);
    assert_eq!(told(&pipeline, "rule_set.swapped").len(), 2, "told by each task");
    event(&mut pipeline, 1);
    let mut pipeline = pipeline.restart();
    event(&mut pipeline, 2);
    let found = alerts(&pipeline);
    assert_eq!(found, ["here first", "here first", "fleet first"], "the window of stage two spans the restart");
    let second = publish(&pipeline, "second");
    swap(&mut pipeline, "c2", second);
    event(&mut pipeline, 3);
    assert_eq!(alerts(&pipeline)[3..], ["here second", "fleet second"], "an alert's text changes no state");
}

#[test]
fn a_match_is_judged_by_what_was_in_force_where_it_was_found() {
    let mut pipeline = without_rules();
    let digest = publish(&pipeline, "first");
    give(&pipeline, &command("c1", ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{digest}"}}"#)));
    // Only stage one has its marker: the one for stage two stands behind the matches.
    pipeline.processor.pulse.listen(Duration::ZERO).unwrap();
    mark_first_for_events(&mut pipeline);
    event(&mut pipeline, 1);
    event(&mut pipeline, 2);
    assert_eq!(alerts(&pipeline), ["here first", "here first", "fleet first"]);
    assert_eq!(pipeline.mark(), 0, "both stages have it: stage two from the matches");
}

/// The marker of the first command, for stage one alone.
fn mark_first_for_events(pipeline: &mut Pipeline) {
    let marker = format!(
        r#"{{"topic":"system.control","endpoint_id":"_","payload":{{"control_offset":0,"digest":"{}"}}}}"#,
        digest_of_command(pipeline)
    );
    owners_event(pipeline, &marker);
    pipeline.settle();
}

fn digest_of_command(pipeline: &Pipeline) -> Digest {
    let (_, record) = pipeline.records(topics::CONTROL).remove(0);
    let text = record.to_json();
    let value = contracts::json::parse(text.as_bytes(), contracts::json::Mode::Tolerant, 64).unwrap();
    contracts::canonical::tolerant_text(&value).digest()
}

fn owners_event(pipeline: &Pipeline, text: &str) {
    let to = To::Partition { index: 0, key: Some(b"_") };
    pipeline.append(topics::TELEMETRY_EVENTS, to, &encoded(&drafted(text)));
}

/// Of the endpoint `_`, if the text names no other.
pub fn drafted(text: &str) -> TelemetryEvent {
    let (endpoint_id, now) = (EndpointId::new("_"), Timestamp::from_micros(START_MICROS).unwrap());
    event_from_json(text.as_bytes(), &Fill { endpoint_id: &endpoint_id, now, source: "test", place: 0 }).unwrap()
}

#[test]
fn markers_that_are_not_for_the_next_command_are_passed_over_and_false_ones_told() {
    let mut pipeline = without_rules();
    let digest = publish(&pipeline, "first");
    let marker = |offset: i64, digest: &str| {
        format!(r#"{{"topic":"system.control","payload":{{"control_offset":{offset},"digest":"{digest}"}}}}"#)
    };
    let zeros = "0".repeat(64);
    // None was given yet.
    owners_event(&pipeline, &marker(0, &zeros));
    pipeline.settle();
    assert!(letters(&pipeline).is_empty());
    swap(&mut pipeline, "c1", digest);
    // In force already; beyond the next.
    owners_event(&pipeline, &marker(0, &zeros));
    owners_event(&pipeline, &marker(9, &zeros));
    pipeline.settle();
    assert!(letters(&pipeline).is_empty());
    give(&pipeline, &command("c2", ControlCommandType::DisableRule, r#"{"rule_id":"here"}"#));
    // Somebody who may write events, and guesses.
    owners_event(&pipeline, &marker(1, &zeros));
    owners_event(&pipeline, r#"{"topic":"system.control","payload":{"control_offset":"one"}}"#);
    pipeline.settle();
    let events = topics::TELEMETRY_EVENTS.to_owned();
    let expected = [(events.clone(), DeadLetterReason::ControlMismatch), (events, DeadLetterReason::Invalid)];
    assert_eq!(letters(&pipeline), expected);
    assert!(told(&pipeline, "rule.disabled").is_empty(), "it is not in force");
    assert_eq!(pipeline.mark(), 2);
    pipeline.settle();
    assert_eq!(told(&pipeline, "rule.disabled").len(), 1);
}

#[test]
fn what_is_no_command_is_told_once_and_holds_up_nothing() {
    let mut pipeline = without_rules();
    give(&pipeline, b"not a command");
    let digest = publish(&pipeline, "first");
    give(&pipeline, &command("c1", ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{digest}"}}"#)));
    assert_eq!(pipeline.mark(), 4);
    pipeline.settle();
    assert_eq!(letters(&pipeline), [(topics::CONTROL.to_owned(), DeadLetterReason::Undecodable)]);
    event(&mut pipeline, 1);
    assert_eq!(alerts(&pipeline), ["here first"]);
}

#[test]
fn a_swap_waits_for_its_set_and_is_refused_when_it_does_not_come() {
    let mut pipeline = without_rules();
    let nobodys = Digest::of(b"nobody's");
    give(&pipeline, &command("c1", ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{nobodys}"}}"#)));
    assert_eq!(pipeline.mark(), 0, "it waits");
    assert_eq!(pipeline.mark_at(Instant::now() + LATER), 2, "no longer");
    pipeline.settle();
    assert_eq!(told(&pipeline, "command.refused").len(), 2);
    let late = parts::split(&set("late")).unwrap().0;
    give(&pipeline, &command("c2", ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{late}"}}"#)));
    let asked = Instant::now();
    assert_eq!(pipeline.mark_at(asked), 0);
    publish(&pipeline, "late");
    let until_looked = [100, 500, 999, 1_000].map(|ms| pipeline.mark_at(asked + Duration::from_millis(ms)));
    assert_eq!(until_looked, [0, 0, 0, 2], "a look reads the whole topic: there is one a second");
    pipeline.settle();
    event(&mut pipeline, 1);
    assert_eq!(alerts(&pipeline), ["here late"]);
}

#[test]
fn each_of_two_swaps_waits_its_own_time_where_tasks_stand_at_different_ones() {
    let mut pipeline = without_rules();
    for id in ["c1", "c2"] {
        let nobodys = Digest::of(id.as_bytes());
        give(&pipeline, &command(id, ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{nobodys}"}}"#)));
    }
    mark_first_for_events(&mut pipeline);
    assert_eq!(pipeline.mark(), 0, "stage one waits for the second, stage two for the first");
    assert_eq!(pipeline.mark_at(Instant::now() + LATER), 3, "stage two takes both");
}
