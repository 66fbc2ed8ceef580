//! Who is told of an alert, and who next.

use contracts::field::JsonObject;
use contracts::records::{AlertAction, EscalationStatus, LogLevel, Priority, Severity};

use super::world::{World, alerts, events, requests, rule, words};
use crate::rule::Rule;

fn severe(severity: Severity) -> Rule {
    Rule { severity, ..rule("r") }
}

/// What an alert leads to, and what each of these minutes of silence after it.
#[track_caller]
fn check(rule: Rule, first: &[&str], later: &[(i64, &str)]) {
    let mut world = World::of([rule]);
    let rows = world.matches(0, "x");
    assert_eq!(words(&rows)[..3], ["alert", "alert.emitted", "rule.matched"]);
    assert_eq!(words(&rows)[3..], *first);
    let waits = words(&rows).iter().any(|word| word.starts_with("escalation.sent"));
    let status = if waits { EscalationStatus::Pending } else { EscalationStatus::None };
    assert_eq!(alerts(&rows)[0].escalation_status, status);
    let mut told = Vec::new();
    for minute in 1..=600 {
        let words = words(&world.tick(minute * 60));
        told.extend(words.into_iter().map(|word| (minute, word)));
    }
    let later: Vec<(i64, String)> = later.iter().map(|(minute, word)| (*minute, (*word).to_owned())).collect();
    assert_eq!(told, later);
}

const SESSION: &str = "escalation.sent session_supervisor high requested";
const APPLICATION: &str = "escalation.sent application_supervisor critical immediate";

#[test]
fn severities_go_their_ways_and_silence_goes_up_until_it_stops() {
    check(severe(Severity::Info), &["log.signal info"], &[]);
    check(
        severe(Severity::Low),
        &["escalation.sent supervisor low none", "log.signal info"],
        &[
            (60, "escalation.sent session_supervisor high none"),
            (120, "escalation.sent application_supervisor critical none"),
            (180, "escalation.sent application_supervisor critical none"),
            (240, "escalation.sent application_supervisor critical none"),
            (300, "escalation.sent application_supervisor critical none"),
            (360, "log.signal error"),
        ],
    );
    check(
        severe(Severity::Medium),
        &["escalation.sent supervisor normal none", "log.signal warn"],
        &[
            (30, "escalation.sent session_supervisor high none"),
            (60, "escalation.sent application_supervisor critical none"),
            (90, "escalation.sent application_supervisor critical none"),
            (120, "escalation.sent application_supervisor critical none"),
            (150, "escalation.sent application_supervisor critical none"),
            (180, "log.signal error"),
        ],
    );
    let top = "escalation.sent application_supervisor critical requested";
    let later = [(10, top), (20, top), (30, top), (40, top), (50, "log.signal error")];
    check(severe(Severity::High), &[SESSION], &later);
    let later = [(5, APPLICATION), (10, APPLICATION), (15, APPLICATION), (20, "log.signal error")];
    check(severe(Severity::Critical), &[APPLICATION], &later);
}

#[test]
fn a_name_takes_the_place_of_the_first_and_supervisor_is_the_level_of_the_severity() {
    let first = |rule: Rule| {
        let words = words(&World::of([rule]).matches(0, "x"));
        words.into_iter().skip(3).collect::<Vec<_>>().join(", ")
    };
    let to = |severity, name: &str| Rule { escalate_to: Some(name.to_owned()), ..severe(severity) };
    let acting = |severity, action| Rule { action, ..severe(severity) };
    let escalate = |target: &str, priority| AlertAction::Escalate { target: target.to_owned(), priority };
    let block = || AlertAction::Block { reason: "no".to_owned() };
    let cases = [
        (to(Severity::High, "supervisor"), SESSION),
        (to(Severity::Critical, "supervisor"), APPLICATION),
        (to(Severity::High, "on-call"), "escalation.sent on-call high requested"),
        (to(Severity::Info, "on-call"), "escalation.sent on-call low none, log.signal info"),
        (acting(Severity::High, escalate("dba", Priority::Low)), "escalation.sent dba low requested"),
        (
            acting(Severity::Low, escalate("supervisor", Priority::Critical)),
            "escalation.sent supervisor critical none, log.signal info",
        ),
        (acting(Severity::Critical, block()), APPLICATION),
        (acting(Severity::Medium, block()), "escalation.sent supervisor normal requested, log.signal warn"),
        (acting(Severity::Critical, AlertAction::LogSignal { level: LogLevel::Debug }), "log.signal debug"),
    ];
    for (rule, expected) in cases {
        let shown = format!("{:?} {:?} {:?}", rule.severity, rule.action, rule.escalate_to);
        assert_eq!(first(rule), expected, "{shown}");
    }
}

#[test]
fn a_name_at_the_top_is_told_again_itself() {
    let rule = Rule { escalate_to: Some("on-call".to_owned()), ..severe(Severity::Critical) };
    let sent = "escalation.sent on-call critical immediate";
    check(rule, &[sent], &[(5, sent), (10, sent), (15, sent), (20, "log.signal error")]);
}

#[test]
fn a_guardrail_action_is_asked_for_beside_the_path() {
    let action = AlertAction::Guardrail {
        action_type: "isolate".to_owned(),
        parameters: JsonObject::new(r#"{"level":"soft"}"#).unwrap(),
    };
    let rule = Rule { action, playbook: Some("playbook--1".to_owned()), ..severe(Severity::High) };
    let rows = World::of([rule]).matches(7, "x");
    assert_eq!(words(&rows), ["alert", "alert.emitted", "rule.matched", SESSION, "request"]);
    let (alert, request) = (alerts(&rows)[0], requests(&rows)[0]);
    assert_eq!(request.alert_id, alert.alert_id);
    assert_eq!(request.trigger_event_id, alert.trigger_event.event_id);
    assert_eq!((&*request.requested_by, request.requested_at), ("rule:r", alert.triggered_at));
    assert_eq!((request.dry_run, request.depth.get(), request.confidence), (false, 0, alert.confidence));
    assert_eq!(request.evidence_refs, alert.evidence_refs);
    let refs: Vec<_> = alert.evidence_refs.iter().map(|at| (&*at.kind, &*at.reference)).collect();
    assert_eq!(refs, [("event", "event-0001"), ("playbook", "playbook--1")]);
    assert_eq!(rows.last().map(|row| (row.topic, &*row.key)), Some(("guardrail.requests.v1", "host")));
}

#[test]
fn an_alert_is_whole() {
    let mut rule = severe(Severity::High);
    rule.holdback.suppression_window_ms = Some(60_000);
    let mut world = World::of([rule]);
    let rows = world.matches(7, "x");
    assert_eq!((rows[0].topic, &*rows[0].key), ("alerts.v1", "host"));
    let alert = alerts(&rows)[0];
    assert_eq!(alert.rule_name, "The rule r");
    assert_eq!(alert.rule_digest, world.plan.rules[0].digest);
    assert_eq!(alert.rule_set, world.plan.set);
    assert_eq!(alert.trigger_event.event_id.as_str(), "event-0001");
    assert_eq!(alert.message, "saw x");
    assert_eq!((alert.source.as_str(), alert.group_key.as_str()), ("guard", "[]"));
    assert_eq!(alert.triggered_at.to_string(), "2026-01-01T00:00:07.000000Z");
    assert_eq!(alert.suppressed_until.unwrap().to_string(), "2026-01-01T00:01:07.000000Z");
    assert_eq!((alert.occurrences, alert.episode, alert.window.is_none()), (1, 1, true));
    assert_eq!(alert.attack, ["T1059"]);
    let emitted = events(&rows, "alert.emitted")[0];
    assert_eq!((emitted.event_depth.get(), &*emitted.source), (1, "guard"));
    assert_eq!(emitted.correlation_id.as_deref(), Some("correlated"));
    assert_eq!(emitted.scope, alert.trigger_event.scope);
    assert!(rows.iter().skip(1).all(|row| row.topic == "watcher.events.v1" && row.key == "guard"));
}

#[test]
fn whoever_is_named_by_a_level_begins_there_and_silence_goes_on_upwards() {
    const TOLD: &str = "escalation.sent application_supervisor normal none";
    const FIRST: &str = "escalation.sent session_supervisor low none";
    const NEXT: &str = "escalation.sent application_supervisor critical none";
    let rule = Rule { escalate_to: Some("application_supervisor".to_owned()), ..severe(Severity::Medium) };
    check(rule, &[TOLD, "log.signal warn"], &[(30, TOLD), (60, TOLD), (90, TOLD), (120, "log.signal error")]);
    let rule = Rule { escalate_to: Some("session_supervisor".to_owned()), ..severe(Severity::Low) };
    let later = [(60, NEXT), (120, NEXT), (180, NEXT), (240, NEXT), (300, "log.signal error")];
    check(rule, &[FIRST, "log.signal info"], &later);
}
