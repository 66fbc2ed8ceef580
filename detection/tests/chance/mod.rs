//! Random rules and rule sets, as any author could write them: strings of any characters, every kind of condition, action and
//! window. Window terms stand where they may; whether they go together is not looked after.

#![allow(dead_code, reason = "each test binary takes what it needs")]

use contracts::canonical::tolerant_text;
use contracts::field::Symbols;
use contracts::field::{JsonObject, Millionths};
use contracts::id::RuleId;
use contracts::json::{Number, Value};
use contracts::records::{AlertAction, Category, LogLevel, Priority, Severity};
use detection::jsonpath::Path;
use detection::rule::{
    Compare, Count, CountOf, Expr, Function, Holdback, Literal, Operand, PayloadCondition, PayloadFilter, Rule,
    RuleSet, Scope, Step, Storm, Subscription, TopicPattern, Watcher, Window,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

pub fn rule_set() -> impl Strategy<Value = RuleSet> {
    let watcher = (string(), vec(subscription(), 0..3), vec(rule(), 0..3))
        .prop_map(|(name, subscriptions, rules)| Watcher { name, subscriptions, rules });
    (string(), vec(watcher, 0..3)).prop_map(|(name, watchers)| RuleSet { name, watchers })
}

pub fn rule() -> impl Strategy<Value = Rule> {
    let head = (id(), of(string()), of(string()), any::<bool>(), vec(topic(), 0..3), vec(string(), 0..3));
    let matching = (of(filter()), vec(path(), 0..3), scope(), milliseconds());
    let alert = (symbol::<Severity>(), symbol::<Category>(), message(), holdback(), action(), of(string()));
    let rest = (vec(string(), 0..3), of(string()), share(), share(), any::<bool>(), vec(string(), 0..3));
    (head, matching, alert, rest).prop_map(|(head, matching, alert, rest)| {
        let (id, name, description, enabled, topics, event_types) = head;
        let (filter, group_by, scope, lateness_ms) = matching;
        let (severity, category, message, holdback, action, escalate_to) = alert;
        let (attack, playbook, confidence, risk_weight, tell_matches, tests) = rest;
        Rule {
            name: name.unwrap_or_else(|| id.clone()),
            id: RuleId::new(id),
            description,
            enabled,
            topics,
            event_types,
            filter,
            group_by,
            scope,
            lateness_ms,
            severity,
            category,
            message,
            holdback,
            action,
            escalate_to,
            attack,
            playbook,
            confidence,
            risk_weight,
            tell_matches,
            tests,
        }
    })
}

/// Conditions and window terms, joined by `and`.
pub fn filter() -> impl Strategy<Value = Expr> {
    let windows = vec(window().prop_map(Expr::Window), 0..3);
    (condition(), windows, any::<bool>()).prop_map(|(condition, mut windows, alone)| {
        if alone && !windows.is_empty() {
            windows.truncate(1);
        } else {
            windows.push(condition);
        }
        match windows.len() {
            1 => windows.remove(0),
            _ => Expr::And(windows),
        }
    })
}

/// No window terms.
pub fn condition() -> impl Strategy<Value = Expr> {
    plain_condition().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Expr::And),
            vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

fn plain_condition() -> impl Strategy<Value = Expr> {
    use Compare::{Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let operator = select(vec![Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual, Contains]);
    prop_oneof![
        4 => (path(), operator.clone(), literal()).prop_map(|(path, operator, value)| Expr::Compare {
            left: Operand::Path(path),
            operator,
            right: Operand::Literal(value),
        }),
        2 => (operand(), operator, operand()).prop_map(|(left, operator, right)| Expr::Compare { left, operator, right }),
        2 => (operand(), pattern()).prop_map(|(left, pattern)| Expr::Matches { left, pattern }),
        2 => (operand(), vec(literal(), 1..4)).prop_map(|(left, values)| Expr::In { left, values }),
        1 => path().prop_map(Expr::Exists),
        1 => (subject(), of(select(CARDS.to_vec()))).prop_map(|(subject, pattern)| {
            let pattern = pattern.map(|pattern| Operand::Literal(Value::from(pattern)));
            Expr::Holds { function: Function::Luhn, args: [subject].into_iter().chain(pattern).collect() }
        }),
        1 => (subject(), vec(select(vec!["10.0.0.0/8", "192.168.1.1", "fd00::/8"]), 1..3)).prop_map(|(subject, networks)| {
            let networks = networks.into_iter().map(|network| Operand::Literal(Value::from(network)));
            Expr::Holds { function: Function::Cidr, args: [subject].into_iter().chain(networks).collect() }
        }),
    ]
}

const CARDS: [&str; 2] = [r"\b(?:\d{4}[ -]?){3}\d{4}\b", r#"['"][0-9]{4}"#];

pub fn window() -> impl Strategy<Value = Window> {
    let by = || vec(path(), 0..3);
    let count = (of(path()), milliseconds(), by(), any::<u32>()).prop_map(|(distinct, window_ms, by, threshold)| {
        let of = distinct.map_or(CountOf::Events, CountOf::Distinct);
        Window::Count(Count { of, window_ms, by, threshold })
    });
    let sequence = (milliseconds(), by(), vec(step(), 0..4)).prop_map(|(window_ms, by, steps)| Window::Sequence {
        window_ms,
        by,
        steps,
    });
    let absent = (milliseconds(), step(), step(), by()).prop_map(|(window_ms, step, after, by)| Window::Absent {
        window_ms,
        step,
        after,
        by,
    });
    prop_oneof![2 => count, 1 => sequence, 1 => absent]
}

fn step() -> impl Strategy<Value = Step> {
    (topic(), of(condition())).prop_map(|(topic, filter)| Step { topic, filter: filter.map(Box::new) })
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![3 => subject(), 1 => literal().prop_map(Operand::Literal)]
}

/// A path, or what functions make of one.
fn subject() -> impl Strategy<Value = Operand> {
    let function = select(vec![Function::Entropy, Function::Len, Function::Lower]);
    path().prop_map(Operand::Path).prop_recursive(2, 3, 1, move |inner| {
        (function.clone(), inner).prop_map(|(function, arg)| Operand::Call { function, args: vec![arg] })
    })
}

pub fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        4 => any_string().prop_map(Value::from),
        2 => any::<i64>().prop_map(|number| canonical(&number.to_string())),
        2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?".prop_map(|number| canonical(&number)),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ]
}

/// The one spelling of a number that rules keep.
fn canonical(number: &str) -> Literal {
    let number = Number::parse(number.to_owned()).expect("the pattern makes numbers");
    let text = tolerant_text(&Value::Number(number)).into_string();
    Value::Number(Number::parse(text).expect("canonical numbers are numbers"))
}

pub fn path() -> impl Strategy<Value = Path> {
    let fixed = select(vec![
        "$",
        "$.a",
        "$.user.name",
        "$.a[0].b[-1]",
        "$['a-b']",
        r#"$["it's"]['a "b" \\ c']"#,
        "$.items[*].id",
        "$..name",
        "$[1:5:2, 'x']",
        "$.a[?@.b == 'c' && @.d > 1.5 || !@['e]']]",
        "$.ünï.日本",
        r"$['\u0000\n']",
        "$[?match(@.a, 'x[)\\\\]]')]",
    ]);
    let named = any_string().prop_map(|name| {
        let mut text = String::new();
        contracts::json::write_string(&mut text, &name);
        format!("$[{text}]")
    });
    prop_oneof![5 => fixed.prop_map(str::to_owned), 1 => named]
        .prop_map(|text| Path::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

pub fn topic() -> impl Strategy<Value = TopicPattern> {
    let topics = vec!["*", "a.b", "worker.*", "*.error", "it's.\"odd\"", "a b.\\*"];
    select(topics).prop_filter_map("it is a topic", |topic| topic.parse().ok())
}

fn pattern() -> impl Strategy<Value = String> {
    let fixed = select(vec![r"\d{3}[-.]?\d{4}", r#"(?i)^"quoted"|'it''s'$"#, r"\\x\x41\u{1F600}", "a\nb", ""]);
    prop_oneof![fixed.prop_map(str::to_owned), any_string().prop_map(|text| regex::escape(&text))]
}

/// Any characters, most often those that mean something to a form.
fn any_string() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,8}",
        "['\"\\\\#{}\n\r\t$a-c]{0,12}",
        "\\PC{0,8}",
        vec(any::<char>(), 0..4).prop_map(String::from_iter)
    ]
}

fn string() -> impl Strategy<Value = String> {
    any_string().prop_filter("it says something", |text| !text.is_empty())
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z_][a-z0-9_.-]{0,8}", 1 => string()]
}

fn message() -> impl Strategy<Value = String> {
    let plain = any_string().prop_map(|text| text.replace('{', "{{").replace('}', "}}"));
    (plain, select(vec!["", "{count} of {a.b}", " {group}"])).prop_map(|(plain, fields)| plain + fields)
}

fn milliseconds() -> impl Strategy<Value = u64> {
    prop_oneof![select(vec![0, 1, 1_000, 60_000, 90_000, 3_600_000, 604_800_000]), 0..10_u64.pow(13)]
}

fn share() -> impl Strategy<Value = Millionths> {
    prop_oneof![select(vec![0, 500_000, 1_000_000]), 0..=1_000_000]
        .prop_map(|share| Millionths::new(share).expect("in range"))
}

fn symbol<T: Symbols + std::fmt::Debug>() -> impl Strategy<Value = T> {
    select(T::ALL)
}

fn scope() -> impl Strategy<Value = Scope> {
    any::<(bool, bool, bool)>().prop_map(|(fleet, session, thread)| Scope { fleet, session, thread })
}

fn holdback() -> impl Strategy<Value = Holdback> {
    let storm = of((any::<u32>(), milliseconds()))
        .prop_map(|storm| storm.map(|(alerts_max, window_ms)| Storm { alerts_max, window_ms }));
    (milliseconds(), vec(path(), 0..3), vec(string(), 0..3), of(milliseconds()), storm).prop_map(
        |(dedup_window_ms, dedup_by, dedup_ignore, suppression_window_ms, storm)| Holdback {
            dedup_window_ms,
            dedup_by,
            dedup_ignore,
            suppression_window_ms,
            storm,
        },
    )
}

fn action() -> impl Strategy<Value = AlertAction> {
    let parameters = select(vec!["{}", r##"{"a":1,"b":{"c":["x","\"#{",null]}}"##, r#"{"":"\n"}"#]);
    prop_oneof![
        Just(AlertAction::Notify),
        string().prop_map(|reason| AlertAction::Block { reason }),
        (string(), symbol::<Priority>()).prop_map(|(target, priority)| AlertAction::Escalate { target, priority }),
        symbol::<LogLevel>().prop_map(|level| AlertAction::LogSignal { level }),
        (string(), parameters).prop_map(|(action_type, parameters)| {
            let parameters = JsonObject::new(parameters).expect("it is an object");
            AlertAction::Guardrail { action_type, parameters }
        }),
    ]
}

pub fn subscription() -> impl Strategy<Value = Subscription> {
    let selection = (of(string()), of(string()), of(string()), vec(payload_filter(), 0..3), of(any::<u32>()));
    (string(), topic(), selection, vec(id().prop_map(RuleId::new), 0..3)).prop_map(|(id, topic, selection, rules)| {
        let (actor_id, session_id, thread_id, payload_filters, events_per_sec_max) = selection;
        Subscription { id, topic, actor_id, session_id, thread_id, payload_filters, events_per_sec_max, rules }
    })
}

fn payload_filter() -> impl Strategy<Value = PayloadFilter> {
    let condition = prop_oneof![
        literal().prop_map(PayloadCondition::Equals),
        literal().prop_map(PayloadCondition::Contains),
        pattern().prop_map(PayloadCondition::Regex),
        literal().prop_map(PayloadCondition::GreaterThan),
        literal().prop_map(PayloadCondition::LessThan),
        Just(PayloadCondition::Exists),
    ];
    (path(), condition).prop_map(|(path, condition)| PayloadFilter { path, condition })
}
