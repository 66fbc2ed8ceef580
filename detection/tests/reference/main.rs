//! The plan against a plain reading of the rules: whatever it skips, groups or reads directly, it finds the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod drawn;
mod evaluator;

use std::collections::BTreeMap;

use contracts::avro::{EventView, Framed, Framing};
use contracts::codec;
use contracts::field::{Depth, JsonObject, SchemaVersion};
use contracts::id::{EndpointId, EventId};
use contracts::records::{Scope, SourceType, TelemetryEvent};
use contracts::time::Timestamp;
use detection::plan::{Options, Plan, PlannedSubscription, Scratch};
use detection::rule::{Rule, RuleSet, Subscription, Watcher};
use drawn::Drawn;
use proptest::collection::vec;
use proptest::prelude::*;

fn set(rules: Vec<Rule>, subscriptions: Vec<Subscription>) -> RuleSet {
    RuleSet { name: "drawn".to_owned(), watchers: vec![Watcher { name: "w".to_owned(), subscriptions, rules }] }
}

fn compile(set: &RuleSet, added: &[PlannedSubscription]) -> Option<Plan> {
    Plan::compile(set, added, &Options::default()).ok()
}

/// The Avro body of an event with these ancestors, to borrow an [`EventView`] from.
fn body(ancestry: &[String]) -> Vec<u8> {
    let at = Timestamp::from_micros(1_763_722_800_000_000).unwrap();
    let event = TelemetryEvent {
        schema_version: SchemaVersion::MIN,
        event_id: EventId::new("12345678").unwrap(),
        event_type: String::new(),
        topic: String::new(),
        endpoint_id: EndpointId::new(""),
        source: "s".to_owned(),
        source_type: SourceType::External,
        is_watcher_generated: false,
        event_depth: Depth::ZERO,
        causation_id: None,
        ancestry: ancestry.to_vec(),
        correlation_id: None,
        actor_id: None,
        scope: Scope { session_id: None, thread_id: None },
        observed_at: at,
        ingested_at: at,
        stream: None,
        labels: BTreeMap::new(),
        payload: JsonObject::empty(),
    };
    let mut framed = Vec::new();
    codec::encode(&event, Framing::SingleObject, &mut framed).unwrap();
    let Ok(Framed::SingleObject(_, body)) = Framed::open(&framed) else { unreachable!() };
    body.to_vec()
}

fn check(plan: &Plan, set: &RuleSet, added: &[PlannedSubscription], drawn: &Drawn, scratch: &mut Scratch) {
    let body = body(&drawn.ancestry);
    let event = EventView {
        topic: drawn.topic,
        event_type: drawn.event_type,
        endpoint_id: drawn.endpoint_id,
        actor_id: drawn.actor_id,
        session_id: drawn.session_id,
        thread_id: drawn.thread_id,
        is_watcher_generated: drawn.is_watcher_generated,
        payload: &drawn.payload,
        ..EventView::read(&body).unwrap()
    };
    let is_limited = |subscription: usize| (subscription + drawn.payload.len()).is_multiple_of(2);
    let expected = evaluator::hits(set, added, &event, is_limited);

    let mut asked = Vec::new();
    let matched = plan.matching(&event, scratch, &mut |subscription| {
        asked.push(subscription);
        is_limited(subscription)
    });
    match expected {
        Some((hits, expected_asked)) => {
            let matched = matched.expect("an object is not refused");
            assert_eq!(matched.hits, hits, "{drawn:?}");
            assert_eq!(asked, expected_asked, "{drawn:?}");
            assert_eq!(matched.over_budget, [] as [usize; 0]);
            assert_eq!(matched.payload.is_some(), !hits.is_empty());
        }
        None => assert!(matched.is_err() || (matched.unwrap().hits.is_empty() && asked.is_empty()), "{drawn:?}"),
    }
}

/// Those that compile alone: what is refused is the matter of other tests.
fn accepted(rules: Vec<Rule>) -> Vec<Rule> {
    rules.into_iter().filter(|rule| compile(&set(vec![rule.clone()], vec![]), &[]).is_some()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_plan_finds_what_a_plain_reading_finds(
        rules in vec(drawn::rule(), 1..12),
        subscriptions in vec(drawn::subscription(), 0..4),
        added in vec(drawn::subscription(), 0..2),
        events in vec(drawn::event(), 1..12),
    ) {
        let rules = drawn::named(accepted(rules));
        prop_assume!(!rules.is_empty());
        let alone = |subscription: &Subscription| {
            compile(&set(rules.clone(), vec![subscription.clone()]), &[]).is_some()
        };
        let named = |prefix: &'static str, subscriptions: Vec<Subscription>| {
            let known: Vec<_> = subscriptions.into_iter().filter(&alone).collect();
            known.into_iter().enumerate().map(move |(place, subscription)| Subscription { id: format!("{prefix}{place}"), ..subscription })
        };
        let set = set(rules.clone(), named("s", subscriptions).collect());
        let added: Vec<_> = named("t", added)
            .map(|subscription| PlannedSubscription { watcher: "later".to_owned(), subscription })
            .collect();
        let Some(plan) = compile(&set, &added) else { return Err(TestCaseError::reject("topics that do not meet")) };
        let mut scratch = Scratch::default();
        for drawn in &events {
            check(&plan, &set, &added, drawn, &mut scratch);
        }
    }

    #[test]
    fn rules_are_found_by_the_value_of_the_field_they_share(
        rules in drawn::rules_of_one_field(),
        events in vec(drawn::event(), 1..12),
    ) {
        let set = set(drawn::named(accepted(rules)), vec![]);
        let Some(plan) = compile(&set, &[]) else { return Ok(()) };
        for drawn in &events {
            check(&plan, &set, &[], drawn, &mut Scratch::default());
        }
    }

    #[test]
    fn a_rule_refused_as_one_that_never_matches_is_never_hit(
        rule in drawn::rule(),
        events in vec(drawn::event(), 1..24),
    ) {
        let set = set(drawn::named(vec![rule]), vec![]);
        let Err(problems) = Plan::compile(&set, &[], &Options::default()) else { return Ok(()) };
        if problems.iter().all(|problem| problem.fault.what == "a rule that can never match") {
            for drawn in &events {
                let body = body(&[]);
                let event = EventView { topic: drawn.topic, event_type: drawn.event_type, payload: &drawn.payload, ..EventView::read(&body).unwrap() };
                let hits = evaluator::hits(&set, &[], &event, |_| false).map(|(hits, _)| hits);
                prop_assert!(hits.is_none_or(|hits| hits.is_empty()), "{problems:?} but hit by {drawn:?}");
            }
        }
    }
}
