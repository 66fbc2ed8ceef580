//! Random rules, subscriptions and events, drawn from small pools so that they meet often.

use std::fmt::Write as _;

use contracts::id::RuleId;
use contracts::json::{Mode, Value, parse};
use contracts::records::{Category, Severity};
use detection::jsonpath::Path;
use detection::rule::{
    Compare, Count, CountOf, Expr, Function, Literal, Operand, PayloadCondition, PayloadFilter, Rule, Scope, Step,
    Subscription, TopicPattern, Window,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 14] = [
    "$.a",
    "$.b",
    "$.a.b",
    "$.b.a",
    "$.c[0]",
    "$.c[-1]",
    "$.c[*]",
    "$..a",
    "$['q\"k']",
    "$.ä",
    "$",
    "$.c",
    "$.b[1].a",
    "$[?@.a == 1]",
];

const SINGULAR: [&str; 7] = ["$.a", "$.b", "$.a.b", "$.c[0]", "$.c[-1]", "$['q\"k']", "$.ä"];

/// JSON texts that stand in rules and in events.
const VALUES: [&str; 26] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "1.0",
    "10e-1",
    "2",
    "4096",
    "4097",
    "9007199254740993",
    "1e400",
    "-5",
    r#""""#,
    r#""a""#,
    r#""rm -rf /""#,
    r#""RM -RF /""#,
    r#""x\"y\\z""#,
    r#""k""#,
    r#""K""#,
    r#""10.0.0.7""#,
    r#""4111 1111 1111 1111""#,
    r#"["a",1]"#,
    r#"{"a":1}"#,
    r#""日本 dd if=/dev/zero""#,
];

const PATTERNS: [&str; 12] = [
    "rm",
    "^rm -rf",
    "(?i)rm -rf",
    "[0-9]{4} ?",
    "a|k",
    "(?i)k",
    "",
    "日.*dev",
    r"\bdd\b",
    "x\"y",
    r"[\w.]+@[\w.]+",
    r"\\z$",
];

const TOPICS: [&str; 9] = ["a", "a.b", "a.b.c", "b.a", "b", "*", "a.*", "*.b", "a.b.*"];

const EVENT_TOPICS: [&str; 8] = ["a", "a.b", "a.b.c", "b.a", "b", "a.c.b", "system.tick", "system.control"];

const NAMES: [&str; 3] = ["s1", "s2", "_"];

fn topic() -> impl Strategy<Value = TopicPattern> {
    select(&TOPICS[..]).prop_map(|text| text.parse().unwrap())
}

fn path() -> impl Strategy<Value = Path> {
    select(&PATHS[..]).prop_map(|text| Path::parse(text).unwrap())
}

fn singular() -> impl Strategy<Value = Path> {
    select(&SINGULAR[..]).prop_map(|text| Path::parse(text).unwrap())
}

fn literal() -> impl Strategy<Value = Literal> {
    select(&VALUES[..]).prop_map(|text| parse(text.as_bytes(), Mode::Strict, 8).unwrap())
}

fn operator() -> impl Strategy<Value = Compare> {
    use Compare::{Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    select(vec![Equal, Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual, Contains, Contains])
}

fn operand() -> impl Strategy<Value = Operand> {
    let call = (select(vec![Function::Len, Function::Lower, Function::Entropy]), path())
        .prop_map(|(function, path)| Operand::Call { function, args: vec![Operand::Path(path)] });
    prop_oneof![6 => path().prop_map(Operand::Path), 1 => call, 1 => literal().prop_map(Operand::Literal)]
}

fn condition() -> impl Strategy<Value = Expr> {
    let right = prop_oneof![6 => literal().prop_map(Operand::Literal), 1 => path().prop_map(Operand::Path)];
    let test = prop_oneof![
        Just((Function::Luhn, vec![])),
        Just((Function::Cidr, vec![Operand::Literal("10.0.0.0/8".into())])),
        Just((Function::Luhn, vec![Operand::Literal("[0-9 ]{19}".into())])),
    ];
    prop_oneof![
        6 => (operand(), operator(), right).prop_map(|(left, operator, right)| Expr::Compare { left, operator, right }),
        2 => (operand(), select(&PATTERNS[..])).prop_map(|(left, pattern)| Expr::Matches { left, pattern: pattern.to_owned() }),
        2 => (operand(), vec(literal(), 0..4)).prop_map(|(left, values)| Expr::In { left, values }),
        1 => path().prop_map(Expr::Exists),
        1 => (path(), test).prop_map(|(path, (function, rest))| {
            let args = std::iter::once(Operand::Path(path)).chain(rest).collect();
            Expr::Holds { function, args }
        }),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    condition().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 2..4).prop_map(Expr::And),
            2 => vec(inner.clone(), 2..4).prop_map(Expr::Or),
            1 => inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

fn step() -> impl Strategy<Value = Step> {
    (topic(), option::of(expr())).prop_map(|(topic, filter)| Step { topic, filter: filter.map(Box::new) })
}

fn window() -> impl Strategy<Value = Window> {
    let of = prop_oneof![Just(CountOf::Events), singular().prop_map(CountOf::Distinct)];
    prop_oneof![
        2 => (of, vec(singular(), 0..2), 1_u32..4)
            .prop_map(|(of, by, threshold)| Window::Count(Count { of, window_ms: 1_000, by, threshold })),
        1 => (vec(singular(), 0..2), vec(step(), 2..4))
            .prop_map(|(by, steps)| Window::Sequence { window_ms: 1_000, by, steps }),
        1 => (vec(singular(), 0..2), step(), step())
            .prop_map(|(by, step, after)| Window::Absent { window_ms: 1_000, step, after, by }),
    ]
}

fn filter() -> impl Strategy<Value = Option<Expr>> {
    prop_oneof![
        5 => expr().prop_map(Some),
        1 => Just(None),
        1 => window().prop_map(|window| Some(Expr::Window(window))),
        1 => (expr(), window()).prop_map(|(expr, window)| Some(Expr::And(vec![expr, Expr::Window(window)]))),
    ]
}

/// Rules that all ask the same field of the same events, so that the plan finds them by its value.
pub fn rules_of_one_field() -> impl Strategy<Value = Vec<Rule>> {
    let ask = prop_oneof![
        3 => (operator(), literal()).prop_map(|(operator, right)| Expr::Compare {
            left: Operand::Path(Path::parse("$.a").unwrap()),
            operator,
            right: Operand::Literal(right),
        }),
        2 => select(vec!["[0-9]{4} ?", "[0-9]", "[a-z]$", "^.{3}$", "^$", r"\w \w", "^[A-Z]", "[^a-z]"]).prop_map(|pattern| {
            Expr::Matches { left: Operand::Path(Path::parse("$.a").unwrap()), pattern: pattern.to_owned() }
        }),
    ];
    let rule = ask.prop_map(|filter| Rule { filter: Some(filter), ..plain("unnamed") });
    vec(rule, 10..40)
}

/// Its id is to be set.
pub fn rule() -> impl Strategy<Value = Rule> {
    let scope = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(fleet, session, thread)| Scope {
        fleet,
        session: session && thread,
        thread: thread && fleet,
    });
    let event_types = vec(select(&EVENT_TOPICS[..]).prop_map(str::to_owned), 0..2);
    (vec(topic(), 0..3), event_types, filter(), vec(singular(), 0..2), scope).prop_map(
        |(topics, event_types, filter, group_by, scope)| Rule {
            topics,
            event_types,
            filter,
            group_by,
            scope,
            ..plain("unnamed")
        },
    )
}

/// A rule that says nothing beyond the defaults.
pub fn plain(id: &str) -> Rule {
    let unnamed = Rule::new(RuleId::new(id), Severity::Low, Category::Security, "seen".to_owned());
    Rule { topics: vec![TopicPattern::All], ..unnamed }
}

/// Of rules `r0` to `r7`; its id is to be set.
pub fn subscription() -> impl Strategy<Value = Subscription> {
    let filter = (path(), literal(), select(&PATTERNS[..]), 0..6).prop_map(|(path, literal, pattern, kind)| {
        let condition = match kind {
            0 => PayloadCondition::Equals(literal),
            1 => PayloadCondition::Contains(literal),
            2 => PayloadCondition::Regex(pattern.to_owned()),
            3 => PayloadCondition::GreaterThan(literal),
            4 => PayloadCondition::LessThan(literal),
            _ => PayloadCondition::Exists,
        };
        PayloadFilter { path, condition }
    });
    let name = || option::weighted(0.3, select(&NAMES[..]).prop_map(str::to_owned));
    (topic(), [name(), name(), name()], vec(filter, 0..2), option::of(1_u32..3), vec(0..8, 1..4)).prop_map(
        |(topic, [actor_id, session_id, thread_id], payload_filters, events_per_sec_max, rules)| Subscription {
            id: String::new(),
            topic,
            actor_id,
            session_id,
            thread_id,
            payload_filters,
            events_per_sec_max,
            rules: rules.into_iter().map(|rule| RuleId::new(format!("r{rule}"))).collect(),
        },
    )
}

/// What a test sets of an event.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub topic: &'static str,
    pub event_type: &'static str,
    pub endpoint_id: &'static str,
    pub actor_id: Option<&'static str>,
    pub session_id: Option<&'static str>,
    pub thread_id: Option<&'static str>,
    pub is_watcher_generated: bool,
    pub ancestry: Vec<String>,
    pub payload: String,
}

pub fn event() -> impl Strategy<Value = Drawn> {
    let name = || option::of(select(&NAMES[..]));
    let topics = (select(&EVENT_TOPICS[..]), select(&EVENT_TOPICS[..]), any::<bool>());
    let ancestry = vec((0..8).prop_map(|rule| format!("r{rule}")), 0..2);
    (topics, select(&NAMES[..]), [name(), name(), name()], any::<bool>(), ancestry, payload()).prop_map(
        |((topic, other, is_same), endpoint_id, [actor_id, session_id, thread_id], generated, ancestry, payload)| {
            Drawn {
                topic,
                event_type: if is_same { topic } else { other },
                endpoint_id,
                actor_id,
                session_id,
                thread_id,
                is_watcher_generated: generated && is_same,
                ancestry,
                payload,
            }
        },
    )
}

/// The text of an object with keys that repeat and strings escaped at random; now and then no JSON at all.
fn payload() -> impl Strategy<Value = String> {
    let scalar = (select(&VALUES[..]), any::<u64>()).prop_map(|(text, seed)| {
        match parse(text.as_bytes(), Mode::Strict, 8).unwrap() {
            Value::String(string) => escaped(&string, seed),
            _ => text.to_owned(),
        }
    });
    let lone = Just(r#""rm\ud83d -rf /""#.to_owned());
    let value = prop_oneof![20 => scalar, 1 => lone].prop_recursive(3, 12, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))), object(inner),]
    });
    let broken =
        select(vec!["", "[]", "{", "{\"a\":}", "{\"a\":1}}", "\"rm\"", "{\"a\":\"\\x\"}"]).prop_map(str::to_owned);
    prop_oneof![30 => object(value), 1 => broken]
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let key = (select(vec!["a", "a", "b", "c", "q\"k", "ä"]), any::<u64>()).prop_map(|(key, seed)| escaped(key, seed));
    vec((key, value), 0..5).prop_map(|members| {
        let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// A JSON string; each bit of `seed` says whether a character is written as an escape.
fn escaped(text: &str, seed: u64) -> String {
    let mut out = String::from("\"");
    for (place, character) in text.chars().enumerate() {
        let is_escaped = seed.is_multiple_of(4) && (seed >> (2 + place % 60)) & 1 == 1;
        match character {
            _ if is_escaped => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}").unwrap();
                }
            }
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if seed & 8 == 0 => out.push_str("\\/"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Names of rules by what they are called in a set: `r0`, `r1`, ….
pub fn named(rules: Vec<Rule>) -> Vec<Rule> {
    rules.into_iter().enumerate().map(|(place, rule)| Rule { id: RuleId::new(format!("r{place}")), ..rule }).collect()
}
