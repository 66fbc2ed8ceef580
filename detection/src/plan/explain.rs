//! A plan in words: what will run, what it looks at first, and where its state lives.

use std::fmt::{self, Write as _};

use contracts::json::{Object, Value};

use super::entry::{self, Entry};
use super::gates::Gate;
use super::need::{Need, Test, Way};
use super::{Plan, PlannedRule, PlannedSubscription, Routing};
use crate::rule::{CountOf, Window};

/// One line of a rule or a subscription: its name and what it says.
type Line = (&'static str, Said);

enum Said {
    One(String),
    Many(Vec<String>),
}

pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("rule set {}\n  digest: {}\n", plan.set.name, plan.set.digest);
    for planned in &plan.rules {
        push(&mut text, format_args!("\nrule {}\n", planned.rule.id));
        push_lines(&mut text, rule(plan, planned));
    }
    for planned in &plan.subscriptions {
        push(&mut text, format_args!("\nsubscription {}\n", planned.subscription.id));
        push_lines(&mut text, subscription(planned));
    }
    text.push_str("\npayload fields\n");
    push_lines(&mut text, fields(plan));
    text
}

fn push_lines(text: &mut String, lines: Vec<Line>) {
    for (name, said) in lines {
        match said {
            Said::Many(items) if items.is_empty() => {}
            Said::Many(items) => push(text, format_args!("  {}: {}\n", name.replace('_', " "), items.join(", "))),
            Said::One(item) => push(text, format_args!("  {}: {item}\n", name.replace('_', " "))),
        }
    }
}

fn push(text: &mut String, line: fmt::Arguments<'_>) {
    text.write_fmt(line).expect("invariant: a String takes all that is written");
}

pub(super) fn json(plan: &Plan) -> Object<'static> {
    let set = Object::new().with("name", plan.set.name.clone()).with("digest", plan.set.digest.to_string());
    let rules = plan.rules.iter().map(|planned| object(planned.rule.id.to_string(), rule(plan, planned)));
    let subscriptions =
        plan.subscriptions.iter().map(|planned| object(planned.subscription.id.clone(), subscription(planned)));
    Object::new()
        .with("set", set)
        .with("rules", rules.collect::<Vec<_>>())
        .with("subscriptions", subscriptions.collect::<Vec<_>>())
        .with("fields", members(Object::new(), fields(plan)))
}

fn object(id: String, lines: Vec<Line>) -> Value<'static> {
    members(Object::new().with("id", id), lines).into()
}

fn members(object: Object<'static>, lines: Vec<Line>) -> Object<'static> {
    lines.into_iter().fold(object, |object, (name, said)| match said {
        Said::One(item) => object.with(name, item),
        Said::Many(items) => object.with(name, items.into_iter().map(Value::from).collect::<Vec<_>>()),
    })
}

fn rule(plan: &Plan, planned: &PlannedRule) -> Vec<Line> {
    let rule = &planned.rule;
    let naming = planned.matcher.subscriptions.iter().map(|&place| plan.subscriptions[place].subscription.id.clone());
    let (state, why) = match &planned.routing {
        Routing::Fused { why } => ("fused", why),
        Routing::Routed { why } => ("routed", why),
    };
    vec![
        ("watcher", Said::One(planned.source.clone())),
        ("topics", Said::Many(rule.topics.iter().map(ToString::to_string).collect())),
        ("event_types", Said::Many(rule.event_types.clone())),
        ("subscriptions", Said::Many(naming.collect())),
        ("looked_at_if", Said::Many(looked_at_if(plan, planned))),
        ("reads", Said::Many(planned.compared.iter().map(ToString::to_string).collect())),
        ("windows", Said::Many(planned.windows.iter().map(window).collect())),
        ("state", Said::One(state.to_owned())),
        ("why", Said::One(why.clone())),
        ("rule_digest", Said::One(planned.digest.to_string())),
        ("state_digest", Said::One(planned.state_digest.to_string())),
    ]
}

fn subscription(planned: &PlannedSubscription) -> Vec<Line> {
    let subscription = &planned.subscription;
    let filters = subscription.payload_filters.iter().map(|filter| filter.path.to_string());
    let rate = subscription.events_per_sec_max.map(|rate| format!("{rate} events a second and endpoint"));
    vec![
        ("watcher", Said::One(planned.watcher.clone())),
        ("topic", Said::One(subscription.topic.to_string())),
        ("reads", Said::Many(filters.collect())),
        ("at_most", Said::Many(rate.into_iter().collect())),
        ("rules", Said::Many(subscription.rules.iter().map(ToString::to_string).collect())),
    ]
}

fn fields(plan: &Plan) -> Vec<Line> {
    let read = |is_direct: bool| {
        let paths = plan.paths.iter().filter(|(id, _)| plan.paths.slot(*id).is_some() == is_direct);
        Said::Many(paths.map(|(_, path)| path.to_string()).collect())
    };
    vec![("from_the_text", read(true)), ("from_the_tree", read(false))]
}

fn window(window: &Window) -> String {
    match window {
        Window::Count(count) => {
            let what = match &count.of {
                CountOf::Events => "events".to_owned(),
                CountOf::Distinct(path) => format!("values of {path}"),
            };
            format!("{} {what} in {} ms", count.threshold, count.window_ms)
        }
        Window::Sequence { window_ms, steps, .. } => format!("{} steps in {window_ms} ms", steps.len()),
        Window::Absent { window_ms, .. } => format!("no answer in {window_ms} ms"),
    }
}

/// What of the event's head and its payload makes the rule worth asking.
fn looked_at_if(plan: &Plan, planned: &PlannedRule) -> Vec<String> {
    let entries = entry::of_rule(planned, &plan.subscriptions, &plan.selectors, &plan.paths);
    let lines = entries.into_iter().map(|Entry { gate, need }| {
        let gate = match gate {
            Gate::Topic(pattern) => format!("topic {pattern}"),
            Gate::EventType(event_type) => format!("event type {event_type}"),
        };
        let ways: Vec<String> = need.iter().flat_map(Need::ways).map(|way| way_in_words(plan, way)).collect();
        if ways.is_empty() { gate } else { format!("{gate} with {}", ways.join(" or ")) }
    });
    lines.collect()
}

fn way_in_words(plan: &Plan, way: &Way) -> String {
    match way {
        Way::Text(text) => format!("the text {:?}", String::from_utf8_lossy(text)),
        Way::Field { path, test } => {
            let path = plan.paths.get(*path);
            match test {
                Test::Present => format!("a value of {path}"),
                Test::Equal(literal) => format!("{path} equal to {literal}"),
                Test::Matches(pattern) => format!("a match of {pattern:?} in {path}"),
                Test::AtLeast(number) => format!("{path} at least {number}"),
                Test::AtMost(number) => format!("{path} at most {number}"),
            }
        }
    }
}
