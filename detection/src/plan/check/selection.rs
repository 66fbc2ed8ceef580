//! Rules that no event can reach, and subscriptions that select none.

use crate::plan::check::{fault, never};
use crate::plan::paths::PathList;
use crate::plan::predicate::Node;
use crate::plan::terms::{Terms, below};
use crate::rule::{Expr, Fault, Place, Rule, Subscription, TopicPattern, Window};

/// `naming` are the subscriptions that name the rule.
pub(in crate::plan) fn check(rule: &Rule, naming: &[&Subscription]) -> Vec<Fault> {
    if naming.is_empty() && rule.topics.is_empty() && rule.event_types.is_empty() {
        return vec![Fault {
            expected: Some("`topic`, `event_type`, or a subscription that names the rule".to_owned()),
            help: Some("write `topic: \"*\"` for every event".to_owned()),
            ..fault(Place::Rule, "a rule that sees no events")
        }];
    }
    let reaches = |naming: &&&Subscription| meets(&rule.topics, &naming.topic);
    if !naming.is_empty() && !naming.iter().any(|naming| reaches(&naming)) {
        let found: Vec<String> =
            naming.iter().map(|naming| format!("`{}` selects `{}`", naming.id, naming.topic)).collect();
        return vec![Fault {
            expected: Some("a topic that a subscription naming the rule selects as well".to_owned()),
            found: Some(found.join(", ")),
            help: Some("leave `topic` out to see all that the subscriptions select".to_owned()),
            ..fault(Place::Key("topic", None), "a rule that can never match")
        }];
    }
    let windows = rule.filter.as_ref().map(windows).unwrap_or_default();
    let mut faults = Vec::new();
    for (place, window) in windows {
        // An awaited step that never comes is what an absence is about.
        let needed: Vec<_> = match window {
            Window::Count(_) => Vec::new(),
            Window::Sequence { steps, .. } => steps.iter().enumerate().collect(),
            Window::Absent { after, .. } => vec![(1, after)],
        };
        for (child, step) in needed {
            let is_reached = |naming: &Subscription| meets(std::slice::from_ref(&naming.topic), &step.topic);
            let by_subscription = naming.is_empty() || naming.iter().any(|naming| is_reached(naming));
            if !meets(&rule.topics, &step.topic) || !by_subscription {
                faults.push(Fault {
                    expected: Some("a topic among those that the rule sees".to_owned()),
                    found: Some(format!("`{}`", step.topic)),
                    help: Some("add it to `topic`".to_owned()),
                    ..fault(Place::Filter(below(&place, child)), "a step that no event can be")
                });
            }
        }
    }
    faults
}

pub(in crate::plan) fn check_subscription(
    subscription: &Subscription,
    filters: &[Node],
    paths: &PathList,
    faults: &mut Vec<Fault>,
) {
    if subscription.rules.is_empty() {
        let help = Some("name the rules that shall see what it selects".to_owned());
        faults.push(Fault { help, ..fault(Place::Key("rules", None), "a subscription that names no rule") });
    }
    if subscription.events_per_sec_max == Some(0) {
        let help = Some("take the rate away for no limit, or the subscription for no events".to_owned());
        faults.push(Fault {
            help,
            ..fault(Place::Key("max_events_per_sec", None), "a rate of 0, which selects nothing")
        });
    }
    let filters: Vec<&Node> = filters.iter().collect();
    if let Some(why) = never(&filters, paths) {
        let place = Place::Key("payload_filters", None);
        faults.push(Fault { found: Some(why), ..fault(place, "payload filters that no event meets") });
    }
}

/// The windows at the top level, each with its place.
fn windows(filter: &Expr) -> Vec<(Vec<usize>, &Window)> {
    Terms::of(Some(filter), &mut Vec::new()).windows
}

/// Whether some topic may be meant by `pattern` and by one of `topics`; none mean every topic.
fn meets(topics: &[TopicPattern], pattern: &TopicPattern) -> bool {
    topics.is_empty() || topics.iter().any(|topic| !are_disjoint(topic, pattern))
}

fn are_disjoint(one: &TopicPattern, other: &TopicPattern) -> bool {
    use TopicPattern::{All, Exact, Prefix, Suffix};
    match (one, other) {
        (Exact(topic), pattern) | (pattern, Exact(topic)) => !pattern.matches(topic),
        (Prefix(one), Prefix(other)) => !one.starts_with(other.as_str()) && !other.starts_with(one.as_str()),
        (Suffix(one), Suffix(other)) => !one.ends_with(other.as_str()) && !other.ends_with(one.as_str()),
        (All, _) | (_, All) | (Prefix(_), Suffix(_)) | (Suffix(_), Prefix(_)) => false,
    }
}
