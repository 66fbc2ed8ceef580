//! What a compiler refuses, what it decides, and what an event that nothing matches may cost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "reference/drawn.rs"]
#[allow(dead_code, reason = "the reference draws more of it")]
mod drawn;

use contracts::id::RuleId;
use contracts::json::Value;
use detection::jsonpath::Path;
use detection::plan::{Options, Plan, PlannedSubscription, Routing, Subject};
use detection::rule::{
    Compare, Count, CountOf, Expr, Function, Literal, Operand, PayloadCondition, PayloadFilter, Place, Rule, RuleSet,
    Scope, Step, Storm, Subscription, TopicPattern, Watcher, Window,
};
use drawn::plain;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn compare(left: &str, operator: Compare, right: impl Into<Literal>) -> Expr {
    Expr::Compare { left: Operand::Path(path(left)), operator, right: Operand::Literal(right.into()) }
}

fn equal(left: &str, right: impl Into<Literal>) -> Expr {
    compare(left, Compare::Equal, right)
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

fn count(window_ms: u64, threshold: u32, by: &[&str]) -> Expr {
    let by = by.iter().map(|text| path(text)).collect();
    Expr::Window(Window::Count(Count { of: CountOf::Events, window_ms, by, threshold }))
}

fn step(topic: &str, filter: Option<Expr>) -> Step {
    Step { topic: topic.parse().unwrap(), filter: filter.map(Box::new) }
}

fn sequence(steps: Vec<Step>) -> Expr {
    Expr::Window(Window::Sequence { window_ms: 1_000, by: Vec::new(), steps })
}

fn with(filter: Expr) -> Rule {
    Rule { filter: Some(filter), ..plain("r") }
}

fn subscription(topic: &str, rules: &[&str]) -> Subscription {
    Subscription {
        id: "s".to_owned(),
        topic: topic.parse().unwrap(),
        actor_id: None,
        session_id: None,
        thread_id: None,
        payload_filters: Vec::new(),
        events_per_sec_max: None,
        rules: rules.iter().map(|rule| RuleId::new(*rule)).collect(),
    }
}

fn set(rules: Vec<Rule>, subscriptions: Vec<Subscription>) -> RuleSet {
    RuleSet { name: "set".to_owned(), watchers: vec![Watcher { name: "w".to_owned(), subscriptions, rules }] }
}

fn faults(set: &RuleSet, playbooks: Option<&[String]>) -> Vec<(Subject, Place, String)> {
    let options = Options { playbooks, ..Options::default() };
    match Plan::compile(set, &[], &options) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            let told = problems.into_iter().map(|problem| {
                let text = problem.to_string();
                (problem.subject, problem.fault.place, text)
            });
            told.collect()
        }
    }
}

/// One rule with one fault, at its place and in its words.
fn check(rule: Rule, place: &Place, words: &str) {
    let told = format!("{rule:?}");
    let faults = faults(&set(vec![rule], vec![]), Some(&["isolate".to_owned()]));
    let [(Subject::Rule { watcher: 0, rule: 0 }, found, text)] = faults.as_slice() else {
        panic!("expected one fault, {words:?}, found {faults:?} of {told}");
    };
    assert_eq!((found, text.contains(words)), (place, true), "{text:?} does not say {words:?}");
}

#[test]
fn what_cannot_run_is_refused_at_its_place() {
    let filter = |places: &[usize]| Place::Filter(places.to_vec());
    let key = |name| Place::Key(name, None);
    let any = compare("$.a", Compare::Greater, 1);
    let cases: Vec<(Rule, Place, &str)> = vec![
        (Rule { topics: vec![], ..plain("r") }, Place::Rule, "sees no events"),
        (with(count(0, 5, &[])), filter(&[]), "without bound"),
        (with(count(u64::MAX, 5, &[])), filter(&[]), "over the limit"),
        (with(count(1, 0, &[])), filter(&[]), "threshold of 0"),
        (with(count(1, 10_001, &[])), filter(&[]), "at most 10000, found 10001"),
        (with(count(1, 5, &["$.a[*]"])), filter(&[]), "several values for the group"),
        (
            with(Expr::And(vec![any.clone(), count(1, 5, &["$.a"]), count(1, 5, &[])])),
            filter(&[2]),
            "group differently",
        ),
        (
            with(Expr::And(vec![count(1, 5, &[]), sequence(vec![step("*", None), step("*", None)])])),
            filter(&[1]),
            "`sequence` beside",
        ),
        (with(Expr::Or(vec![any.clone(), count(1, 5, &[])])), filter(&[1]), "inside another term"),
        (with(not(count(1, 5, &[]))), filter(&[0]), "inside another term"),
        (with(sequence(vec![step("*", None), step("*", Some(count(1, 5, &[])))])), filter(&[1]), "inside another term"),
        (with(sequence(vec![step("*", None)])), filter(&[]), "2 to 16 steps"),
        (
            Rule { group_by: vec![path("$.a"), path("$..b")], ..plain("r") },
            Place::Key("group_by", Some(1)),
            "several values",
        ),
        (Rule { group_by: vec![path("$.a"); 9], ..plain("r") }, key("group_by"), "too many paths"),
        (Rule { message: "{count} times".to_owned(), ..plain("r") }, key("alert"), "`{count}` in the alert"),
        (Rule { message: "by {group}".to_owned(), ..plain("r") }, key("alert"), "`{group}` in the alert"),
        (Rule { message: "{open".to_owned(), ..plain("r") }, key("alert"), "expected"),
        (Rule { playbook: Some("isolat".to_owned()), ..plain("r") }, key("playbook"), "did you mean `isolate`?"),
        (Rule { lateness_ms: u64::MAX, ..plain("r") }, key("lateness"), "over the limit"),
        (
            Rule {
                holdback: detection::rule::Holdback { suppression_window_ms: Some(0), ..plain("r").holdback },
                ..plain("r")
            },
            key("suppression_window"),
            "without bound",
        ),
        (
            Rule {
                holdback: detection::rule::Holdback {
                    storm: Some(Storm { alerts_max: 0, window_ms: 1 }),
                    ..plain("r").holdback
                },
                ..plain("r")
            },
            key("max_alerts_per_window"),
            "could never alert",
        ),
        (
            with(Expr::Matches { left: Operand::Path(path("$.a")), pattern: "(a".to_owned() }),
            filter(&[]),
            "unclosed group",
        ),
        (
            with(Expr::And(vec![
                any.clone(),
                Expr::Matches { left: Operand::Path(path("$.a")), pattern: r"(a)\1".to_owned() },
            ])),
            filter(&[1]),
            "back-reference",
        ),
        (
            with(Expr::Holds {
                function: Function::Cidr,
                args: vec![Operand::Path(path("$.a")), Operand::Literal("10.0.0.1/8".into())],
            }),
            filter(&[]),
            "10.0.0.0/8",
        ),
        (
            with(Expr::Holds { function: Function::Len, args: vec![Operand::Path(path("$.a"))] }),
            filter(&[]),
            "no condition",
        ),
    ];
    for (rule, place, words) in cases {
        check(rule, &place, words);
    }
}

#[test]
fn conditions_that_no_event_meets_are_found_and_no_others() {
    let call = |function, operator, right: Literal| Expr::Compare {
        left: Operand::Call { function, args: vec![Operand::Path(path("$.a"))] },
        operator,
        right: Operand::Literal(right),
    };
    let never: Vec<Expr> = vec![
        Expr::And(vec![equal("$.a", 1), equal("$.a", 2)]),
        Expr::And(vec![equal("$.a", "x"), compare("$.a", Compare::Contains, "y")]),
        Expr::And(vec![equal("$.a", 5), not(compare("$.a", Compare::Greater, 4))]),
        Expr::And(vec![compare("$.a", Compare::Greater, 5), compare("$.a", Compare::Less, 5)]),
        Expr::And(vec![compare("$.a", Compare::GreaterOrEqual, 5), compare("$.a", Compare::Less, 5)]),
        Expr::And(vec![compare("$.a", Compare::Greater, 5), compare("$.a", Compare::Less, "x")]),
        Expr::And(vec![Expr::Exists(path("$.a")), not(Expr::Exists(path("$.a")))]),
        Expr::And(vec![equal("$.b", 1), Expr::And(vec![equal("$.a", 1), equal("$.a", 2)])]),
        Expr::Or(vec![
            compare("$.a", Compare::Greater, true),
            Expr::In { left: Operand::Path(path("$.a")), values: vec![] },
        ]),
        Expr::Compare { left: Operand::Literal(1.into()), operator: Compare::Equal, right: Operand::Literal(2.into()) },
        compare("$.a", Compare::Less, Value::Null),
        call(Function::Lower, Compare::Equal, "ABC".into()),
        call(Function::Len, Compare::Equal, "3".into()),
    ];
    for filter in never {
        let found = faults(&set(vec![with(filter.clone())], vec![]), None);
        assert!(found.len() == 1 && found[0].2.contains("never match"), "{filter:?}: {found:?}");
    }
    let possible: Vec<Expr> = vec![
        Expr::And(vec![equal("$.a", 1), not(equal("$.a", 2))]),
        // Each of several values may meet one of them.
        Expr::And(vec![equal("$.a[*]", 1), equal("$.a[*]", 2)]),
        Expr::And(vec![compare("$.a", Compare::GreaterOrEqual, 5), compare("$.a", Compare::LessOrEqual, 5)]),
        Expr::And(vec![equal("$.a", 1), compare("$.a", Compare::GreaterOrEqual, 1)]),
        Expr::Or(vec![equal("$.a", 1), equal("$.a", 2)]),
        Expr::And(vec![not(equal("$.a", 1)), not(Expr::Exists(path("$.a")))]),
        compare("$.a", Compare::Less, "x"),
        call(Function::Lower, Compare::Equal, "abc".into()),
    ];
    for filter in possible {
        let found = faults(&set(vec![with(filter.clone())], vec![]), None);
        assert!(found.is_empty(), "{filter:?}: {found:?}");
    }
}

#[test]
fn rules_and_subscriptions_that_miss_each_other_are_refused() {
    let on = |topic: &str| Rule { topics: vec![topic.parse().unwrap()], ..plain("r") };
    let off = || Rule { topics: vec![], ..plain("r") };
    let regex = |pattern: &str| {
        let condition = PayloadCondition::Regex(pattern.to_owned());
        Subscription {
            payload_filters: vec![PayloadFilter { path: path("$.a"), condition }],
            ..subscription("*", &["r"])
        }
    };
    let cases: Vec<(RuleSet, &str)> = vec![
        (set(vec![], vec![]), "an empty rule set"),
        (set(vec![plain("r"), plain("r")], vec![]), "a rule id that another rule has"),
        (set(vec![plain("rule_one")], vec![subscription("*", &["rule_on"])]), "did you mean `rule_one`?"),
        (set(vec![plain("r")], vec![subscription("*", &[])]), "names no rule"),
        (
            set(vec![plain("r")], vec![subscription("*", &["r"]), subscription("*", &["r"])]),
            "a subscription id that another",
        ),
        (set(vec![on("a.*")], vec![subscription("b.*", &["r"])]), "never match"),
        (set(vec![on("*.x")], vec![subscription("a.y", &["r"])]), "never match"),
        (set(vec![plain("r")], vec![regex("(")]), "unclosed group"),
        (
            set(vec![plain("r")], vec![Subscription { events_per_sec_max: Some(0), ..subscription("*", &["r"]) }]),
            "a rate of 0",
        ),
        (
            set(vec![Rule { filter: Some(sequence(vec![step("a.b", None), step("c", None)])), ..on("a.*") }], vec![]),
            "a step that no event can be",
        ),
    ];
    for (set, words) in cases {
        let found = faults(&set, None);
        assert!(found.len() == 1 && found[0].2.contains(words), "{words}: {found:?}");
    }
    for (rule, topic) in [(on("a.*"), "*.b"), (on("a.*"), "a.b.*"), (off(), "b"), (on("*"), "b")] {
        assert_eq!(faults(&set(vec![rule], vec![subscription(topic, &["r"])]), None), [], "{topic}");
    }
}

#[test]
fn all_faults_are_told_at_once_and_in_order() {
    let broken = |id: &str| Rule { message: "{count}".to_owned(), filter: Some(not(count(0, 0, &[]))), ..plain(id) };
    let found = faults(&set(vec![broken("a"), plain("b"), broken("c")], vec![subscription("*", &["zzz"])]), None);
    let subjects: Vec<Subject> = found.iter().map(|(subject, ..)| *subject).collect();
    let rule = |rule| Subject::Rule { watcher: 0, rule };
    assert_eq!(subjects, [rule(0), rule(0), rule(2), rule(2), Subject::Subscription { watcher: 0, subscription: 0 }]);
    let added = PlannedSubscription { watcher: "w".to_owned(), subscription: subscription("*", &["gone"]) };
    let problems = Plan::compile(&set(vec![plain("a")], vec![]), &[added], &Options::default()).unwrap_err();
    assert_eq!(problems[0].subject, Subject::Added(0));
}

#[test]
fn state_is_where_the_scope_says() {
    let fleet = Scope { fleet: true, ..Scope::default() };
    let cases = [
        (plain("r"), false, "its scope is the endpoint, and"),
        (Rule { group_by: vec![path("$.user")], ..plain("r") }, false, "narrowed to each $.user"),
        (Rule { scope: fleet, ..plain("r") }, true, "the whole fleet"),
        (Rule { scope: fleet, ..with(count(1, 5, &["$.user"])) }, true, "each $.user over all endpoints"),
    ];
    for (rule, is_routed, words) in cases {
        let plan = Plan::compile(&set(vec![rule], vec![]), &[], &Options::default()).unwrap();
        let (routed, why) = match &plan.rules[0].routing {
            Routing::Fused { why } => (false, why),
            Routing::Routed { why } => (true, why),
        };
        assert!(routed == is_routed && why.contains(words), "{why}");
    }
}

#[test]
fn only_rules_that_name_a_watcher_event_hear_it() {
    let named = Rule { topics: vec!["alert.emitted".parse().unwrap()], ..plain("a") };
    let typed = Rule { topics: vec![TopicPattern::All], event_types: vec!["rule.matched".to_owned()], ..plain("b") };
    let plan = Plan::compile(&set(vec![named, typed, plain("c")], vec![]), &[], &Options::default()).unwrap();
    assert!(plan.hears("x", "alert.emitted") && plan.hears("rule.matched", "x"));
    assert!(!plan.hears("alert.emitted", "x") && !plan.hears("x", "rule.matched"));
}

#[test]
fn a_plan_says_what_it_looks_at() {
    let literal =
        Rule { topics: vec!["a.*".parse().unwrap()], ..with(compare("$.command", Compare::Contains, "rm -rf /")) };
    let number = Rule { id: RuleId::new("n"), ..with(compare("$.memory_mb", Compare::Greater, 4096)) };
    let nothing = Rule { id: RuleId::new("z"), ..with(not(Expr::Exists(path("$..x")))) };
    let plan = Plan::compile(&set(vec![literal, number, nothing], vec![]), &[], &Options::default()).unwrap();
    let text = plan.explain();
    for line in [
        "rule set set\n",
        "rule r\n  watcher: w\n  topics: a.*\n",
        "looked at if: topic a.* with the text \"rm -rf /\"\n",
        "looked at if: topic * with $.memory_mb at least 4096\n",
        "looked at if: topic *\n",
        "state: fused\n",
        "from the text: $.command, $.memory_mb\n  from the tree: $..x\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let json = Value::from(plan.explain_json()).to_string();
    let read = r#""looked_at_if":["topic a.* with the text \"rm -rf /\""],"reads":["$.command"],"#;
    assert!(json.contains(read), "{read} is not in {json}");
}

#[test]
fn details_are_the_values_compared_and_short() {
    let filter = Expr::Or(vec![
        compare("$.command", Compare::Contains, "x"),
        compare("$.items[*].n", Compare::Greater, 1),
        Expr::Exists(path("$.missing")),
        compare("$.tree", Compare::Equal, "x"),
    ]);
    let plan = Plan::compile(&set(vec![with(filter)], vec![]), &[], &Options::default()).unwrap();
    let long = "ü".repeat(300);
    let payload = format!(r#"{{"command":"{long}","items":[{{"n":1.50}},{{"n":2}}],"tree":{{"a":[1]}},"other":1}}"#);
    let payload = contracts::field::JsonObject::new(payload).unwrap();
    let details = plan.rules[0].details(&payload.value());
    let expected = format!(r#"{{"$.command":"{}…","$.items.*.n":[1.50,2],"$.tree":"{{\"a\":[1]}}"}}"#, "ü".repeat(256));
    assert_eq!(details.as_str(), expected);
}

#[test]
fn digests_change_with_what_they_cover_and_with_nothing_else() {
    let base =
        || Rule { message: "seen {count}".to_owned(), ..with(Expr::And(vec![equal("$.a", 1), count(1_000, 5, &[])])) };
    let digests = |rule: Rule, subscriptions: Vec<Subscription>| {
        let plan = Plan::compile(&set(vec![rule], subscriptions), &[], &Options::default()).unwrap();
        (plan.rules[0].digest, plan.rules[0].state_digest)
    };
    let first = digests(base(), vec![]);
    let longer = Expr::And(vec![equal("$.a", 1), count(2_000, 5, &[])]);
    let cases: Vec<(&str, Rule, Vec<Subscription>, bool, bool)> = vec![
        ("nothing", base(), vec![], false, false),
        ("description", Rule { description: Some("d".to_owned()), ..base() }, vec![], false, false),
        ("enabled", Rule { enabled: false, ..base() }, vec![], false, false),
        ("tests", Rule { tests: vec!["t".to_owned()], ..base() }, vec![], false, false),
        ("alert", Rule { message: "other".to_owned(), ..base() }, vec![], true, false),
        ("name", Rule { name: "other".to_owned(), ..base() }, vec![], true, false),
        ("playbook", Rule { playbook: Some("p".to_owned()), ..base() }, vec![], true, false),
        ("lateness", Rule { lateness_ms: 1, ..base() }, vec![], true, true),
        ("filter", Rule { filter: Some(longer), ..base() }, vec![], true, true),
        ("scope", Rule { scope: Scope { session: true, ..Scope::default() }, ..base() }, vec![], true, true),
        ("group_by", Rule { group_by: vec![path("$.a")], ..base() }, vec![], true, true),
        ("topic", Rule { topics: vec!["a".parse().unwrap()], ..base() }, vec![], true, true),
        ("subscription", base(), vec![subscription("a", &["r"])], false, true),
    ];
    for (what, rule, subscriptions, rule_changes, state_changes) in cases {
        let other = digests(rule, subscriptions);
        assert_eq!((first.0 != other.0, first.1 != other.1), (rule_changes, state_changes), "{what}");
    }
}
