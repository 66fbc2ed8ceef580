//! An event that nothing matches costs no allocation, once the scratch has grown to the plan.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "counting allocations needs a global allocator; it hands every call on unchanged")]

#[path = "reference/drawn.rs"]
#[allow(dead_code, reason = "the reference draws more of it")]
mod drawn;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use contracts::avro::{EventView, Framed, Framing};
use contracts::codec;
use contracts::field::{Depth, JsonObject, SchemaVersion};
use contracts::id::{EndpointId, EventId, RuleId};
use contracts::json::Value;
use contracts::records::{Scope, SourceType, TelemetryEvent};
use contracts::time::Timestamp;
use detection::jsonpath::Path;
use detection::plan::{Options, Plan, Scratch};
use detection::rule::{Compare, Expr, Operand, Rule, RuleSet};
use drawn::plain;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; a thread-local cell without a destructor is all that is
// touched beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn rule(id: &str, topic: &str, filter: Expr) -> Rule {
    Rule { id: RuleId::new(id), topics: vec![topic.parse().unwrap()], filter: Some(filter), ..plain(id) }
}

fn compare(path: &str, operator: Compare, right: impl Into<Value<'static>>) -> Expr {
    Expr::Compare { left: Operand::Path(Path::parse(path).unwrap()), operator, right: Operand::Literal(right.into()) }
}

fn plan() -> Plan {
    let matches = |pattern: String| Expr::Matches { left: Operand::Path(Path::parse("$.command").unwrap()), pattern };
    let mut rules = vec![
        rule("text", "*", compare("$.command", Compare::Contains, "rm -rf /")),
        rule("number", "*", compare("$.memory_mb", Compare::Greater, 4096)),
        rule("equal", "a.*", compare("$.user.name", Compare::Equal, "root")),
        rule("suffix", "*.error", compare("$.flag", Compare::Equal, true)),
        rule("other_topic", "z", compare("$.memory_mb", Compare::Less, 4096)),
    ];
    rules.extend((0..8).map(|n| rule(&format!("pattern{n}"), "*", matches(format!("^[0-9]{{{n},9}}x$")))));
    Plan::compile(&RuleSet::of_one("w", rules), &[], &Options::default()).unwrap()
}

fn body(topic: &str, payload: &str) -> Vec<u8> {
    let at = Timestamp::from_micros(1_763_722_800_000_000).unwrap();
    let event = TelemetryEvent {
        schema_version: SchemaVersion::MIN,
        event_id: EventId::new("12345678").unwrap(),
        event_type: topic.to_owned(),
        topic: topic.to_owned(),
        endpoint_id: EndpointId::new("host"),
        source: "s".to_owned(),
        source_type: SourceType::External,
        is_watcher_generated: false,
        event_depth: Depth::ZERO,
        causation_id: None,
        ancestry: vec![],
        correlation_id: None,
        actor_id: None,
        scope: Scope { session_id: None, thread_id: None },
        observed_at: at,
        ingested_at: at,
        stream: None,
        labels: BTreeMap::new(),
        payload: JsonObject::new(payload).unwrap(),
    };
    let mut framed = Vec::new();
    codec::encode(&event, Framing::SingleObject, &mut framed).unwrap();
    let Ok(Framed::SingleObject(_, body)) = Framed::open(&framed) else { unreachable!() };
    body.to_vec()
}

/// Allocations of one event and its hits, by a scratch that has seen it before.
fn cost(plan: &Plan, topic: &str, payload: &str) -> (u64, usize) {
    let body = body(topic, payload);
    let event = EventView::read(&body).unwrap();
    let mut scratch = Scratch::default();
    let mut once = || plan.matching(&event, &mut scratch, &mut |_| false).unwrap().hits.len();
    once();
    let before = ALLOCATIONS.get();
    let hits = once();
    (ALLOCATIONS.get() - before, hits)
}

#[test]
fn an_event_that_nothing_matches_allocates_nothing() {
    let plan = plan();
    let cases = [
        ("a.b", "{}"),
        ("a.b", r#"{"cmd":"ls -l","pid":4242,"nested":{"a":[1,2,{"b":null}]}}"#),
        ("a.b", r#"{"path":"C:\\temp\\\u0072m","note":"line\n"}"#),
        // Keys that rules read: values are looked at where they lie.
        ("a.b", r#"{"memory_mb":4000,"user":{"name":"alice"},"command":"ls -l"}"#),
        ("a.error", r#"{"flag":false,"memory_mb":"4097"}"#),
        // A literal, but not where the rule looks for it.
        ("a.b", r#"{"text":"rm -rf /","command":"ls"}"#),
    ];
    for (topic, payload) in cases {
        assert_eq!(cost(&plan, topic, payload), (0, 0), "{topic} {payload}");
    }
    let (allocations, hits) = cost(&plan, "a.b", r#"{"command":"rm -rf /"}"#);
    assert!(allocations > 0 && hits == 1, "a hit allocates, or nothing is counted");
}
